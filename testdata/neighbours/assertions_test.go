package neighbours

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin/powgintest"
)

// assertions are those of powgintest. A site that passes is green with all.
var assertions = map[string]func(t testing.TB, s *site){
	"AssertNoFixation": func(t testing.TB, s *site) { powgintest.AssertNoFixation(t, s.app()) },
	"AssertNoRevival":  func(t testing.TB, s *site) { powgintest.AssertNoRevival(t, s.app()) },
	"AssertRotates": func(t testing.TB, s *site) {
		app := s.app()
		powgintest.AssertRotates(t, app, app.Change)
	},
	"AssertStaleAtMost": func(t testing.TB, s *site) {
		powgintest.AssertStaleAtMost(t, s.app(), time.Minute,
			func() { s.sql("UPDATE users SET plan = 'overdue'") }, plan)
	},
}

const (
	green    = "" // the site passes
	planted  = "session fixation"
	replayed = "with them after its sign-out"
	revived  = "signed out while a slow request was under way"
	lives    = "with them after it, when App.Grace"
	old      = "after the change the page shows"
	stays    = "brought the browser no new cookie"
)

func TestWhatPowgintestSaysOfTheSites(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]map[string]string{
		"cookie":                  {"AssertNoFixation": replayed, "AssertNoRevival": revived, "AssertRotates": lives, "AssertStaleAtMost": green},
		"memstore":                {"AssertNoFixation": planted, "AssertNoRevival": revived, "AssertRotates": stays, "AssertStaleAtMost": green},
		"gorm":                    {"AssertNoFixation": planted, "AssertNoRevival": revived, "AssertRotates": stays, "AssertStaleAtMost": green},
		"scs":                     {"AssertNoFixation": green, "AssertNoRevival": revived, "AssertRotates": green, "AssertStaleAtMost": green},
		"scs, without RenewToken": {"AssertNoFixation": planted},
		"cookie, user":            {"AssertStaleAtMost": old},
		"memstore, user":          {"AssertStaleAtMost": old},
		"gorm, user":              {"AssertStaleAtMost": old},
		"scs, user":               {"AssertStaleAtMost": old},
		"powgin":                  {"AssertNoFixation": green, "AssertNoRevival": green, "AssertRotates": green, "AssertStaleAtMost": green},
	} {
		for assertion, want := range says {
			t.Run(name+"/"+assertion, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := sites[name](t)
					said := record(t, func(r testing.TB) { assertions[assertion](r, s) })
					if !strings.Contains(said, want) || (want == green) != (said == "") {
						t.Errorf("it says %q; want %q", said, want)
					}
				})
			})
		}
	}
}

// A recorder is a test that notes its failures in place of failing.
type recorder struct {
	testing.TB
	said strings.Builder
}

// record returns what f says as a test of its own.
func record(t testing.TB, f func(t testing.TB)) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.said.String()
}

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(&r.said, format+"\n", args...) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) FailNow() { runtime.Goexit() }
