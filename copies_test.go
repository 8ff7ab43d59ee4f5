package powgin_test

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

func TestAssignUserIsForOneRequestOnly(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	a.router.SetHTMLTemplate(template.Must(template.New("page").Parse(`{{.current_user.Plan}}`)))
	given := User{Model: gorm.Model{ID: 1}, Plan: "assigned", PasswordHash: "hunter2"}
	var seen []User
	a.router.GET("/assign", powgin.Handle(func(c *Context) {
		c.AssignUser(given)
		u, _ := c.User()
		current, _ := powgin.CurrentUser[User](c.Request.Context())
		seen = []User{u, current, c.MustUser(), c.MustGet("current_user").(User), c.Value("current_user").(User)}
		c.HTML(http.StatusOK, "page", gin.H{"current_user": c.MustGet("current_user")})
	}))
	for name, b := range map[string]*browser{"signed in": a.signIn(1), "for nobody": a.browser()} {
		before := b.get("/").identity()
		p.took()
		res := b.get("/assign").want(http.StatusOK).wantNoCookie()
		if got := res.Body.String(); got != "assigned" {
			t.Errorf("%s: the page shows plan %q; want assigned", name, got)
		}
		for i, u := range seen {
			if u.Plan != "assigned" || u.PasswordHash != "" {
				t.Errorf("%s: way %d to the user gives %+v; want the assigned one, without its secrets", name, i, u)
			}
		}
		after := b.get("/").identity()
		if !sameSession(before, after) || (before.User == nil) != (after.User == nil) || after.User != nil && after.User.Plan != "free" {
			t.Errorf("%s: the next request knows %+v; want %+v", name, after, before)
		}
		p.wantReads(t, 0, name)
	}
}

func TestAssignUserSignsNobodyIn(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.router.POST("/assign", func(c *gin.Context) {
		powgin.AssignUser(c, person(1))
		if _, ok := powgin.SessionOf(c); ok {
			t.Error("SessionOf found a session")
		}
		if key, ok := powgin.UserKey(c); ok {
			t.Errorf("UserKey = %q; want none: there is no session", key)
		}
		powgin.Abort(c, errors.Join(powgin.SyncUser(c, person(1)), powgin.RevokeOthers(c)))
	})
	a.browser().post("/assign").want(http.StatusUnauthorized).wantNoCookie()
}

func TestAContextKeptAfterItsRequest(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	var kept *Context
	a.router.GET("/keep", powgin.Handle(func(c *Context) { kept = c; whoami(c) }))
	alice, other, bob := a.signIn(1), a.signIn(1), a.signIn(2)
	var errs map[string]error
	a.router.GET("/reuse", powgin.Handle(func(c *Context) {
		// Gin hands out contexts again, so kept may speak of this request now.
		errs = map[string]error{
			"SignIn": kept.SignIn(person(1)), "SyncUser": kept.SyncUser(person(1)), "SyncUser with Grace(0)": kept.SyncUser(person(1), powgin.Grace(0)),
		}
		if u, ok := kept.User(); !ok || u.Name != "alice" {
			t.Errorf("the kept context's user = %q, %v; want alice", u.Name, ok)
		}
		kept.AssignUser(User{Name: "mallory"})
		if u, ok := c.User(); !ok || u.Name != "bob" || c.MustGet("current_user").(User).Name != "bob" {
			t.Errorf("this request's user = %q, %v; want bob", u.Name, ok)
		}
		whoami(c)
	}))
	for range 50 { // Gin's pool may well hand out another one
		alice.get("/keep").want(http.StatusOK)
		other.wantPlan("/", "free", "at first")
		p.setPlan("1", "pro")
		if id := bob.get("/reuse").wantNoCookie().identity(); id.User.Name != "bob" {
			t.Fatalf("bob's request is answered for %q", id.User.Name)
		}
		for name, want := range map[string]error{
			"SignIn": powgin.ErrHeadersWritten, "SyncUser": nil, "SyncUser with Grace(0)": powgin.ErrInGrace,
		} {
			if !errors.Is(errs[name], want) {
				t.Errorf("%s on a kept context = %v; want %v", name, errs[name], want)
			}
		}
		other.wantPlan("/", "pro", "after a sync on a kept context")
		p.setPlan("1", "free")
		if err := a.auth.Invalidate(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
	}
	alice.get("/keep").want(http.StatusOK)
	var out error
	a.router.GET("/late-sign-out", powgin.Handle(func(c *Context) { out = errors.Join(kept.SignOut(), kept.SignOut()); whoami(c) }))
	if id := bob.get("/late-sign-out").wantNoCookie().identity(); id.User.Name != "bob" || out != nil {
		t.Errorf("a late SignOut = %v and bob's request knows %+v; want nil and bob", out, id.User)
	}
	alice.get("/me").want(http.StatusUnauthorized)
	bob.get("/me").want(http.StatusOK)
}

func TestCopiesInGoroutinesSyncWithoutAToken(t *testing.T) {
	t.Parallel()
	for name, copied := range map[string]func(c *Context, opts ...powgin.SyncOption) (sync func() error){
		"gin's copy": func(c *Context, opts ...powgin.SyncOption) func() error {
			cp := c.Context.Copy()
			return func() error { return powgin.SyncUser(cp, person(1), opts...) }
		},
		"the typed copy": func(c *Context, opts ...powgin.SyncOption) func() error {
			cp := c.Copy()
			return func() error { return cp.SyncUser(cp.MustUser(), opts...) }
		},
	} {
		for when, after := range map[string]bool{"within the request": false, "after the response": true} {
			t.Run(name+", "+when, func(t *testing.T) {
				t.Parallel()
				a, p := newPeopleApp(t, nil)
				alice, other := a.signIn(1), a.signIn(1)
				alice.wantPlan("/", "free", "at first")
				token := alice.token()
				for option, tt := range map[string]struct {
					opts []powgin.SyncOption
					want error
				}{
					"plainly":     {nil, nil},
					"Grace(0)":    {[]powgin.SyncOption{powgin.Grace(0)}, powgin.ErrInGrace},
					"EndOthers":   {[]powgin.SyncOption{powgin.EndOthers()}, powgin.ErrInGrace},
					"KeepSession": {[]powgin.SyncOption{powgin.KeepSession()}, nil},
				} {
					start, done := make(chan struct{}), make(chan struct{})
					var got error
					res, _ := alice.does(func(c *Context) error {
						sync := copied(c, tt.opts...)
						go func() {
							defer close(done)
							<-start
							got = sync()
						}()
						p.setPlan("1", option)
						if !after {
							close(start)
							<-done
						}
						return nil
					})
					if after {
						close(start)
						<-done
					}
					if !errors.Is(got, tt.want) {
						t.Errorf("%s: SyncUser = %v; want %v", option, got, tt.want)
					}
					res.wantNoCookie()
					other.wantPlan("/", option, option)
				}
				if alice.get("/me").want(http.StatusOK); alice.token() != token {
					t.Error("a copy replaced the token")
				}
			})
		}
	}
}

func TestACopySeesWhatTheRequestSees(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	var typed *Context
	var plain *gin.Context
	_, err := a.signIn(1).does(func(c *Context) error {
		typed, plain = c.Copy(), c.Context.Copy()
		c.AssignUser(User{Name: "assigned"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := typed.User()
	v, _ := powgin.CurrentUser[User](plain)
	if u.Name != "assigned" || v.Name != "assigned" {
		t.Errorf("the copies' users are %q and %q; want assigned", u.Name, v.Name)
	}
	if s, ok := typed.Session(); !ok || !s.Current {
		t.Errorf("the copy's session = %+v, %v; want the request's", s, ok)
	}
}

// outerKey is a value that an app keeps in contexts.
type outerKey struct{}

func TestCurrentUserFollowsEveryContextOfTheRequest(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	replace := func(c *gin.Context) {
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), outerKey{}, "app"))
	}
	a.mount(replace)
	a.router.GET("/contexts", replace, func(c *gin.Context) {
		derived := map[string]context.Context{"gin.Context": c, "its copy": c.Copy(), "the request's": c.Request.Context()}
		for name, ctx := range map[string]context.Context{"gin.Context": c, "the request's": c.Request.Context()} {
			timed, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			derived["a value in "+name] = context.WithValue(ctx, outerKey{}, "mine") //nolint:fatcontext // one a name
			derived["a deadline on "+name] = timed
			derived["uncancelled "+name] = context.WithoutCancel(timed)
		}
		for name, ctx := range derived {
			if u, ok := powgin.CurrentUser[User](ctx); !ok || u.Name != "alice" {
				t.Errorf("CurrentUser by %s = %q, %v; want alice", name, u.Name, ok)
			}
			if key, ok := powgin.UserKey(ctx); !ok || key != "1" {
				t.Errorf("UserKey by %s = %q, %v; want 1", name, key, ok)
			}
			if strings.Contains(name, "request's") && ctx.Value(outerKey{}) == nil {
				t.Errorf("%s has lost the app's value", name)
			}
		}
		early := c.Request.Context()
		c.Request = c.Request.WithContext(context.Background()) // a mistake of the app's
		powgin.AssignUser(c, User{Name: "assigned"})
		for name, ctx := range map[string]context.Context{"gin.Context": c, "an earlier context": early} {
			if u, ok := powgin.CurrentUser[User](ctx); !ok || u.Name != "assigned" {
				t.Errorf("CurrentUser by %s after AssignUser = %q, %v; want assigned", name, u.Name, ok)
			}
		}
		if err := powgin.SignOut(c); err != nil {
			t.Error(err)
		}
		if u, ok := powgin.CurrentUser[User](early); ok {
			t.Errorf("CurrentUser after SignOut = %q; want nobody", u.Name)
		}
		if u, ok := c.MustGet("current_user").(User); ok {
			t.Errorf("c.Get after SignOut = %q; want nobody", u.Name)
		}
	})
	a.signIn(1).get("/contexts").want(http.StatusOK)
	if _, ok := powgin.CurrentUser[User](t.Context()); ok {
		t.Error("CurrentUser found a user in a context of no request")
	}
}

func TestATypeThatNoSessionHasPanicsWithBothNames(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.router.GET("/types", func(c *gin.Context) {
		for name, f := range map[string]func(){
			"CurrentUser":            func() { powgin.CurrentUser[Clerk](c) },
			"CurrentUser of context": func() { powgin.CurrentUser[Clerk](c.Request.Context()) },
			"CurrentUser of pointer": func() { powgin.CurrentUser[*Clerk](c) },
			"Handle":                 func() { powgin.Handle(func(*powgin.Context[Clerk]) {})(c) },
			"SignIn":                 func() { _ = powgin.SignIn(c, Clerk{}) },
			"SyncUser":               func() { _ = powgin.SyncUser(c, Clerk{}) },
			"AssignUser":             func() { powgin.AssignUser(c, Clerk{}) },
		} {
			if got := panicOf(f); !strings.Contains(got, "powgin_test.Clerk") || !strings.Contains(got, "powgin_test.User") {
				t.Errorf("%s of a wrong type panics with %q; want both types' names", name, got)
			}
		}
	})
	a.browser().get("/types").want(http.StatusOK)
}

func TestGoroutinesReadTheUserWhileTheHandlerSyncs(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	alice := a.signIn(1)
	_, err := alice.does(func(c *Context) error {
		ctx, stop := context.WithCancel(c.Request.Context())
		cp := c.Copy()
		var readers sync.WaitGroup
		for range 8 {
			readers.Go(func() {
				for ctx.Err() == nil {
					u, ok := powgin.CurrentUser[User](ctx)
					v, also := cp.User()
					_, session := cp.Session()
					key, _ := powgin.UserKey(cp)
					if !ok || !also || !session || u.Name != "alice" || v.Name != "alice" || key != "1" {
						t.Errorf("a goroutine reads %q and %q of key %q; want alice of key 1", u.Name, v.Name, key)
						return
					}
				}
			})
		}
		var errs []error
		for range 50 {
			p.change("1", func(u *User) { u.Credits++ })
			errs = append(errs, c.SyncUser(person(1)))
			c.AssignUser(c.MustUser())
		}
		stop()
		readers.Wait()
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	if u := alice.get("/").identity().User; u.Credits != 50 {
		t.Errorf("credits = %d; want 50", u.Credits)
	}
}
