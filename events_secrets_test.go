package powgin_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// canary is part of everything that the rows of a telltale's app hold.
const canary = "canary"

// A telltale is all that an app was told while a story ran, in every form that
// a log might give it, and the tokens that went over the wire meanwhile.
type telltale struct {
	mu     sync.Mutex
	heard  bytes.Buffer    // guarded by mu
	names  map[string]bool // of events; guarded by mu
	tokens map[string]bool // guarded by mu
}

func newTelltale() *telltale {
	return &telltale{names: map[string]bool{}, tokens: map[string]bool{}}
}

// hear writes a value down as fmt, encoding/json and log/slog would.
func (l *telltale) hear(v any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.heard, "%v\n%+v\n%#v\n%q\n", v, v, v, v)
	if b, err := json.Marshal(v); err == nil {
		l.heard.Write(b)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&l.heard, nil), slog.NewJSONHandler(&l.heard, nil)} {
		slog.New(h).Info("told", "what", v)
	}
}

func (l *telltale) onEvent(e powgin.Event) {
	l.mu.Lock()
	l.names[e.Name] = true
	l.mu.Unlock()
	l.hear(e)
}

// onError hears the error and all that it wraps.
func (l *telltale) onError(_ context.Context, err error) {
	l.hear(err)
	for err := errors.Unwrap(err); err != nil; err = errors.Unwrap(err) {
		l.hear(err)
	}
}

// wire notes every token that an answer sets or a request carries.
func (l *telltale) wire(c *gin.Context) {
	c.Next()
	l.mu.Lock()
	defer l.mu.Unlock()
	set := http.Response{Header: c.Writer.Header()}
	for _, cookie := range append(set.Cookies(), c.Request.Cookies()...) {
		if len(cookie.Value) > 40 {
			l.tokens[cookie.Value] = true
		}
	}
}

// spellings are the ways in which bytes could be written down.
func spellings(b []byte) []string {
	list := fmt.Sprint(b)
	dump := fmt.Sprintf("%#v", b)
	return []string{
		string(b), hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)),
		base64.RawStdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b),
		list[1 : len(list)-1], dump[len("[]byte{") : len(dump)-1],
	}
}

// leaks returns what of the tokens, their secrets and hashes and of the rows
// was told.
func (l *telltale) leaks() (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	heard := l.heard.String()
	if strings.Contains(heard, canary) {
		found = append(found, "a row's data")
	}
	for token := range l.tokens {
		b, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(b) < 49 {
			continue // planted by the story
		}
		secret := b[17:49]
		hash := sha256.Sum256(secret)
		for what, s := range map[string][]string{
			"a cookie": {token}, "a token": spellings(b), "a token's secret": spellings(secret),
			"half a secret": spellings(secret[:16]), "a token's hash": spellings(hash[:]), "half a hash": spellings(hash[:16]),
		} {
			if slices.ContainsFunc(s, func(s string) bool { return strings.Contains(heard, s) }) {
				found = append(found, what)
			}
		}
	}
	return found
}

// want fails the test where anything was told that must not be.
func (l *telltale) want(t *testing.T) {
	t.Helper()
	if leaks := l.leaks(); len(leaks) > 0 {
		t.Errorf("OnEvent, OnError or Explain were told %q; want nothing of it in\n%.4000s", leaks, l.heard.String())
	}
	if len(l.tokens) < 10 || l.heard.Len() == 0 {
		t.Errorf("the story had %d tokens and was told %d bytes; want a longer one", len(l.tokens), l.heard.Len())
	}
}

// storyStore is a Store that a story spoils: its records are junk, or those of
// the account that was changed last, or it fails.
type storyStore struct {
	cache.Store
	junk, crossed, down atomic.Bool
	last                atomic.Pointer[cache.Record]
}

func (s *storyStore) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	if s.down.Load() {
		return cache.Loaded{}, errStoreDown
	}
	l, err := s.Store.Load(ctx, key)
	switch {
	case l.Record.Version == (cache.ID{}):
	case s.junk.Load():
		l.Record.Data = append([]byte("junk"), l.Record.Data...)
	case s.crossed.Load():
		l.Record = *s.last.Load()
	}
	return l, err
}

func (s *storyStore) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	if s.down.Load() {
		return cache.Loaded{}, false, errStoreDown
	}
	s.last.Store(&next)
	return s.Store.Swap(ctx, key, old, next)
}

// config returns a Config's change that has everything told to l.
func (l *telltale) config(store cache.Store) func(*powgin.Config[User]) {
	return func(c *powgin.Config[User]) {
		c.OnEvent, c.OnError, c.Store = l.onEvent, l.onError, store
		c.Keys, c.MaxSessions = signingKeys[:1], 2
		c.Active = func(u User) bool { return !u.Locked }
		c.Users = &mixedUp{people: c.Users.(*people)}
		c.WhenDownFor = func(c *gin.Context) powgin.DownPolicy {
			switch c.FullPath() {
			case "/":
				return powgin.Anonymous
			case "/explained":
				return powgin.ServeStale(mostStale)
			}
			return powgin.Unavailable
		}
	}
}

// explains adds a route that has the explanation of its request told.
func (l *telltale) explains(t *testing.T, a *app) {
	t.Helper()
	a.handle("GET", "/explained", func(c *Context) {
		x, err := a.auth.Explain(c.Context)
		l.hear(x)
		if err != nil {
			l.onError(c, err)
		}
		y, err := a.auth.ExplainUser(c, "1")
		l.hear(y)
		if err != nil {
			l.onError(c, err)
		}
	})
}

// look has a browser make a request that Anonymous may let pass, and one whose
// explanation is told.
func look(b *browser) { b.get("/explained"); b.get("/") }

// everything is a story in which everything happens that has an event.
func (l *telltale) everything(t *testing.T, a *app, p *people) {
	t.Helper()
	for _, key := range []string{"1", "2"} {
		p.change(key, func(u *User) {
			u.Email, u.Name, u.Role, u.PasswordHash = canary+"@example.com", canary, canary, canary
			u.Plan = canary + " plan"
		})
	}
	a.mount(l.wire)
	a.handleSync("/sync")
	l.explains(t, a)
	comeAndGo(a)
	other := a.signIn(1)
	readsFail(a, p, other)
	if s, ok := a.config.Store.(*storyStore); ok {
		s.fails(a, other)
	}
	runOut(a, p, other)
}

// comeAndGo has sessions evicted, replaced, reused and revoked.
func comeAndGo(a *app) {
	look(a.signIn(1))
	time.Sleep(time.Second)
	phone, tablet := a.signIn(1), a.signIn(1) // evicts
	old := tablet.clone()
	tablet.post("/sync").want(http.StatusOK)
	look(old) // in grace
	time.Sleep(renew)
	look(old) // reuse
	tablet.get("/me").want(http.StatusOK).wantCookie(true)
	look(tablet)
	a.browser().get("/", "Cookie", "powgin="+tablet.token()+"; powgin="+phone.token())
	tablet.post("/sync", "Sec-Fetch-Site", "cross-site").want(http.StatusForbidden)
	tablet.post("/revoke-others").want(http.StatusOK)
}

// readsFail has reads of users bring the wrong one, fail and panic.
func readsFail(a *app, p *people, b *browser) {
	users := a.config.Users.(*mixedUp)
	users.swapped.Store(true)
	b.get("/reload").want(http.StatusServiceUnavailable)
	users.swapped.Store(false)
	for _, fail := range []func(context.Context, string) error{
		func(context.Context, string) error { return errDown },
		func(context.Context, string) error { panic(p.row("1")) },
		func(context.Context, string) error { panic(fmt.Errorf("bad row: %+v", p.row("1"))) },
	} {
		time.Sleep(2 * time.Minute)
		p.onFind(fail)
		look(b)
		b.get("/reload").want(http.StatusServiceUnavailable)
		p.onFind(nil)
		look(b)
	}
}

// fails has the store be down, bring junk, and another's record.
func (s *storyStore) fails(a *app, b *browser) {
	for _, spoilt := range []*atomic.Bool{&s.down, &s.junk, &s.crossed} {
		a.signIn(2)
		spoilt.Store(true)
		look(b)
		b.get("/me")
		spoilt.Store(false)
		look(b)
	}
}

// runOut has a user locked, and sessions end by themselves.
func runOut(a *app, p *people, b *browser) {
	b.post("/signin/2").want(http.StatusOK)
	p.change("2", func(u *User) { u.Locked = true })
	b.get("/refresh").want(http.StatusUnauthorized)
	laptop := a.signIn(1)
	look(laptop)
	laptop.post("/signout").want(http.StatusOK)
	a.signIn(1)
	time.Sleep(idle)
	a.signIn(1)
}

// The scan finds what it looks for, in each form.
func TestTheScanForSecretsFindsThem(t *testing.T) {
	t.Parallel()
	token := madeUp()
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(b[17:])
	for what, v := range map[string]any{
		"the cookie": "powgin=" + token, "the secret": b[17:], "the secret as an array": [32]byte(b[17:]),
		"the hash": hash, "the hash in hex": fmt.Sprintf("%x", hash), "half of it": fmt.Sprintf("%x", hash[:16]),
		"an error": errors.New("no session for " + token), "a row": User{Email: canary},
	} {
		l := newTelltale()
		l.tokens[token] = true
		if l.hear(v); len(l.leaks()) == 0 {
			t.Errorf("the scan finds nothing in %s", what)
		}
		l = newTelltale()
		l.tokens[madeUp()] = true
		if l.hear(v); len(l.leaks()) != 0 && what != "a row" {
			t.Errorf("the scan finds another's token in %s: %q", what, l.leaks())
		}
	}
}

// documented returns the names that the doc comment of Event has.
func documented(t *testing.T) (names []string) {
	t.Helper()
	source, err := os.ReadFile("config.go")
	if err != nil {
		t.Fatal(err)
	}
	_, doc, _ := strings.Cut(string(source), "\t// Name is what happened:")
	doc, _, _ = strings.Cut(doc, "\tName string")
	for _, m := range regexp.MustCompile(`(?m)^\t//\t([a-z_]+(?:, [a-z_]+)*) {2,}`).FindAllStringSubmatch(doc, -1) {
		names = append(names, strings.Split(m[1], ", ")...)
	}
	return names
}

func TestNothingThatIsToldHoldsASecret(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	var mu sync.Mutex
	t.Cleanup(func() { wantDocumented(t, names) }) // once both stories are over
	for name, newStore := range map[string]func() cache.Store{
		"in the process": func() cache.Store { return cache.NewMemory(0) },
		"outside of it":  func() cache.Store { return &storyStore{Store: cache.NewMemory(0)} },
	} {
		t.Run("with a store "+name, func(t *testing.T) {
			t.Parallel()
			l := newTelltale()
			agedApp(t, l.config(newStore()), func(t *testing.T, a *app, p *people) {
				l.everything(t, a, p)
				l.want(t)
				mu.Lock()
				defer mu.Unlock()
				maps.Copy(names, l.names)
			})
		})
	}
}

// wantDocumented fails the test unless these are the names of events that the
// documentation has.
func wantDocumented(t *testing.T, names map[string]bool) {
	t.Helper()
	doc := documented(t)
	if len(doc) < 18 {
		t.Errorf("the doc comment of Event has the names %q; want all", doc)
	}
	for _, name := range doc {
		// A user is too large for a Store's record only where a Store keeps users.
		// TestNothingThatIsToldOfWritesHoldsASecret tells the other two.
		if !names[name] && name != "too_large" && name != "difference" && name != "unannounced" {
			t.Errorf("no %s event in a story in which everything happens", name)
		}
		delete(names, name)
	}
	for name := range names {
		t.Errorf("the event %s is not documented", name)
	}
}

// What GORM and the driver say of a row that cannot be read quotes the row.
func TestNothingThatIsToldOfABrokenRowHoldsIt(t *testing.T) {
	t.Parallel()
	l := newTelltale()
	a := newApp(t, func(c *powgin.Config[User]) { c.OnEvent, c.OnError = l.onEvent, l.onError })
	alice := a.signIn(1)
	for _, column := range []string{"credits", "created_at", "locked"} {
		a.set(1, column, canary)
		alice.get("/reload").want(http.StatusServiceUnavailable)
		a.set(1, column, gorm.Expr("NULL"))
	}
	for what, o := range outages {
		if o.up == nil {
			continue
		}
		o.down(a)
		if alice.get("/reload"); strings.Contains(l.heard.String(), "secret-of-alice") {
			t.Errorf("%s: OnError was told the password's hash", what)
		}
		o.up(a)
	}
	if leaks := l.leaks(); len(leaks) > 0 || l.heard.Len() == 0 {
		t.Errorf("OnError was told %q in %d bytes; want errors without the row", leaks, l.heard.Len())
	}
}
