package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"golang.org/x/crypto/bcrypt"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // some tests make requests fail
	os.Exit(m.Run())
}

// environ is an environment of its own for a test: NAME=value strings.
func environ(vars ...string) func(string) string {
	return func(name string) string {
		for _, v := range vars {
			if key, value, _ := strings.Cut(v, "="); key == name {
				return value
			}
		}
		return ""
	}
}

// testApp is a running site with a database of its own.
type testApp struct {
	*site
	url       string
	transport http.RoundTripper // the way to it; nil for the usual one
}

func setup(t testing.TB, vars ...string) *testApp {
	t.Helper()
	return setupWith(t, func(*config) {}, vars...)
}

// setupWith is setup with changes of what no variable sets.
func setupWith(t testing.TB, change func(*config), vars ...string) *testApp {
	t.Helper()
	site := newTestSite(t, change, vars...)
	server := httptest.NewServer(site.handler())
	t.Cleanup(server.Close)
	return &testApp{site: site, url: server.URL}
}

// newTestSite is a site that nobody serves yet.
func newTestSite(t testing.TB, change func(*config), vars ...string) *site {
	t.Helper()
	vars = append(vars, "DATABASE="+filepath.Join(t.TempDir(), "app.db"))
	cfg, err := loadConfig(environ(vars...))
	if err != nil {
		t.Fatal(err)
	}
	cfg.hashCost = bcrypt.MinCost // -race makes the usual cost take a second
	change(&cfg)
	db, err := openDatabase(cfg.database, cfg.hashCost)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeDatabase(db) })
	site, err := newSite(cfg, db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.close)
	return site
}

// plan reads a user's plan from the database, setPlanSQL writes it behind
// powgin's back.
func (a *testApp) plan(t testing.TB, email string) string {
	t.Helper()
	var plan string
	if err := a.users.db.Model(&User{}).Where("email = ?", email).Pluck("plan", &plan).Error; err != nil {
		t.Fatal(err)
	}
	return plan
}

func (a *testApp) setPlanSQL(t testing.TB, email, plan string) {
	t.Helper()
	if err := a.users.db.Exec("UPDATE users SET plan = ? WHERE email = ?", plan, email).Error; err != nil {
		t.Fatal(err)
	}
}

// visitor is a browser that follows no redirects.
type visitor struct {
	t      testing.TB
	base   string
	client *http.Client
}

func (a *testApp) visitor(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, a.url, &http.Client{
		Transport:     a.transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signedIn is a visitor who has signed in as the demo user of that name.
func (a *testApp) signedIn(t testing.TB, name string) *visitor {
	t.Helper()
	v := a.visitor(t)
	r := v.signIn(name+demoDomain, "password-"+name)
	if r.status != http.StatusSeeOther {
		t.Fatalf("sign-in of %s = %s; want 303", name, r)
	}
	return v
}

// thief is a visitor with the cookies that v has now.
func (a *testApp) thief(t testing.TB, v *visitor) *visitor {
	t.Helper()
	base, err := url.Parse(a.url)
	if err != nil {
		t.Fatal(err)
	}
	stolen := a.visitor(t)
	stolen.client.Jar.SetCookies(base, v.client.Jar.Cookies(base))
	return stolen
}

// userPath is an admin's page about a user.
func userPath(id uint, page string) string { return fmt.Sprintf("/admin/users/%d/%s", id, page) }

type reply struct {
	method, path string
	status       int
	header       http.Header
	cookies      []*http.Cookie
	body         string
}

func (r reply) String() string {
	return strings.TrimSpace(r.method + " " + r.path + " = " + http.StatusText(r.status) + " " + r.header.Get("Location"))
}

// url is where the answer came from.
func (r reply) url(t testing.TB, a *testApp) *url.URL {
	t.Helper()
	u, err := url.Parse(a.url + r.path)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (v *visitor) do(method, path, body string, headers ...string) reply {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return reply{method, path, res.StatusCode, res.Header, res.Cookies(), string(got)}
}

const (
	asForm = "Content-Type: application/x-www-form-urlencoded"
	asJSON = "Accept: application/json"
	asHTML = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
)

func (v *visitor) get(path string, headers ...string) reply {
	v.t.Helper()
	return v.do(http.MethodGet, path, "", headers...)
}

// post sends a form of name, value pairs.
func (v *visitor) post(path string, fields ...string) reply {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return v.do(http.MethodPost, path, form.Encode(), asForm)
}

func (v *visitor) signIn(email, password string) reply {
	v.t.Helper()
	return v.post("/login", "email", email, "password", password)
}

type profileReply struct {
	ID      uint   `json:"id"`
	Email   string `json:"email"`
	Plan    string `json:"plan"`
	Session struct {
		Hint      string `json:"id_hint"`
		CreatedAt string `json:"created_at"`
		RenewedAt string `json:"renewed_at"`
	} `json:"session"`
}

// profile is the visitor's profile as JSON; false when nobody is signed in.
func (v *visitor) profile() (profileReply, bool) {
	v.t.Helper()
	r := v.get("/profile", asJSON)
	if r.status == http.StatusUnauthorized {
		return profileReply{}, false
	}
	var p profileReply
	v.decode(r, &p)
	return p, true
}

func (v *visitor) mustProfile() profileReply {
	v.t.Helper()
	p, ok := v.profile()
	if !ok {
		v.t.Fatal("GET /profile: nobody is signed in")
	}
	return p
}

type sessionReply struct {
	ID        string `json:"id"`
	Current   bool   `json:"current"`
	CreatedAt string `json:"created_at"`
	RenewedAt string `json:"renewed_at"`
}

func (v *visitor) sessions() []sessionReply {
	v.t.Helper()
	var all []sessionReply
	v.decode(v.get("/sessions", asJSON), &all)
	return all
}

func (v *visitor) currentSession() sessionReply {
	v.t.Helper()
	for _, s := range v.sessions() {
		if s.Current {
			return s
		}
	}
	v.t.Fatal("GET /sessions marks no session as current")
	return sessionReply{}
}

func (v *visitor) decode(r reply, into any) {
	v.t.Helper()
	if r.status != http.StatusOK {
		v.t.Fatalf("%s; want 200", r)
	}
	if err := json.Unmarshal([]byte(r.body), into); err != nil {
		v.t.Fatalf("%s: %v in %q", r, err, r.body)
	}
}

func wantStatus(t testing.TB, r reply, status int) {
	t.Helper()
	if r.status != status {
		t.Errorf("%s = %d; want %d", r, r.status, status)
	}
}

func wantRedirect(t testing.TB, r reply, to string) {
	t.Helper()
	if got := r.header.Get("Location"); r.status != http.StatusSeeOther || got != to {
		t.Errorf("%s %s = %d to %q; want 303 to %q", r.method, r.path, r.status, got, to)
	}
}

func wantBody(t testing.TB, r reply, part string) {
	t.Helper()
	if !strings.Contains(r.body, part) {
		t.Errorf("%s: the page does not say %q", r, part)
	}
}

func wantNoCookie(t testing.TB, r reply) {
	t.Helper()
	if len(r.cookies) > 0 {
		t.Errorf("%s sets %v; want no cookie", r, r.header.Values("Set-Cookie"))
	}
}
