package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/powgin/powgin"
	"golang.org/x/crypto/bcrypt"
)

func TestSignInLeadsToNext(t *testing.T) {
	t.Parallel()
	app := setup(t)
	for _, row := range []struct{ next, want string }{
		{"", "/profile"},
		{"/plan", "/plan"},
		{"/sessions?x=1", "/sessions?x=1"},
		{"https://evil.example/", "/profile"},
		{"//evil.example", "/profile"},
		{`/\evil.example`, "/profile"},
	} {
		v := app.visitor(t)
		r := v.post("/login", "email", "alice@example.com", "password", "password-alice", "next", row.next)
		wantRedirect(t, r, row.want)
		v = app.visitor(t)
		r = v.post("/login?next="+url.QueryEscape(row.next), "email", "alice@example.com", "password", "password-alice")
		wantRedirect(t, r, row.want)
		if got := v.mustProfile().Email; got != "alice@example.com" {
			t.Errorf("after sign-in the profile is of %q; want alice@example.com", got)
		}
	}
}

func TestSignInKeepsNextThroughAWrongTry(t *testing.T) {
	t.Parallel()
	v := setup(t).visitor(t)
	wantBody(t, v.get("/login?next=/plan"), `name="next" value="/plan"`)
	r := v.post("/login", "email", "alice@example.com", "password", "wrong", "next", "/plan")
	wantStatus(t, r, http.StatusUnprocessableEntity)
	wantBody(t, r, `name="next" value="/plan"`)
	wantBody(t, r, `value="alice@example.com"`)
	wantNoCookie(t, r)
}

// Unknown addresses, wrong passwords and hostile input get one answer.
func TestSignInRefusesAllAlike(t *testing.T) {
	t.Parallel()
	app := setup(t)
	long := strings.Repeat("p", passwordMax+1)
	var first string
	for _, row := range [][2]string{
		{"alice@example.com", "wrong"},
		{"alice@example.com", ""},
		{"alice@example.com", "password-alice\x00"},
		{"alice@example.com", long},
		{"nobody@example.com", "password-alice"},
		{"nobody@example.com", long},
		{"Alice@example.com", "password-alice"},
		{"alice@example.com ", "password-alice"},
		{"alice@example.com\x00", "password-alice"},
		{"\xff\xfe", "password-alice"},
		{"", ""},
	} {
		v := app.visitor(t)
		r := v.signIn(row[0], row[1])
		wantStatus(t, r, http.StatusUnprocessableEntity)
		wantNoCookie(t, r)
		_, message, _ := strings.Cut(r.body, `role="alert">`)
		message, _, _ = strings.Cut(message, "<")
		if first == "" {
			first = message
		}
		if message != first || message == "" {
			t.Errorf("%.30q with %.30q is told %q; want %q", row[0], row[1], message, first)
		}
		if row[1] != "" && strings.Contains(r.body, `value="`+row[1]) {
			t.Errorf("the page shows the password %.30q again", row[1])
		}
	}
}

func TestLongPasswordIsWrongEvenIfItsHashMatches(t *testing.T) {
	t.Parallel()
	p, err := newPasswords(bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	short := strings.Repeat("p", passwordMax)
	hash, err := hashPassword(short, bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		password string
		want     bool
	}{{short, true}, {short + "p", false}} {
		if got, err := p.match(t.Context(), hash, row.password); got != row.want || err != nil {
			t.Errorf("match of %d bytes = %v, %v; want %v", len(row.password), got, err, row.want)
		}
	}
}

// An unknown address takes the work that a known one takes.
func TestUnknownUserCostsTheSame(t *testing.T) {
	t.Parallel()
	app := setup(t)
	user, ok, err := app.users.byEmail(t.Context(), "alice@example.com")
	if err != nil || !ok {
		t.Fatalf("alice: %v, %v", ok, err)
	}
	want, err := bcrypt.Cost([]byte(user.PasswordHash))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := bcrypt.Cost([]byte(app.passwords.dummy)); err != nil || got != want {
		t.Errorf("the dummy hash has cost %d, %v; want %d", got, err, want)
	}
}

func TestPasswordChecksAreBounded(t *testing.T) {
	t.Parallel()
	p := &passwords{turns: make(chan struct{}, 1)}
	p.turns <- struct{}{} // someone else's check is running
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.match(ctx, "", "x"); !errors.Is(err, powgin.ErrUnavailable) {
		t.Errorf("match without a free turn = %v; want ErrUnavailable", err)
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v, other := app.signedIn(t, "alice"), app.signedIn(t, "alice")
	v.post("/plan", "plan", "basic")
	r := v.post("/logout")
	wantRedirect(t, r, "/login")
	if got := r.header.Get("Clear-Site-Data"); got != `"cache"` {
		t.Errorf("Clear-Site-Data is %q; want \"cache\"", got)
	}
	if _, ok := v.profile(); ok {
		t.Error("still signed in after sign-out")
	}
	if _, ok := other.profile(); !ok {
		t.Error("sign-out ended another session too")
	}
	wantRedirect(t, v.post("/logout"), "/login")
	if r := v.signIn("bob@example.com", "password-bob"); r.status != http.StatusSeeOther {
		t.Fatalf("%s; want 303", r)
	}
	if r := v.get("/profile"); strings.Contains(r.body, "updated successfully") {
		t.Error("the next user of the browser sees the last one's message")
	}
}

func TestSignOutEverywhere(t *testing.T) {
	t.Parallel()
	app := setup(t)
	all := []*visitor{app.signedIn(t, "alice"), app.signedIn(t, "alice")}
	bob := app.signedIn(t, "bob")
	wantRedirect(t, all[0].post("/logout-all"), "/login")
	for i, v := range all {
		if _, ok := v.profile(); ok {
			t.Errorf("session %d is alive after signing out everywhere", i)
		}
	}
	bob.mustProfile()
	wantStatus(t, app.visitor(t).do(http.MethodPost, "/logout-all", "", asJSON), http.StatusUnauthorized)
}

func TestGuestsAndMembersSeeTheRightPage(t *testing.T) {
	t.Parallel()
	app := setup(t)
	guest, member := app.visitor(t), app.signedIn(t, "alice")
	wantStatus(t, guest.get("/login"), http.StatusOK)
	wantRedirect(t, member.get("/login"), "/profile")
	wantRedirect(t, guest.get("/"), "/profile")
	for _, path := range []string{"/profile", "/plan", "/sessions", "/pro", "/admin/users"} {
		wantRedirect(t, guest.get(path), "/login?next="+url.QueryEscape(path))
		wantStatus(t, guest.get(path, asJSON), http.StatusUnauthorized)
	}
}
