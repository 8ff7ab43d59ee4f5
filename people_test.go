package powgin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// people is a Config.Users in memory, whose reads a test can count, hold up
// and have fail.
type people struct {
	mu    sync.Mutex
	rows  map[string]User                             // guarded by mu
	reads int                                         // guarded by mu
	hook  func(ctx context.Context, key string) error // guarded by mu
}

func (p *people) Key(u User) string {
	if u.ID == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(u.ID), 10)
}

// Find reads the row first, and has the hook delay or fail what it has read.
func (p *people) Find(ctx context.Context, key string) (User, bool, error) {
	p.mu.Lock()
	p.reads++
	u, found := p.rows[key]
	hook := p.hook
	p.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, key); err != nil {
			return User{}, false, err
		}
	}
	return u, found, nil
}

func (p *people) put(u User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows[p.Key(u)] = u
}

func (p *people) row(key string) User {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rows[key]
}

// change alters a user's row; a nil f deletes it.
func (p *people) change(key string, f func(*User)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f == nil {
		delete(p.rows, key)
		return
	}
	u := p.rows[key]
	f(&u)
	p.rows[key] = u
}

func (p *people) setPlan(key, plan string) { p.change(key, func(u *User) { u.Plan = plan }) }

// onFind has f run at the end of every read that begins from now on; nil for
// nothing.
func (p *people) onFind(f func(context.Context, string) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = f
}

var errDown = errors.New("the users are out of reach")

// fail has reads fail from now on, or work again.
func (p *people) fail(down bool) {
	p.onFind(nil)
	if down {
		p.onFind(func(context.Context, string) error { return errDown })
	}
}

// hold keeps back what reads bring, of those that begin before the next onFind,
// until release.
func (p *people) hold() (release func()) {
	gate := make(chan struct{})
	p.onFind(func(ctx context.Context, _ string) error {
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return func() { close(gate) }
}

// took returns how many reads there were since it was last asked.
func (p *people) took() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.reads
	p.reads = 0
	return n
}

// newPeopleApp starts an app whose users, alice (1) and bob (2), are in memory.
func newPeopleApp(t testing.TB, change func(*powgin.Config[User])) (*app, *people) {
	t.Helper()
	p := &people{rows: map[string]User{}}
	for i, name := range []string{"alice", "bob"} {
		p.put(User{Model: gorm.Model{ID: uint(i + 1)}, Email: name + "@example.com", Name: name, Plan: "free"})
	}
	a := &app{TB: t, config: powgin.Config[User]{
		Users: p, Transport: powgin.Cookie{Insecure: true}, OnError: func(context.Context, error) {},
	}}
	if change != nil {
		change(&a.config)
	}
	auth, err := powgin.New(a.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	a.auth = auth
	a.mount()
	return a, p
}

// mount makes the app's router anew, with middleware ahead of Session.
func (a *app) mount(ahead ...gin.HandlerFunc) {
	a.router = gin.New()
	if a.ahead != nil {
		a.router.Use(a.ahead)
	}
	a.router.Use(ahead...)
	a.router.Use(a.auth.Session())
	a.routes()
}

// later sends a request on a goroutine of its own. What it returns waits for
// the answer.
func (b *browser) later(method, path string, headers ...string) (wait func() *response) {
	done := make(chan *response, 1)
	go func() { done <- b.do(method, path, headers...) }()
	return func() *response { return <-done }
}

// wantPlan fails the test where the page shows another plan.
func (b *browser) wantPlan(path, want, when string) {
	b.Helper()
	if got := b.plan(path); got != want {
		b.Errorf("%s: GET %s shows plan %q; want %q", when, path, got, want)
	}
}

// wantReads fails the test where there was another number of reads since it
// was last asked.
func (p *people) wantReads(t testing.TB, want int, when string) {
	t.Helper()
	if got := p.took(); got != want {
		t.Errorf("%s: the user was read %d times; want %d", when, got, want)
	}
}

// does has h handle one POST of the browser. It returns the answer and what h
// returned. It adds a route, so no other request may arrive meanwhile.
func (b *browser) does(h func(*Context) error) (*response, error) {
	path := fmt.Sprintf("/do/%d", len(b.router.Routes()))
	var got error
	b.router.POST(path, powgin.Handle(func(c *Context) {
		got = h(c)
		answer(c, got)
	}))
	return b.post(path), got
}

// syncUser has the browser sync alice.
func (b *browser) syncUser(opts ...powgin.SyncOption) (*response, error) {
	return b.does(func(c *Context) error { return c.SyncUser(person(1), opts...) })
}

// person is a user of whom only the key is known.
func person(id uint) User { return User{Model: gorm.Model{ID: id}} }

// shows returns the user whom the page shows, nil for nobody and for any other
// answer. Unlike identity it may be called on every goroutine.
func (r *response) shows() *User {
	var id identity
	if r.Code != http.StatusOK || json.Unmarshal(r.Body.Bytes(), &id) != nil {
		return nil
	}
	return id.User
}

// wantErr fails the test where an error is another.
func (b *browser) wantErr(what string, got, want error) {
	b.Helper()
	if !errors.Is(got, want) {
		b.Errorf("%s = %v; want %v", what, got, want)
	}
}

// wantNoCookie fails the test where the answer sets a cookie.
func (r *response) wantNoCookie() *response {
	r.b.Helper()
	if lines := r.setCookies(); len(lines) > 0 {
		r.b.Errorf("%s sets cookies %q; want none", r.what, lines)
	}
	return r
}

// wantToken fails the test where the answer does not set our cookie, once, to a
// token that old is not.
func (r *response) wantToken(old string) *response {
	r.b.Helper()
	lines := r.setCookies()
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "powgin=") || strings.HasPrefix(lines[0], "powgin=;") {
		r.b.Errorf("%s sets cookies %q; want one new token", r.what, lines)
	} else if r.b.token() == old {
		r.b.Errorf("%s sets the old token; want a new one", r.what)
	}
	return r
}

// silent keeps errors that a test provokes out of the log.
func silent(c *powgin.Config[User]) { c.OnError = func(context.Context, error) {} }
