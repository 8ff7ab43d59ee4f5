package main

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

// asEvents is what browsers send for an EventSource.
var asEvents = []string{"Accept: text/event-stream", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-origin"}

// A following is an open stream of events.
type following struct {
	t      testing.TB
	lines  *bufio.Scanner
	header http.Header
}

// follows opens the visitor's live events.
func (v *visitor) follows(headers ...string) *following {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.base+"/live/events", nil)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, h := range append(headers, asEvents...) {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		v.t.Fatalf("GET /live/events = %d; want 200", res.StatusCode)
	}
	return &following{v.t, bufio.NewScanner(res.Body), res.Header}
}

// next returns the next event as "name data", a comment as ":", and "" at the end.
func (f *following) next() string {
	var lines []string
	for f.lines.Scan() {
		if f.lines.Text() != "" {
			lines = append(lines, f.lines.Text())
		} else if len(lines) > 0 {
			break
		}
	}
	event := strings.Join(lines, " ")
	event = strings.TrimPrefix(event, "event:")
	return strings.Replace(event, "data:", "", 1)
}

// want wants the event next. Signs of life may come before it where the machine is
// slow.
func (f *following) want(event, when string) {
	f.t.Helper()
	got := f.next()
	for range 4 {
		if got == ":" && event != ":" {
			got = f.next()
		}
	}
	if got != event {
		f.t.Errorf("%s the stream says %q; want %q", when, got, event)
	}
}

func (f *following) wantPlan(plan, when string) {
	f.t.Helper()
	f.want(`plan {"plan":"`+plan+`"}`, when)
}

func (f *following) wantEnd(when string) {
	f.t.Helper()
	f.want("ended {}", when)
	f.want("", "after its end, "+when+",")
}

func TestLiveShowsWhatChangesElsewhere(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"cookie", "insession"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			app := setup(t, "TRANSPORT="+transport)
			alice, phone := app.signedIn(t, "alice"), app.signedIn(t, "alice")
			bob, admin := app.signedIn(t, "bob"), app.signedIn(t, "admin")
			live, untouched := alice.follows(), bob.follows()
			live.wantPlan("free", "at first")
			untouched.wantPlan("free", "at first")
			alice.post("/plan", "plan", "pro")
			live.wantPlan("pro", "after a change in another tab")
			phone.post("/plan", "plan", "team")
			live.wantPlan("team", "after a change on another device")
			wantRedirect(t, admin.post(userPath(alice.mustProfile().ID, "plan"), "plan", "basic"), "/admin/users")
			live.wantPlan("basic", "after the admin's change")
			wantRedirect(t, bob.post("/logout"), "/login")
			untouched.wantEnd("after bob has signed out, and nothing before,")
		})
	}
}

func TestLiveEndsWithItsSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(alice, phone *visitor) reply{
		"signed out in another tab":              func(alice, _ *visitor) reply { return alice.post("/logout") },
		"signed out everywhere":                  func(_, phone *visitor) reply { return phone.post("/logout-all") },
		"all others signed out on another":       func(_, phone *visitor) reply { return phone.post("/sessions/others/revoke") },
		"password changed on another device":     func(_, phone *visitor) reply { return changePassword(phone) },
		"password changed, with a new token,":    func(alice, _ *visitor) reply { return changePassword(alice) },
		"signed in as somebody else in the same": func(alice, _ *visitor) reply { return alice.signIn("bob"+demoDomain, "password-bob") },
		"revoked": func(alice, phone *visitor) reply {
			return phone.post("/sessions/" + alice.currentSession().ID + "/revoke")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := setup(t)
			alice, phone := app.signedIn(t, "alice"), app.signedIn(t, "alice")
			before := app.thief(t, alice)
			live := alice.follows()
			live.wantPlan("free", "at first")
			wantStatus(t, end(alice, phone), http.StatusSeeOther)
			live.wantEnd(name)
			wantStatus(t, before.get("/live/events", asEvents...), http.StatusUnauthorized)
		})
	}
}

func changePassword(v *visitor) reply {
	return v.post("/password", "current", "password-alice", "password", "a better one")
}

// Who cannot tell must not say that it is all as before, nor that it is over.
func TestLiveSaysThatNobodyCanTell(t *testing.T) {
	t.Parallel()
	app := setup(t)
	live := app.signedIn(t, "alice").follows()
	live.wantPlan("free", "at first")
	rename(t, app, "users", "gone")
	if err := app.auth.Invalidate(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	live.want("unknown {}", "without the table of users")
	rename(t, app, "gone", "users")
	live.wantPlan("free", "with the table again")
}

func TestLiveForPrograms(t *testing.T) {
	t.Parallel()
	app := setup(t, "TRANSPORT=bearer")
	p := app.program(t, "alice")
	live := p.follows("Authorization: Bearer " + p.token)
	live.wantPlan("free", "at first")
	wantRedirect(t, p.post("/plan", "plan=pro"), "/profile")
	live.wantPlan("pro", "after the change")
	wantRedirect(t, p.post("/logout", ""), "/login")
	live.wantEnd("after signing out")
	wantStatus(t, p.visitor.get("/live/events"), http.StatusUnauthorized)
}

func TestLiveWantsAUser(t *testing.T) {
	t.Parallel()
	guest := setup(t).visitor(t)
	wantRedirect(t, guest.get("/live", asHTML), "/login?next=%2Flive")
	r := guest.get("/live/events", asEvents...)
	wantStatus(t, r, http.StatusUnauthorized)
	if kind := r.header.Get("Content-Type"); strings.Contains(kind, "event-stream") {
		t.Errorf("%s is %q; want no stream", r, kind)
	}
}

func TestLiveEventsHeaders(t *testing.T) {
	t.Parallel()
	v := setup(t).signedIn(t, "alice")
	head := v.do(http.MethodHead, "/live/events", "")
	wantStatus(t, head, http.StatusOK)
	for method, h := range map[string]http.Header{http.MethodGet: v.follows().header, http.MethodHead: head.header} {
		for name, want := range map[string]string{
			"Content-Type": "text/event-stream;charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
			"Content-Security-Policy": contentPolicy, "X-Content-Type-Options": "nosniff", "Content-Length": "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s /live/events: %s is %q; want %q", method, name, got, want)
			}
		}
	}
	wantStatus(t, v.post("/live/events"), http.StatusMethodNotAllowed)
}

// The page makes sense as it comes, and its one script is a file of ours.
func TestLivePage(t *testing.T) {
	t.Parallel()
	v := setup(t).signedIn(t, "alice")
	r := v.get("/live")
	wantStatus(t, r, http.StatusOK)
	for _, part := range []string{
		`id="email">alice@example.com<`, `id="plan">free<`, `<p data-state="loaded">`, `<a href="/live">`,
		`<script src="` + scriptURL + `" defer></script>`, `<a href="/live" aria-current="page">Live</a>`,
	} {
		wantBody(t, r, part)
	}
	if n := strings.Count(r.body, "<script"); n != 1 || strings.Contains(r.body, "style=") {
		t.Errorf("%s has %d scripts; want the one, and no style of its own", r, n)
	}
	for name, want := range map[string]string{
		"Cache-Control":           "no-store",
		"Content-Security-Policy": contentPolicy + "; script-src 'self'; connect-src 'self'",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: %s is %q; want %q", r, name, got, want)
		}
	}
	r = v.get(scriptURL)
	wantStatus(t, r, http.StatusOK)
	if got := r.header.Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("%s has Content-Type %q; want text/javascript; charset=utf-8", r, got)
	}
}
