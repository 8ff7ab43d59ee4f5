package powgin_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// Each subtest of the functions TestPowWeakness… shows that something cannot
// happen which Pow's design lets happen. W and a number tell them apart; the
// numbers that are missing are about parts of Pow that have no counterpart
// here. Those of this file are about requests and changes that meet.

func TestPowWeaknessesWhenRequestsMeet(t *testing.T) {
	t.Parallel()
	t.Run("W1: no renewal or sync under way undoes a sign-out", func(t *testing.T) {
		for name, late := range map[string]func(*Context) error{
			"renewal": func(*Context) error { return nil },
			"sync":    func(c *Context) error { _ = c.SyncUser(person(1)); return nil },
		} {
			bubbleIn(t, name, func(a *app) {
				gate := a.slow("POST", "/slow", func(c *Context) { answer(c, late(c)) })
				alice := a.signIn(1)
				time.Sleep(renew)
				slow := alice.clone()
				finish := gate.start(slow, "POST", "/slow")
				alice.post("/signout").want(http.StatusOK)
				finish().wantCookie(false)
				slow.get("/me").want(http.StatusUnauthorized)
			})
		}
	})
	t.Run("W2: no slow request brings an old user back", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			a, p := newPeopleApp(t, nil)
			alice, phone := a.signIn(1), a.signIn(1)
			time.Sleep(renew)
			release := p.hold()
			slow := alice.later("GET", "/me") // renews, reads "free", and is held
			synctest.Wait()
			p.onFind(nil)
			p.setPlan("1", "pro")
			alice.wantErr("Sync", a.auth.Sync(context.Background(), person(1)), nil)
			phone.wantPlan("/me", "pro", "before the slow request is done")
			release()
			slow().want(http.StatusOK).wantCookie(true)
			for _, b := range []*browser{phone, alice} {
				b.wantPlan("/me", "pro", "after the slow request is done")
			}
		})
	})
	t.Run("W4: neither a request with the old token nor a lost answer ends a session", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			alice.clone().get("/me").wantCookie(true) // the answer is lost
			under := alice.clone()
			alice.get("/me").want(http.StatusOK).wantCookie(true)
			alice.get("/me").want(http.StatusOK)
			under.get("/me").want(http.StatusOK)
		})
	})
	t.Run("W5: of two syncs of one session neither leaves the browser with a dead cookie", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			gate := a.slow("POST", "/slow", func(c *Context) { answer(c, c.SyncUser(person(1))) })
			alice := a.signIn(1)
			finish := gate.start(alice, "POST", "/slow") // began first, ends last
			alice.post("/plan/pro").want(http.StatusOK).wantCookie(true)
			finish().want(http.StatusOK).wantCookie(false)
			time.Sleep(grace)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("W6: no reader misses a session while it is synced", func(t *testing.T) {
		t.Parallel()
		a, _ := newPeopleApp(t, nil)
		alice, phone := a.signIn(1), a.signIn(1)
		a.syncs("/keep", powgin.KeepSession())
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if r := alice.get("/me"); r.Code != http.StatusOK {
						t.Errorf("GET /me = %d while the session is synced; want 200", r.Code)
						return
					}
				}
			})
		}
		for range 300 {
			if err := a.auth.Sync(context.Background(), person(1)); err != nil {
				t.Fatal(err)
			}
			phone.post("/keep").want(http.StatusOK)
		}
		close(stop)
		readers.Wait()
	})
	t.Run("W26: whoever comes second at a renewal sees the newest user, and a store that cannot renew fails nobody", func(t *testing.T) {
		var store *spyStore
		bubble(t, func(cfg *powgin.Config[User]) { store = newSpyStore(); cfg.Store = store }, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			second := alice.clone()
			alice.get("/me").wantCookie(true)
			a.set(1, "plan", "pro")
			if err := a.auth.Sync(context.Background(), person(1)); err != nil {
				t.Fatal(err)
			}
			second.wantPlan("/me", "pro", "for the second request")
			alice.get("/me").want(http.StatusOK)
			time.Sleep(renew)
			store.failingSwap.Store(true)
			alice.get("/me").want(http.StatusOK).wantCookie(false)
			store.failingSwap.Store(false)
			alice.get("/me").want(http.StatusOK).wantCookie(true)
		})
	})
}

func TestPowWeaknessW25(t *testing.T) {
	t.Parallel()
	changes := map[string]func(*Context) error{
		"sign-out": func(c *Context) error { return c.SignOut() },
		"sign-in":  func(c *Context) error { return c.SignIn(person(2)) },
		"sync":     func(c *Context) error { return c.SyncUser(person(1), powgin.Grace(0)) },
	}
	const who = "signed in afterwards"
	want := map[string]string{"sign-out": "", "sign-in": "bob", "sync": "alice"}
	name := func(b *browser) string {
		if u := b.get("/").identity().User; u != nil {
			return u.Name
		}
		return ""
	}
	for change, do := range changes {
		t.Run(change+", then a panic: the change holds and its cookie goes out", func(t *testing.T) {
			t.Parallel()
			a := newApp(t, nil)
			a.mount(gin.RecoveryWithWriter(io.Discard))
			a.handle("POST", "/panic", func(c *Context) {
				a.browser().wantErr(change, do(c), nil)
				panic("the app's own fault")
			})
			b := a.signIn(1)
			old := b.clone()
			r := b.post("/panic").want(http.StatusInternalServerError)
			if lines := r.setCookies(); len(lines) != 1 {
				t.Errorf("the answer sets %q; want one cookie", lines)
			}
			if got := name(b); got != want[change] {
				t.Errorf("%s: %q; want %q", who, got, want[change])
			}
			old.get("/me").want(http.StatusUnauthorized)
		})
		t.Run(change+", then a panic that nobody recovers: the change holds", func(t *testing.T) {
			t.Parallel()
			a := newApp(t, nil)
			a.handle("POST", "/panic", func(c *Context) {
				a.browser().wantErr(change, do(c), nil)
				panic(http.ErrAbortHandler)
			})
			b := a.signIn(1)
			func() {
				defer func() {
					if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // it is thrown as it is
						t.Errorf("the handler panicked with %v", p)
					}
				}()
				b.post("/panic")
			}()
			b.get("/me").want(http.StatusUnauthorized)
		})
	}
}

// TestPowWeaknessW34 reads what is logged, which is the program's: it runs
// while no other test does.
func TestPowWeaknessW34(t *testing.T) { //nolint:paralleltest // see above
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	for name, tt := range map[string]struct {
		host   string
		change func(*powgin.Config[User])
		cookie string
		lines  int
	}{
		"long timeouts": {"app.example", func(cfg *powgin.Config[User]) {
			cfg.Transport, cfg.IdleTimeout, cfg.AbsoluteTimeout = nil, 48*time.Hour, 1000*time.Hour
		}, "__Host-powgin", 0},
		"an insecure cookie on this machine":       {"localhost:8080", nil, "powgin", 0},
		"an insecure cookie on another, said once": {"app.example", nil, "powgin", 1},
	} {
		logged.Reset()
		a, _ := newPeopleApp(t, tt.change)
		token := ""
		for i := range 100 {
			method, path := "POST", "/signin/1"
			if i > 0 {
				method, path = "GET", "/me"
			}
			r := httptest.NewRequest(method, "http://"+tt.host+path, nil)
			r.AddCookie(&http.Cookie{Name: tt.cookie, Value: token})
			w := httptest.NewRecorder()
			a.router.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				t.Fatalf("%s: %s %s = %d; want 200", name, method, path, w.Code)
			}
			for _, c := range w.Result().Cookies() {
				token = c.Value
			}
		}
		if got := strings.Count(logged.String(), "\n"); got != tt.lines {
			t.Errorf("%s: 100 requests log %d lines; want %d:\n%s", name, got, tt.lines, logged.String())
		}
	}
}
