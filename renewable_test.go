package powgin_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin"
)

// tokens is what the API of these tests answers.
type tokens struct{ Token, Renewal string }

// handOut answers with the tokens that the request has for its client.
func handOut(c *Context, err error) {
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	c.JSON(http.StatusOK, tokens{c.Token(), c.RenewalToken()})
}

// apiStory runs a story on a Bearer API in a bubble. Alice may renew for 30 days.
func apiStory(t *testing.T, change func(*powgin.Config[User]), story func(a *app, p *people)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
			c.Transport = powgin.Bearer{}
			if change != nil {
				change(c)
			}
		})
		a.handle("POST", "/token", func(c *Context) {
			handOut(c, c.SignIn(person(1), powgin.Renewable(30*24*time.Hour)))
		})
		a.handle("POST", "/renew", func(c *Context) { handOut(c, c.Renew(c.GetHeader("Renewal"))) })
		a.handle("POST", "/rotate", func(c *Context) { handOut(c, c.SyncUser(person(1), powgin.Rotate())) })
		a.handle("POST", "/leave", func(c *Context) { handOut(c, c.RevokeToken(c.GetHeader("Renewal"))) })
		story(a, p)
	})
}

// tokens reads the tokens of an answer with status 200.
func (r *response) tokens() (t tokens) {
	r.b.Helper()
	r.want(http.StatusOK)
	if err := json.Unmarshal(r.Body.Bytes(), &t); err != nil {
		r.b.Fatalf("%s: %v in %s", r.what, err, r.Body)
	}
	return t
}

func (a *app) renew(renewal string) *response {
	a.Helper()
	return a.browser().post("/renew", "Renewal", renewal)
}

// wantAccess fails the test unless the access token is alice's, or nobody's.
func (a *app) wantAccess(token string, want bool, when string) {
	a.Helper()
	if got := a.browser().get("/", "Authorization", "Bearer "+token).shows() != nil; got != want {
		a.Errorf("%s: the access token is signed in = %t; want %t", when, got, want)
	}
}

func TestRenewableSessionLivesByItsRenewalToken(t *testing.T) {
	t.Parallel()
	apiStory(t, nil, func(a *app, p *people) {
		first := a.browser().post("/token").tokens()
		if first.Token == "" || first.Renewal == "" || first.Token == first.Renewal {
			a.Fatalf("SignIn hands out %+v; want two tokens", first)
		}
		for range 3 { // use moves nothing
			time.Sleep(10*time.Minute - time.Second)
			a.wantAccess(first.Token, true, "within IdleTimeout")
		}
		time.Sleep(3 * time.Second)
		a.wantAccess(first.Token, false, "after IdleTimeout")
		time.Sleep(20 * 24 * time.Hour)
		p.setPlan("1", "pro")
		second := a.renew(first.Renewal).tokens()
		if second.Token == first.Token || second.Renewal == first.Renewal {
			a.Errorf("Renew hands out %+v; want other tokens than %+v", second, first)
		}
		if u := a.browser().get("/me", "Authorization", "Bearer "+second.Token).identity().User; u.Plan != "pro" {
			a.Errorf("after Renew the plan is %q; want pro, as in the database", u.Plan)
		}
		time.Sleep(10 * 24 * time.Hour)
		a.renew(second.Renewal).want(http.StatusUnauthorized)
	})
}

// A client whose answer was lost sends the same token once more. (Pow's API
// guide has no such retry, and no end to what two uses give.)
func TestRenewalIsRepeatedWithinGrace(t *testing.T) {
	t.Parallel()
	apiStory(t, nil, func(a *app, _ *people) {
		first := a.browser().post("/token").tokens()
		second := a.renew(first.Renewal).tokens()
		time.Sleep(4 * time.Second)
		if again := a.renew(first.Renewal).tokens(); again != second {
			a.Errorf("a repeated Renew hands out %+v; want %+v again", again, second)
		}
		a.wantAccess(second.Token, true, "handed out twice")
	})
}

func TestRenewalTokenUsedTwiceEndsTheSession(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(a *app, first, second tokens){
		"after the grace":                  func(*app, tokens, tokens) { time.Sleep(6 * time.Second) },
		"after the new access token's use": func(a *app, _, second tokens) { a.wantAccess(second.Token, true, "new") },
		"after the new renewal's use":      func(a *app, _, second tokens) { a.renew(second.Renewal).tokens() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := new(journal)
			apiStory(t, func(c *powgin.Config[User]) { c.OnEvent = j.on }, func(a *app, _ *people) {
				first := a.browser().post("/token").tokens()
				second := a.renew(first.Renewal).tokens()
				use(a, first, second)
				a.renew(first.Renewal).want(http.StatusUnauthorized)
				a.wantAccess(second.Token, false, "after a second use")
				a.renew(second.Renewal).want(http.StatusUnauthorized)
				if a.count("1") != 0 || j.times("reuse") != 1 {
					a.Errorf("%d sessions, %d reuse events; want none and 1", a.count("1"), j.times("reuse"))
				}
			})
		})
	}
}

func TestRenewRefuses(t *testing.T) {
	t.Parallel()
	apiStory(t, nil, func(a *app, p *people) {
		first := a.browser().post("/token").tokens()
		for what, text := range map[string]string{
			"an access token": first.Token, "nothing": "", "garbage": "x", "cut": first.Renewal[1:],
		} {
			if r := a.renew(text); r.Code != http.StatusUnauthorized || r.Header().Get("WWW-Authenticate") != "Bearer" {
				a.Errorf("Renew of %s = %d, %q; want 401, Bearer", what, r.Code, r.Header().Get("WWW-Authenticate"))
			}
		}
		a.wantAccess(first.Renewal, false, "a renewal token in the header")
		a.browser().post("/leave", "Renewal", first.Token).want(http.StatusOK)
		a.browser().post("/leave", "Renewal", "x").want(http.StatusOK)
		a.wantAccess(first.Token, true, "after RevokeToken of what is no renewal token")

		p.fail(true)
		a.renew(first.Renewal).want(http.StatusServiceUnavailable)
		p.fail(false)
		second := a.renew(first.Renewal).tokens()
		a.wantAccess(second.Token, true, "once the database was back")

		p.change("1", nil)
		a.renew(second.Renewal).want(http.StatusForbidden)
		if got := a.count("1"); got != 0 {
			a.Errorf("a user who is gone has %d sessions; want none", got)
		}
	})
}

// Signing out ends the renewal token too, also where the access token has run
// out already.
func TestRenewalEndsWithItsSession(t *testing.T) {
	t.Parallel()
	apiStory(t, nil, func(a *app, _ *people) {
		for name, end := range map[string]func(s tokens){
			"SignOut": func(s tokens) { a.browser().post("/signout", "Authorization", "Bearer "+s.Token).want(http.StatusOK) },
			"RevokeToken, the access token having run out,": func(s tokens) {
				time.Sleep(time.Hour)
				a.browser().post("/leave", "Renewal", s.Renewal).want(http.StatusOK)
			},
			"RevokeUser": func(tokens) { _ = a.auth.RevokeUser(a.Context(), "1") },
			"RevokeAll":  func(tokens) { _ = a.auth.RevokeAll(a.Context(), time.Time{}) },
			"Rotate": func(s tokens) {
				next := a.browser().post("/rotate", "Authorization", "Bearer "+s.Token).tokens()
				if next.Token == "" || next.Renewal == "" {
					a.Errorf("SyncUser with Rotate hands out %+v; want two tokens", next)
				}
			},
		} {
			s := a.browser().post("/token").tokens()
			end(s)
			if r := a.renew(s.Renewal); r.Code != http.StatusUnauthorized {
				a.Errorf("after %s Renew = %d; want 401", name, r.Code)
			}
		}
	})
}

func TestRenewableIsForBearer(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	b := a.browser()
	_, err := b.does(func(c *Context) error { return c.SignIn(person(1), powgin.Renewable(time.Hour)) })
	b.wantErr("SignIn with Renewable over cookies", err, powgin.ErrOption)
	_, err = b.does(func(c *Context) error { return c.Renew("x") })
	b.wantErr("Renew over cookies", err, powgin.ErrOption)
	_, err = b.does(func(c *Context) error { return c.RevokeToken("x") })
	b.wantErr("RevokeToken over cookies", err, powgin.ErrOption)

	a, _ = newPeopleApp(t, bearer)
	b = a.browser()
	for what, opts := range map[string][]powgin.SignInOption{
		"For and Renewable":      {powgin.For(time.Hour), powgin.Renewable(time.Hour)},
		"Remember and Renewable": {powgin.Remember(time.Hour), powgin.Renewable(time.Hour)},
		"zero":                   {powgin.Renewable(0)},
		"401 days":               {powgin.Renewable(401 * 24 * time.Hour)},
	} {
		_, err := b.does(func(c *Context) error { return c.SignIn(person(1), opts...) })
		b.wantErr("SignIn with "+what, err, powgin.ErrOption)
	}
}
