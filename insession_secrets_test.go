package powgin_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// A sessionTale is what an app was told while a story ran whose tokens were in a
// session, and the cookies of that session.
type sessionTale struct {
	*telltale
	*inShop
	cookies map[string]bool // guarded by telltale.mu
}

var signedToken = regexp.MustCompile(`^[A-Za-z0-9_-]{87}$`)

// notes is middleware that has the tokens looked for which a session has, and its
// cookies.
func (l *sessionTale) notes(c *gin.Context) {
	look := func() {
		set := http.Response{Header: c.Writer.Header()}
		l.mu.Lock()
		for _, cookie := range append(set.Cookies(), c.Request.Cookies()...) {
			if len(cookie.Value) > 10 {
				l.cookies[cookie.Value] = true
			}
		}
		l.mu.Unlock()
		for _, value := range ginValues(sessions.Default(c)) {
			if text, ok := value.(string); ok && signedToken.MatchString(text) {
				l.note(text)
			}
		}
	}
	look()
	c.Next()
	look()
}

// want fails the test where anything was told that must not be.
func (l *sessionTale) want(t *testing.T) {
	t.Helper()
	l.telltale.want(t)
	heard := l.heard.String()
	for cookie := range l.cookies {
		if strings.Contains(heard, cookie) {
			t.Errorf("OnEvent, OnError or Explain were told the cookie %.40s", cookie)
		}
	}
	if len(l.cookies) < 10 {
		t.Errorf("the story had %d cookies; want more", len(l.cookies))
	}
	for _, name := range []string{"signed_in", "signed_out", "renewed", "synced", "revoked", "evicted", "expired", "reuse", "duplicate_cookie"} {
		if !l.names[name] {
			t.Errorf("the story has no %s event", name)
		}
	}
	for _, told := range []string{
		"renew a session: ", "save a mounted session: ", "delete the record of a mounted session: ", "load the mounted session: ",
	} {
		if l.atServer && !strings.Contains(heard, told) {
			t.Errorf("OnError was told of no failure to %s", told)
		}
	}
}

// look has the browser make requests of every kind of policy.
func (l *sessionTale) look(b *browser) {
	b.get("/explained")
	b.get("/")
	b.get("/me")
}

// life has happen to sessions what there are events of.
func (l *sessionTale) life() {
	var list []*browser
	for range 5 { // two of them evict
		time.Sleep(time.Second)
		b := l.withCart()
		b.post("/put/cart/" + canary).want(http.StatusOK)
		b.post("/signin/1").want(http.StatusOK)
		l.look(b)
		list = append(list, b)
	}
	alice, phone := list[4], list[3]
	for range 3 {
		before := alice.clone()
		alice.post("/sync").want(http.StatusOK)
		l.look(alice)
		l.look(before) // in grace
		time.Sleep(grace)
		l.look(before) // reuse
		time.Sleep(renew)
		l.look(alice)
	}
	l.browser().get("/explained", "Cookie", "shop="+alice.cookies["shop"]+"; shop="+phone.cookies["shop"])
	l.fails(alice)
	l.arrive()
	alice.post("/revoke-others").want(http.StatusOK)
	alice.post("/signout").want(http.StatusOK)
	l.arrive()
	time.Sleep(idle)
	l.look(l.arrive())
}

// fails has the users, and the sessions' server, fail in every way.
func (l *sessionTale) fails(alice *browser) {
	for _, fail := range []func(context.Context, string) error{
		func(context.Context, string) error { return errDown },
		func(context.Context, string) error { panic(fmt.Errorf("bad row: %+v", l.people.row("1"))) },
	} {
		l.people.onFind(fail)
		alice.get("/reload").want(http.StatusServiceUnavailable)
		alice.post("/sync").want(http.StatusServiceUnavailable)
		l.look(alice)
		l.people.onFind(nil)
		l.look(alice)
	}
	if !l.atServer {
		return
	}
	l.store.fails(true, true)
	alice.post("/signin/2").want(http.StatusServiceUnavailable)
	alice.post("/sync").want(http.StatusServiceUnavailable)
	time.Sleep(renew)
	l.look(alice)
	l.store.fails(false, true)
	alice.post("/sync/0").want(http.StatusOK)
	l.store.fails(false, false)
	l.shelf.fail(errRefused)
	l.look(alice)
	l.shelf.fail(nil)
	l.look(alice)
}

func TestNothingThatIsToldHoldsAnInSessionToken(t *testing.T) {
	t.Parallel()
	for store, outside := range map[string]bool{"with a store in the process": false, "with a store outside of it": true} {
		for where, atServer := range map[string]bool{"at the server": true, "in the cookie": false} {
			t.Run(store+", values "+where, func(t *testing.T) {
				l := &sessionTale{telltale: newTelltale(), cookies: map[string]bool{}}
				shopBubble(t, func(c *powgin.Config[User]) {
					var store cache.Store = cache.NewMemory(0)
					if outside {
						store = &storyStore{Store: store}
					}
					l.config(store)(c)
					c.MaxSessions = 3
				}, func(s *inShop) {
					l.inShop = s
					s.atServer, s.store.prefix = atServer, "open-sesame-"
					s.mountIn(sessions.Sessions("shop", s.sessionStore()), l.notes)
					l.explains(t, s.app)
					s.people.change("1", func(u *User) { u.Email, u.Name, u.Plan = canary, canary, canary })
					l.life()
					l.want(t)
				})
			})
		}
	}
}
