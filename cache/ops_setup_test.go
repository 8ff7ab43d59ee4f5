package cache

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A person is a user of the tests' app.
type person struct {
	Key, Name string
	Locked    bool
}

// people is the table of users. It counts how often it is read.
type people struct {
	reads atomic.Int64

	mu     sync.Mutex
	rows   map[string]person                        // guarded by mu
	fail   error                                    // guarded by mu; what a read answers
	before func(ctx context.Context) error          // guarded by mu; runs before the row is read
	after  func(ctx context.Context, row any) error // guarded by mu; runs between the read and its answer
	alter  func(row person, ok bool) (person, bool) // guarded by mu; what a read answers instead of the row
}

var errTable = errors.New("the table of users cannot be read")

func (p *people) Find(ctx context.Context, key string) (any, bool, error) {
	p.reads.Add(1)
	p.mu.Lock()
	before, after, alter, fail := p.before, p.after, p.alter, p.fail
	p.mu.Unlock()
	if before != nil {
		if err := before(ctx); err != nil {
			return nil, false, err
		}
	}
	p.mu.Lock()
	row, ok := p.rows[key]
	p.mu.Unlock()
	if alter != nil {
		row, ok = alter(row, ok)
	}
	if after != nil {
		if err := after(ctx, row); err != nil {
			return nil, false, err
		}
	}
	if fail != nil {
		return nil, false, fail
	}
	return row, ok, nil
}

// write changes a row as another program would: nobody announces it.
func (p *people) write(row person) { p.with(func() { p.rows[row.Key] = row }) }

func (p *people) remove(key string) { p.with(func() { delete(p.rows, key) }) }

// with runs f while nobody reads the table's fields.
func (p *people) with(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// eventLog remembers what happened.
type eventLog struct {
	mu   sync.Mutex
	seen []Event // guarded by mu
}

func (l *eventLog) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, e)
}

// named returns the events of this name so far.
func (l *eventLog) named(name string) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var es []Event
	for _, e := range l.seen {
		if e.Name == name {
			es = append(es, e)
		}
	}
	return es
}

// byteStore hides that a Memory can keep accounts decoded, so that the cache
// has to go through their bytes.
type byteStore struct{ Store }

// personCodec is the app's: users as JSON.
type personCodec struct{}

func (personCodec) Encode(user any) ([]byte, error) { return json.Marshal(user) }

func (personCodec) Decode(b []byte) (any, error) {
	var p person
	err := json.Unmarshal(b, &p)
	return p, err
}

// A kit is a cache with the table it reads and the store it writes.
type kit struct {
	t      testing.TB
	cache  *Cache
	people *people
	events *eventLog
}

func testRules() Rules {
	return Rules{
		IdleTimeout:     30 * time.Minute,
		RenewAfter:      15 * time.Minute,
		AbsoluteTimeout: 24 * time.Hour,
		Grace:           5 * time.Second,
		MaxAge:          time.Minute,
		MaxSessions:     100,
	}
}

var testSpace = Space{Namespace: "app", Table: "people", Type: "cache.person"}

// setup makes a cache of two users, ann and bob.
func setup(t testing.TB, store Store, opts ...func(*Config)) *kit {
	t.Helper()
	k := &kit{t: t, events: new(eventLog), people: &people{rows: map[string]person{
		"ann": {Key: "ann", Name: "Ann"},
		"bob": {Key: "bob", Name: "Bob"},
	}}}
	cfg := Config{
		Store:  store,
		Space:  testSpace,
		Rules:  testRules(),
		Source: k.people,
		Key:    func(user any) string { return user.(person).Key },
		Active: func(user any) bool { return !user.(person).Locked },
		Codec:  personCodec{},
		Event:  k.events.add,
	}
	for _, o := range opts {
		o(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	k.cache = c
	return k
}

// everywhere runs f on a cache over decoded accounts and on one over bytes,
// each in a bubble of its own where time passes only by sleeping.
func everywhere(t *testing.T, f func(t *testing.T, k *kit), opts ...func(*Config)) {
	t.Helper()
	for _, form := range []struct {
		name  string
		store func() Store
	}{
		{"decoded", func() Store { return NewMemory(0) }},
		{"bytes", func() Store { return byteStore{NewMemory(0)} }},
	} {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { f(t, setup(t, form.store(), opts...)) })
		})
	}
}

// rules returns an option that changes the rules.
func rules(change func(*Rules)) func(*Config) {
	return func(cfg *Config) { change(&cfg.Rules) }
}

// signInAs signs a user in by cookie.
func (k *kit) signInAs(key string) *Opened {
	k.t.Helper()
	o, _, err := k.signIn(SignIn{UserKey: key})
	if err != nil {
		k.t.Fatalf("SignIn(%s) = %v", key, err)
	}
	return o
}

func (k *kit) signIn(in SignIn) (o *Opened, ended bool, err error) {
	if in.Transport == 0 {
		in.Transport = Cookie
	}
	o = new(Opened)
	ended, err = k.cache.SignIn(k.t.Context(), &in, o)
	return o, ended, err
}

// open begins a request with a cookie that holds the token.
func (k *kit) open(token Token) *Opened {
	k.t.Helper()
	o, err := k.tryOpen(token)
	if err != nil {
		k.t.Fatalf("Open = %v", err)
	}
	return o
}

func (k *kit) tryOpen(token Token) (*Opened, error) {
	o := new(Opened)
	return o, k.cache.Open(k.t.Context(), &Opening{Transport: Cookie, Token: token}, o)
}

// syncNow syncs with the usual grace.
func (k *kit) syncNow(o *Opened) {
	k.t.Helper()
	if err := k.cache.Sync(k.t.Context(), o, Sync{Grace: -1}); err != nil {
		k.t.Fatalf("Sync = %v", err)
	}
}

// write returns a Write that was begun.
func (k *kit) write(keys ...string) *Write {
	k.t.Helper()
	w := k.cache.NewWrite("", keys...)
	if err := w.Begin(k.t.Context()); err != nil {
		k.t.Fatalf("Begin = %v", err)
	}
	return w
}

func (k *kit) end(w *Write) {
	k.t.Helper()
	if err := w.End(k.t.Context()); err != nil {
		k.t.Fatalf("End = %v", err)
	}
}

func (k *kit) signOut(o *Opened) {
	k.t.Helper()
	if err := k.cache.EndSession(k.t.Context(), o.Account(), o.Handle()); err != nil {
		k.t.Fatalf("EndSession = %v", err)
	}
}

// sessions returns the handles of a user's live sessions, the oldest first.
func (k *kit) sessions(key string) []Handle {
	k.t.Helper()
	infos, err := k.cache.Sessions(k.t.Context(), k.cache.Account("", key))
	if err != nil {
		k.t.Fatalf("Sessions(%s) = %v", key, err)
	}
	var hs []Handle
	for _, i := range infos {
		hs = append(hs, i.Handle)
	}
	return hs
}

// record returns the account as it is stored, nil where it is absent.
func (k *kit) record(key string) *Account {
	k.t.Helper()
	v, err := k.cache.backend.load(k.t.Context(), k.cache.Account("", key))
	if err != nil {
		k.t.Fatalf("load %s: %v", key, err)
	}
	return v.account
}

// wantUser checks whom a request sees; "" stands for nobody.
func (k *kit) wantUser(o *Opened, name string) {
	k.t.Helper()
	got := ""
	if o.User != nil {
		got = o.User.(person).Name
	}
	if got != name {
		k.t.Errorf("the request sees user %q; want %q", got, name)
	}
	if o.Live() != (name != "") {
		k.t.Errorf("Live() = %v for user %q", o.Live(), name)
	}
}

// wantReads checks how often the table was read so far.
func (k *kit) wantReads(n int) {
	k.t.Helper()
	if got := k.people.reads.Load(); got != int64(n) {
		k.t.Errorf("the table was read %d times; want %d", got, n)
	}
}

func (k *kit) wantSessions(key string, want ...*Opened) {
	k.t.Helper()
	var hs []Handle
	for _, o := range want {
		hs = append(hs, o.Handle())
	}
	if got := k.sessions(key); !slices.Equal(got, hs) {
		k.t.Errorf("%s has the sessions %v; want %v", key, got, hs)
	}
}

func (k *kit) wantEvents(name string, n int) {
	k.t.Helper()
	if got := k.events.named(name); len(got) != n {
		k.t.Errorf("%d events %q: %v; want %d", len(got), name, got, n)
	}
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v; want %v", what, err, want)
	}
}
