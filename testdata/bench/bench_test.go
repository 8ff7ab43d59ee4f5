package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(m.Run())
}

// quick are the options of the run that tests make.
func quick(only string) options {
	return options{quick: true, loopback: true, connections: 2, only: regexp.MustCompile(only)}
}

// TestEveryContenderAnswers runs everything that can run here, and looks at what a
// reader finds in the directory afterwards.
func TestEveryContenderAnswers(t *testing.T) {
	t.Parallel()
	o := quick("")
	o.out = t.TempDir()
	var printed bytes.Buffer
	r, err := run(t.Context(), o, &printed)
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(filepath.Join(o.out, "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts() {
		for _, c := range p.contenders {
			t.Run(p.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				row := r.find(c.name)
				if row == nil {
					t.Fatal("the results have no such row")
				}
				line := "\n| " + row.title() + " | "
				for where, text := range map[string]string{"on the screen": printed.String(), "in RESULTS.md": string(written)} {
					if !strings.Contains(text, line) {
						t.Errorf("no line %q %s", line, where)
					}
				}
				if row.leftOut != "" {
					without(t, row.leftOut)
				}
				if len(row.ns) != 1 || row.ns[0] <= 0 {
					t.Errorf("the row has the times %v; want one", row.ns)
				}
			})
		}
	}
	for name, p := range r.pictures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantPicture(t, filepath.Join(o.out, name), p)
			if link := "](" + name + ")"; !strings.Contains(string(written), link) {
				t.Errorf("RESULTS.md does not show %s", name)
			}
		})
	}
	if len(r.served) == 0 || len(r.pictures()) != len(pictureNames) {
		t.Errorf("%d rows over HTTP and %d pictures; want some, and %d", len(r.served), len(r.pictures()), len(pictureNames))
	}
}

// wantPicture fails unless the file is XML that names every row of the picture.
func wantPicture(t *testing.T, file string, p picture) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s is no XML: %v", file, err)
		}
		if data, ok := token.(xml.CharData); ok {
			words = append(words, strings.TrimSpace(string(data)))
		}
	}
	for _, row := range p.rows {
		if !slices.Contains(words, row.name) || !slices.Contains(words, duration(row.median())) {
			t.Errorf("%s does not show %s with %s", file, row.name, duration(row.median()))
		}
	}
}

// without ends a test that needs a server that is not there.
func without(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Names are how contenders are held against each other.
func TestContendersAreHeldAgainstEachOther(t *testing.T) {
	t.Parallel()
	var names []string
	for _, p := range parts() {
		if title(p.name) == "" {
			t.Errorf("the part %s has no title", p.name)
		}
		for _, c := range p.contenders {
			if slices.Contains(names, c.name) {
				t.Errorf("two contenders are named %q", c.name)
			}
			names = append(names, c.name)
		}
	}
	for _, p := range parts() {
		for _, c := range p.contenders {
			for _, other := range c.against {
				if !slices.Contains(names, other) {
					t.Errorf("%q is held against %q, which is not there", c.name, other)
				}
			}
		}
	}
}

// A contender whose server is not there keeps its row, which says why it is empty.
func TestAContenderMayBeLeftOut(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	c := contender{name: "c", open: func(*world) (*app, error) { return nil, fmt.Errorf("c: %w", absent{"nobody answers"}) }}
	left, err := c.start(w)
	if err != nil || left.app != nil {
		t.Fatalf("start = %v, %v; want a row without an app", left, err)
	}
	r := &results{parts: []resultPart{{part{name: "memory"}, []*row{left}}}}
	if want := "\n| c | left out: nobody answers |"; !strings.Contains(r.markdown(false), want) {
		t.Errorf("the table is\n%s\nwant the line %q", r.markdown(false), want)
	}
	if len(r.pictures()) != 0 {
		t.Errorf("%d pictures show nothing; want none", len(r.pictures()))
	}
}

// Sessions that come from a cookie are measured with the cookie, and tokens with
// the header.
func TestSigningInHandsOnWhatTheAnswerSets(t *testing.T) {
	t.Parallel()
	a := &app{handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", Secure: true})
		w.Header().Set("Token", "t")
	})}
	if _, err := a.signIn(newTestWorld(t)); err != nil {
		t.Fatal(err)
	}
	if got := a.request.Header.Get("Cookie") + " " + a.request.Header.Get("Authorization"); got != "a=1 Bearer t" {
		t.Errorf("the request carries %q; want %q", got, "a=1 Bearer t")
	}
}

func TestTheFloorsReadTheSameCookie(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"floor=x": "x", "a=b; floor=x": "x", "floor=x; a=b": "x", "xfloor=y; floor=x": "x", "floors=y": "", "": "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", header)
		if got := [2]string{parse(r, "floor"), scan(r, "floor")}; got != [2]string{want, want} {
			t.Errorf("Cookie: %s reads %q; want %q", header, got, want)
		}
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	a, b := &row{ns: []float64{10, 20, 90}}, &row{ns: []float64{10, 10, 30}}
	if got := a.over(b); got != 2 {
		t.Errorf("the median of 1, 2 and 3 = %v; want 2", got)
	}
	if steady, busy := (&row{ns: []float64{10, 15}}).unsteady(), a.unsteady(); steady != "" || busy == "" {
		t.Errorf("medians of 12.5 over 10 and of 20 over 10 are marked %q and %q; want the second marked", steady, busy)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("the median of 4, 1, 3 and 2 = %v; want 2.5", got)
	}
	for ns, want := range map[float64]string{31: "31 ns", 999: "999 ns", 1234: "1.23 µs", 45678: "45.7 µs", 123456: "123 µs", 2.5e6: "2.50 ms"} {
		if got := duration(ns); got != want {
			t.Errorf("duration(%v) = %q; want %q", ns, got, want)
		}
	}
}

// -only leaves the floor, since all ratios are of it.
func TestOnlySomeContenders(t *testing.T) {
	t.Parallel()
	o := quick("^read/db.First on SQLite$")
	o.loopback = false
	r, err := run(t.Context(), o, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range r.parts {
		for _, row := range p.rows {
			names = append(names, row.name)
		}
	}
	if want := []string{theFloor, "db.First on SQLite"}; !slices.Equal(names, want) {
		t.Errorf("-only leaves %q; want %q", names, want)
	}
}

func newTestWorld(t testing.TB) *world {
	t.Helper()
	w, err := newWorld(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// BenchmarkContenders has each contender by itself, for benchstat. Of two in one
// run the program's own table says more: there they take turns.
func BenchmarkContenders(b *testing.B) {
	for _, p := range parts() {
		for _, c := range p.contenders {
			b.Run(p.name+"/"+c.name, func(b *testing.B) {
				row, err := c.start(newTestWorld(b))
				if err != nil {
					b.Fatal(err)
				}
				if row.leftOut != "" {
					b.Skip(row.leftOut)
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := row.send(1); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
