package powgin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// A session is bound to the transport that it began with, signed or not.
func TestASessionIsBoundToItsTransport(t *testing.T) {
	t.Parallel()
	for _, signed := range []bool{false, true} {
		what := "without Keys"
		if signed {
			what = "with Keys"
		}
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			store := cache.NewMemory(0)
			page := cookieWay("Cookie", powgin.Cookie{}, "__Host-powgin", signed)
			api := newBearerWay("Bearer", signed)
			site, _ := newPeopleApp(t, func(c *powgin.Config[User]) { page.config(c); c.Store = store })
			service, _ := newPeopleApp(t, func(c *powgin.Config[User]) { api.config(c); c.Store = store })
			browser, program := site.arrives(page, 1), service.arrives(api, 1)
			service.client(api).shows(browser.token).wantNobody("the cookie's token in the header")
			site.client(page).shows(program.token).wantNobody("the header's token in the cookie")
			browser.wantUser("alice", "afterwards, in the browser")
			program.wantUser("alice", "afterwards, in the program")
			if n := site.count("1"); n != 2 {
				t.Errorf("alice has %d sessions; want both, which one account holds", n)
			}
			program.post("/revoke/" + browser.session().ID).want(http.StatusOK)
			browser.wantNobody("after being revoked by the program")
		})
	}
}

func TestTwoBearersInOneChainAreRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t, "Config.Users", func(c *shopConfigs) {
		c.customers.Transport, c.staff.Transport = powgin.Bearer{}, powgin.Bearer{}
		c.staff.OnError = func(context.Context, error) {}
	})
	s.browser().get("/names").wantProblem(http.StatusInternalServerError)
}

// Customers come with browsers, and staff with programs.
func TestABearerBesideACookie(t *testing.T) {
	t.Parallel()
	for what, bearerFirst := range map[string]bool{"Bearer ahead": true, "Bearer behind": false} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, "Config.Users", func(c *shopConfigs) { c.staff.Transport = powgin.Bearer{} })
			if bearerFirst {
				s.mountShop(s.staff.Session(), s.customers.Session())
			}
			token := s.staffToken()
			b := s.browser()
			b.post("/customer/signin").want(http.StatusOK).wantCookiesOf(customerCookie)
			b.wantNames("carla", "", "with the cookie")
			s.browser().wantNamesWith(token, "", "sam", "with the token")
			b.wantNamesWith(token, "carla", "sam", "with both")
			b.get("/staff/name").want(http.StatusUnauthorized).wantChallenge("Bearer")
			s.browser().get("/customer/name", "Authorization", token).want(http.StatusUnauthorized).wantChallenge("")
			b.post("/staff/signout", "Authorization", token).want(http.StatusOK).wantNoCookie()
			b.wantNamesWith(token, "carla", "", "after the sign-out of staff")
		})
	}
}

// staffToken signs sam in and returns the value of the Authorization header.
func (s *shop) staffToken() string {
	s.Helper()
	r := httptest.NewRequest(http.MethodGet, "/names", nil)
	powgintest.SignIn(s, s.staff, r, sam)
	return r.Header.Get("Authorization")
}

// wantNamesWith is wantNames for a request with an Authorization header.
func (b *browser) wantNamesWith(authorization, customer, staff, when string) {
	b.Helper()
	want := `customer "` + customer + `", staff "` + staff + `"`
	if got := b.get("/names", "Authorization", authorization).want(http.StatusOK).Body.String(); got != want {
		b.Errorf("%s: GET /names = %s; want %s", when, got, want)
	}
}

func TestImportDoesNotGoWithBearer(t *testing.T) {
	t.Parallel()
	users := &people{rows: map[string]User{}}
	wantFaults(t, powgin.Config[User]{
		Users: users, Transport: powgin.Bearer{},
		Import: func(*gin.Context) (powgin.Imported, error) { return powgin.Imported{}, nil },
	}, "Config.Import (a function) goes with a cookie: nobody would hand the token of Bearer to the client")
	for _, transport := range []powgin.Transport{powgin.Bearer{}, &powgin.Bearer{}} {
		wantFaults(t, powgin.Config[User]{Users: users, Transport: transport})
	}
}

// A test of an app signs in with powgintest whatever the transport is.
func TestPowgintestSignsInWithBearer(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, bearer)
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	r.Header.Set("Authorization", "Basic YTpi")
	powgintest.SignIn(t, a.auth, r, person(2))
	if lines := r.Header["Authorization"]; len(lines) != 1 || len(r.Cookies()) != 0 {
		t.Errorf("the request has %d Authorization headers and %d cookies; want one and none", len(lines), len(r.Cookies()))
	}
	w := httptest.NewRecorder()
	a.router.ServeHTTP(w, r)
	if u := (&response{w, a.browser(), "GET /me"}).shows(); u == nil || u.Name != "bob" {
		t.Errorf("GET /me shows %v; want bob", u)
	}
	powgintest.SignIn(t, a.auth, r, person(1))
	if lines := r.Header["Authorization"]; len(lines) != 1 {
		t.Errorf("after another sign-in the request has %d Authorization headers; want one", len(lines))
	}
	w = httptest.NewRecorder()
	a.router.ServeHTTP(w, r)
	if u := (&response{w, a.browser(), "GET /me"}).shows(); u == nil || u.Name != "alice" {
		t.Errorf("GET /me after another sign-in shows %v; want alice", u)
	}
}
