package neighbours

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/powgin/powgin/powgintest"
)

// What the pages show of tests, and the site's other pages.

func TestAPageOfASignedInUserAsBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, name := range []string{"gorm", "scs"} {
			router := sites[name](t).handler

			form := url.Values{"email": {"alice@example.com"}}.Encode()
			login := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(form))
			login.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			in := httptest.NewRecorder()
			router.ServeHTTP(in, login)

			r := httptest.NewRequest(http.MethodGet, "/plan", nil)
			for _, line := range in.Header().Values("Set-Cookie") {
				r.Header.Add("Cookie", line[:strings.Index(line, ";")])
			}
			w := httptest.NewRecorder()
			router.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				t.Errorf("GET /plan = %d; want 200", w.Code)
			}
		}
	})
}

func TestAPageOfASignedInUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPowginSite(t)
		auth, router := s.auth, s.handler
		var user User
		if err := s.db.First(&user).Error; err != nil {
			t.Fatal(err)
		}

		r := httptest.NewRequest(http.MethodGet, "/plan", nil)
		powgintest.SignIn(t, auth, r, user)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("GET /plan = %d; want 200", w.Code)
		}
	})
}

// holdAgainst is how an app holds itself against AssertNoFixation, before and
// after.
func holdAgainst(t testing.TB, router http.Handler) {
	powgintest.AssertNoFixation(t, powgintest.App{
		Handler: router,
		Users:   [2]string{"alice@example.com", "bob@example.com"},
		SignIn:  func(b *powgintest.Browser, user string) { b.PostForm("/login", "email", user) },
		SignOut: func(b *powgintest.Browser) { b.PostForm("/logout") },
		WhoAmI:  func(b *powgintest.Browser) string { return b.Get("/me").Body },
	})
}

func TestTheAppsAreHeldAgainstAssertNoFixation(t *testing.T) {
	t.Parallel()
	for name, passes := range map[string]bool{"gorm": false, "scs": true, "powgin": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				said := record(t, func(r testing.TB) { holdAgainst(r, sites[name](t).handler) })
				if (said == "") != passes {
					t.Errorf("AssertNoFixation says %q; want it green: %v", said, passes)
				}
			})
		})
	}
}

func TestFlashesShowOnce(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cookie", "memstore", "gorm", "scs", "powgin"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := sites[name](t)
				b := s.signIn(alice)
				s.app().Change(b)
				for _, want := range []string{alice + ": Your plan is changed.", alice} {
					if got := b.Get("/profile").Body; got != want {
						t.Errorf("the profile = %q; want %q", got, want)
					}
				}
			})
		})
	}
}

func TestAUserEndsASessionOfTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPowginSite(t)
		lost, b := s.signIn(alice), s.signIn(alice)
		var list []struct {
			ID      string
			Current bool
		}
		body := b.Get("/sessions").Body
		if err := json.Unmarshal([]byte(body), &list); err != nil || len(list) != 2 || list[0].Current || !list[1].Current {
			t.Fatalf("GET /sessions = %s (%v); want two, the second one current", body, err)
		}
		r := httptest.NewRequest(http.MethodDelete, "/sessions/"+list[0].ID, nil)
		if status := b.Do(r).Status; status != http.StatusNoContent {
			t.Errorf("DELETE of the first = %d; want 204", status)
		}
		if got := who(lost) + " " + who(b); got != "nobody "+alice {
			t.Errorf("the browsers are %s; want nobody and %s", got, alice)
		}
	})
}
