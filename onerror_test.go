package powgin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

func TestOnErrorIsToldOnceOfEachRequestThatFailed(t *testing.T) {
	t.Parallel()
	o := &troubles{}
	a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
		withPages(c)
		c.OnError = o.on
	})
	ours := errors.New("an app's own")
	a.router.GET("/abort", func(c *gin.Context) { powgin.Abort(c, ours) })
	a.router.GET("/abort/409", func(c *gin.Context) { powgin.Abort(c, powgin.ErrOtherUser) })
	alice := a.reader()
	for _, path := range []string{"/abort/409", "/pro", "/guest", "/reload"} {
		alice.get(path)
	}
	a.browser().get("/me")
	alice.post("/signout", "Sec-Fetch-Site", "cross-site").want(http.StatusForbidden)
	a.browser().post("/signin/9").want(http.StatusForbidden)
	o.wantTold(t, 0, "refusals below 500")
	alice.get("/abort").want(http.StatusInternalServerError)
	if ctxs, errs := o.take(); len(errs) != 1 || !errors.Is(errs[0], ours) {
		t.Errorf("OnError was told %v; want the app's own error", errs)
	} else if key, ok := powgin.UserKey(ctxs[0]); !ok || key != "1" {
		t.Errorf("UserKey of OnError's context = %q, %t; want that of the request", key, ok)
	}
	p.fail(true)
	for _, path := range []string{"/reload", "/refresh", "/require-reload"} {
		alice.get(path, "Accept", page).wantProblem(http.StatusServiceUnavailable).wantNoCookie()
		o.wantTold(t, 1, "GET "+path)
	}
	a.forget(t)
	for _, path := range []string{"/", "/me", "/guest", "/pro"} { // never to the sign-in page, nor home
		alice.get(path, "Accept", page).wantProblem(http.StatusServiceUnavailable).wantNoCookie()
		o.wantTold(t, 1, "GET "+path)
	}
}

// ReauthPath is for those who have to prove again who they are; SignInPath is
// for nobody, and neither is for outages.
func TestWhereRequireRecentSignInSendsBrowsers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		signIn, reauth       string
		nobody, late, script string // where they are sent; "" for 401
	}{
		"both paths":      {"/signin", "/reauth?why=old", "/signin?next=%2Fvault", "/reauth?why=old&next=%2Fvault", ""},
		"SignInPath only": {"/signin", "", "/signin?next=%2Fvault", "", ""},
		"ReauthPath only": {"", "/reauth", "", "/reauth?next=%2Fvault", ""},
		"neither":         {"", "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			agedApp(t, func(c *powgin.Config[User]) { c.SignInPath, c.ReauthPath = tt.signIn, tt.reauth }, func(_ *testing.T, a *app, p *people) {
				a.router.GET("/vault", a.auth.RequireRecentSignIn(10*time.Minute), powgin.Handle(whoami))
				alice := a.signIn(1)
				time.Sleep(11 * time.Minute)
				sent := func(b *browser, to string) {
					a.Helper()
					if res := b.get("/vault", "Accept", page).wantNoCookie(); to != "" {
						res.wantSentTo(to)
					} else {
						res.wantProblem(http.StatusUnauthorized)
					}
				}
				sent(a.browser(), tt.nobody)
				sent(alice, tt.late)
				alice.get("/vault", "Accept", "application/json").wantProblem(http.StatusUnauthorized)
				alice.get("/vault", "Accept", "*/*", "Sec-Fetch-Mode", "cors").wantProblem(http.StatusUnauthorized)
				a.forget(a.TB.(*testing.T))
				p.fail(true)
				alice.get("/vault", "Accept", page).wantProblem(http.StatusServiceUnavailable)
			})
		})
	}
}

// The default OnError writes to the program's log: this test runs while no
// other does.
func TestWithoutOnErrorAnOutageIsLoggedOnceASecond(t *testing.T) { //nolint:paralleltest // see above
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	synctest.Test(t, func(t *testing.T) {
		a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
			c.OnError = nil
			c.Transport = nil // an insecure cookie has a line of its own
		})
		alice := a.signIn(1)
		p.onFind(func(context.Context, string) error { panic(p.row("1")) })
		alice.get("/reload").want(http.StatusServiceUnavailable)
		for range 5 {
			alice.get("/reload").want(http.StatusServiceUnavailable)
		}
		time.Sleep(time.Second)
		alice.get("/reload").want(http.StatusServiceUnavailable)
		p.onFind(nil)
		alice.get("/reload").want(http.StatusOK)
		var lines []map[string]any
		for d := json.NewDecoder(&logged); d.More(); {
			var line map[string]any
			if err := d.Decode(&line); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
		if len(lines) != 2 || lines[0]["not_logged"] != 0.0 || lines[1]["not_logged"] != 5.0 {
			t.Errorf("7 refusals in a second log %v; want two lines, the second with 5 that were not logged", lines)
		}
		for _, line := range lines {
			if line["level"] != "ERROR" || line["error"] != "powgin: the store or the database cannot answer: read a user: panic with a powgin_test.User" {
				t.Errorf("logged %v; want the error without the row", line)
			}
		}
	})
}
