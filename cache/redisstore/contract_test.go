package redisstore_test

import (
	"crypto/rand"
	"testing"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/cachetest"
	"github.com/powgin/powgin/cache/redisstore"
	"github.com/powgin/powgin/powgintest"
)

// setups are the ways in which a Store may be set up.
var setups = map[string]func(*testing.T) func(*testing.T) cache.Store{
	"single strict":  func(t *testing.T) func(*testing.T) cache.Store { return on(shared(t))(redisstore.Strict()) },
	"single":         func(t *testing.T) func(*testing.T) cache.Store { return on(shared(t))() },
	"cluster strict": func(t *testing.T) func(*testing.T) cache.Store { return on(newCluster(t)[0].addr)(redisstore.Strict()) },
	"cluster":        func(t *testing.T) func(*testing.T) cache.Store { return on(newCluster(t)[0].addr)() },
}

// on returns what makes Stores on a server, each with a prefix of its own.
func on(addr string) func(...redisstore.Option) func(*testing.T) cache.Store {
	return func(opts ...redisstore.Option) func(*testing.T) cache.Store {
		return func(t *testing.T) cache.Store { return newStore(t, addr, opts...).Store }
	}
}

// newPrefix returns a prefix that was never used before.
func newPrefix() redisstore.Option { return redisstore.Prefix("test" + rand.Text()) }

// newStore returns a Store of a client of its own.
func newStore(t testing.TB, addr string, opts ...redisstore.Option) *store {
	t.Helper()
	opts = append([]redisstore.Option{newPrefix()}, opts...)
	s, err := redisstore.New(newClient(t, addr), opts...)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &store{s, t}
}

func TestContract(t *testing.T) {
	t.Parallel()
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := setup(t)
			cachetest.Exercise(t, func(t *testing.T) cache.Store {
				s := open(t).(*redisstore.Store)
				if s.HasLocal() {
					return redisstore.Near{Store: s} // what it says is held to the same
				}
				return s
			})
		})
	}
}

func TestPromises(t *testing.T) {
	t.Parallel()
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			powgintest.Exercise(t, setup(t))
		})
	}
}
