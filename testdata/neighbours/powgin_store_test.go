package neighbours

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"sync"
	"testing"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// A watched store keeps a copy of every record's bytes, for somebody to read.
type watched struct {
	cache.Store
	mu   sync.Mutex
	seen []byte // guarded by mu
}

func (w *watched) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	w.mu.Lock()
	w.seen = append(w.seen, next.Data...)
	w.mu.Unlock()
	return w.Store.Swap(ctx, key, old, next)
}

func newStoredPowginSite(t *testing.T) *site {
	s := powginSite{newSite(t)}
	store := &watched{Store: cache.NewMemory(0)}
	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: s.db, Store: store}))
	s.router.Use(auth.Session())
	s.adopt(auth)
	s.routes()
	s.stored = func(cookie string) []string { return store.guesses(t, cookie) }
	return s.site
}

// guesses returns the cookies that have, in the place of the secret, any of
// what was stored.
func (w *watched) guesses(t *testing.T, cookie string) (all []string) {
	const public, secret = 17, 32 // the version and whose it is; what proves it
	token, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || len(token) != public+secret {
		t.Fatalf("the cookie has %d bytes (%v); want %d", len(token), err, public+secret)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if hash := sha256.Sum256(token[public:]); !bytes.Contains(w.seen, hash[:]) {
		t.Fatal("the store has not even the hash of alice's token")
	}
	for i := 0; i+secret <= len(w.seen); i++ {
		guess := slices.Concat(token[:public], w.seen[i:i+secret])
		all = append(all, base64.RawURLEncoding.EncodeToString(guess))
	}
	return all
}
