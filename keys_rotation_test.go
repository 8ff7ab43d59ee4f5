package powgin_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin/cache"
)

// moved returns a browser with b's cookies at another app: the same site after
// a deployment.
func (b *browser) moved(to *app) *browser {
	next := b.clone()
	next.app = to
	return next
}

// deployments runs a story on one store with three set-ups after one another:
// signed by the old key, by a new one with the old one behind it, and by the
// new one alone.
func deployments(t *testing.T, story func(t *testing.T, store *spyStore, old, both, fresh *app)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := newSpyStore()
		story(t, store, keyed(t, store, 0), keyed(t, store, 1, 0), keyed(t, store, 1))
	})
}

func TestSigningKeysAreReplacedWithNobodySignedOut(t *testing.T) {
	t.Parallel()
	for name, resign := range map[string]func(b *browser){
		"by the renewal that is due": func(b *browser) { time.Sleep(renew); b.get("/me").want(http.StatusOK) },
		"by SyncUser":                func(b *browser) { b.post("/plan/pro").want(http.StatusOK) },
		"by a new sign-in":           func(b *browser) { b.post("/signin/1").want(http.StatusOK) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deployments(t, func(t *testing.T, _ *spyStore, old, both, fresh *app) {
				b := old.signIn(1)
				before := b.token()
				b = b.moved(both)
				b.get("/me").want(http.StatusOK).wantNoCookie() // an old token that is not due stays
				resign(b)
				if b.token() == before {
					t.Fatal("no new token was sent; want one")
				}
				old.with(b.token()).get("/me").want(http.StatusUnauthorized) // it is the new key's
				b = b.moved(fresh)
				b.get("/me").want(http.StatusOK).wantNoCookie()
				time.Sleep(grace)
				both.with(before).get("/me").want(http.StatusUnauthorized)
				b.get("/me").want(http.StatusOK)
			})
		})
	}
}

// A successor that an old process has handed out works at the new one, and the
// other way round while both keys verify.
func TestARenewalMayBeginAndEndUnderDifferentKeys(t *testing.T) {
	t.Parallel()
	deployments(t, func(t *testing.T, _ *spyStore, old, both, fresh *app) {
		b := old.signIn(1)
		time.Sleep(renew)
		b.get("/me").want(http.StatusOK).wantCookie(true) // a successor by the old key
		handed := b.token()
		lost := old.with(handed)
		b = b.moved(both)
		b.get("/me").want(http.StatusOK).wantCookie(false) // confirmed; not due again
		time.Sleep(renew)
		b.get("/me").want(http.StatusOK).wantCookie(true)
		b.get("/me").want(http.StatusOK)
		b.moved(fresh).get("/me").want(http.StatusOK)
		lost.get("/me").want(http.StatusOK) // in grace
		time.Sleep(grace)
		lost.get("/me").want(http.StatusUnauthorized)
	})
}

func TestATokenOfARemovedKeyIsNobodys(t *testing.T) {
	t.Parallel()
	deployments(t, func(t *testing.T, store *spyStore, old, _, fresh *app) {
		b := old.signIn(1)
		token := b.token()
		late := b.moved(fresh)
		loads, swaps := store.loads.Load(), store.swaps.Load()
		late.get("/").want(http.StatusOK).wantNoCookie()
		late.get("/me").want(http.StatusUnauthorized).wantNoCookie()
		late.get("/reload").want(http.StatusUnauthorized).wantNoCookie()
		late.get("/guest").want(http.StatusOK).wantNoCookie()
		if n, m := store.loads.Load()-loads, store.swaps.Load()-swaps; n != 0 || m != 0 {
			t.Errorf("a token of a removed key asks the store %d times and changes it %d times; want neither", n, m)
		}
		if late.token() != token {
			t.Error("the cookie was changed; want it left alone, for the key may come back")
		}
		b.get("/me").want(http.StatusOK) // where the key is still known
		late.post("/signin/1").want(http.StatusOK).wantToken(token)
		late.get("/me").want(http.StatusOK)
	})
}

func TestAForgedTokenCostsNoStoreCallUnderSeveralKeys(t *testing.T) {
	t.Parallel()
	deployments(t, func(t *testing.T, store *spyStore, _, both, _ *app) {
		forger := keyed(t, cache.NewMemory(0), 2)
		forged := forger.signIn(1).token()
		loads := store.loads.Load()
		both.with(forged).get("/me").want(http.StatusUnauthorized)
		if n := store.loads.Load() - loads; n != 0 {
			t.Errorf("a token of a key that was never ours reaches the store %d times; want 0", n)
		}
	})
}
