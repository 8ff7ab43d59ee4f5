package powgin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// elsewhere hides that a store is in the process, so that users go through
// their bytes, and keeps what was written.
type elsewhere struct {
	cache.Store
	mu      *sync.Mutex
	written *[]byte // guarded by mu
}

func newElsewhere() elsewhere {
	return elsewhere{cache.NewMemory(0), new(sync.Mutex), new([]byte)}
}

func (s elsewhere) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	s.mu.Lock()
	*s.written = append(*s.written, next.Data...)
	s.mu.Unlock()
	return s.Store.Swap(ctx, key, old, next)
}

// holds reports whether anything with this text was written.
func (s elsewhere) holds(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Contains(*s.written, []byte(text))
}

// over runs a story of two nodes that share a store outside the process.
func over(t *testing.T, change func(*powgin.Config[User]), story func(t *testing.T, left, right *app, p *people)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := newElsewhere()
		node := func(users *people) (*app, *people) {
			return newPeopleApp(t, func(c *powgin.Config[User]) {
				c.Store = store
				if users != nil {
					c.Users = users
				}
				if change != nil {
					change(c)
				}
			})
		}
		left, p := node(nil)
		right, _ := node(p)
		story(t, left, right, p)
	})
}

// at returns the same browser at another node.
func (b *browser) at(a *app) *browser {
	c := b.clone()
	c.app = a
	return c
}

func TestANodeServesWhatAnotherHasCached(t *testing.T) {
	t.Parallel()
	over(t, nil, func(t *testing.T, left, right *app, p *people) {
		alice := left.signIn(1)
		alice.wantPlan("/me", "free", "at the node of the sign-in")
		p.took()
		alice.at(right).wantPlan("/me", "free", "at the other node")
		p.wantReads(t, 0, "at the other node")
		p.setPlan("1", "pro")
		if err := left.auth.Sync(context.Background(), person(1)); err != nil {
			t.Fatal(err)
		}
		alice.at(right).wantPlan("/me", "pro", "after the sync at the first")
	})
}

// Whoever reads a user sees them as those do who find them cached.
func TestTimesAreUTCCachedOrNot(t *testing.T) {
	t.Parallel()
	over(t, nil, func(t *testing.T, left, right *app, p *people) {
		at := time.Date(2001, 2, 3, 4, 5, 6, 789, time.FixedZone("here", 3600))
		p.change("1", func(u *User) { u.CreatedAt = at })
		alice := left.signIn(1)
		for _, b := range []*browser{alice, alice.at(right), alice.at(left)} {
			for _, path := range []string{"/me", "/reload"} {
				if got := b.get(path).identity().User.CreatedAt; !got.Equal(at) || got.Location() != time.UTC {
					t.Errorf("GET %s shows the time %v; want %v", path, got, at.UTC())
				}
			}
		}
	})
}

// What powgin must not cache is in no store either.
func TestSecretsAreInNoStore(t *testing.T) {
	t.Parallel()
	over(t, nil, func(t *testing.T, left, _ *app, p *people) {
		p.change("1", func(u *User) { u.PasswordHash = "hunter2" })
		alice := left.signIn(1)
		alice.get("/me").want(http.StatusOK)
		store := left.config.Store.(elsewhere)
		if !store.holds("alice@example.com") {
			t.Fatal("the user is not in the store")
		}
		if store.holds("hunter2") {
			t.Error("what is tagged powgin:\"-\" is in the store")
		}
		if token := alice.token(); store.holds(token) {
			t.Error("a token is in the store")
		}
	})
}

// jsonCodec is an app's own.
type jsonCodec struct {
	broken  *atomic.Bool
	decoded *atomic.Int64
}

func (c jsonCodec) Encode(u User) ([]byte, error) { return json.Marshal(u) }

func (c jsonCodec) Decode(b []byte) (u User, err error) {
	c.decoded.Add(1)
	if c.broken.Load() {
		return u, errors.New("of another shape")
	}
	err = json.Unmarshal(b, &u)
	return u, err
}

func TestAnAppsOwnCodec(t *testing.T) {
	t.Parallel()
	codec := jsonCodec{new(atomic.Bool), new(atomic.Int64)}
	over(t, func(c *powgin.Config[User]) { c.Codec = codec }, func(t *testing.T, left, right *app, p *people) {
		alice := left.signIn(1)
		alice.wantPlan("/me", "free", "at the node of the sign-in")
		p.took()
		alice.at(right).wantPlan("/me", "free", "at the other node")
		p.wantReads(t, 0, "at the other node")
		seen := codec.decoded.Load()
		for range 10 {
			alice.at(right).get("/me").want(http.StatusOK)
		}
		if n := codec.decoded.Load() - seen; n != 0 {
			t.Errorf("a record that has not changed is decoded %d times; want none", n)
		}
	})
}

func TestARowThatCannotBeReadIsReadAnew(t *testing.T) {
	t.Parallel()
	codec := jsonCodec{new(atomic.Bool), new(atomic.Int64)}
	over(t, func(c *powgin.Config[User]) { c.Codec = codec }, func(t *testing.T, left, right *app, p *people) {
		alice := left.signIn(1)
		alice.wantPlan("/me", "free", "at the node of the sign-in")
		codec.broken.Store(true)
		p.took()
		alice.at(right).wantPlan("/me", "free", "at a node that cannot read the record")
		p.wantReads(t, 1, "at a node that cannot read the record")
	})
}

// opaque keeps what nobody else can reach, and has no methods to write it.
type opaque struct{ inside *int }

func (o opaque) Clone() opaque { return opaque{o.inside} }

func TestUsersThatCannotBeWrittenNeedACodec(t *testing.T) {
	t.Parallel()
	type user struct {
		ID   string
		Mind opaque
	}
	cfg := powgin.Config[user]{Users: noUsers[user]{}}
	if _, err := powgin.New(cfg); err != nil {
		t.Errorf("with the in-process store New = %v; want no error", err)
	}
	cfg.Store = newElsewhere()
	_, err := powgin.New(cfg)
	if want := "user.Mind.inside (*int) cannot be kept in a store outside the process"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("with another store New = %v; want %s", err, want)
	}
	cfg.Codec = noCodec[user]{}
	if _, err := powgin.New(cfg); err != nil {
		t.Errorf("with a Codec New = %v; want no error", err)
	}
}

type noCodec[U any] struct{}

func (noCodec[U]) Encode(U) ([]byte, error)       { return nil, errors.New("no") }
func (noCodec[U]) Decode([]byte) (u U, err error) { return u, errors.New("no") }
