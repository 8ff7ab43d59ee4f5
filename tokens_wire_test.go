package powgin_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// madeUp returns a token that nobody has, of the right form.
func madeUp() string {
	b := make([]byte, 49)
	_, _ = rand.Read(b)
	b[0] = 1
	return base64.RawURLEncoding.EncodeToString(b)
}

// otherSecret returns a token of the same account with another secret.
func otherSecret(token string) string {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 18 {
		return token + "x" // the name of a session at a server
	}
	_, _ = rand.Read(b[17:])
	return base64.RawURLEncoding.EncodeToString(b)
}

func TestTokensThatProveNothingLookAlike(t *testing.T) {
	t.Parallel()
	t.Run("and cost one look at the store each", func(t *testing.T) {
		var store *spyStore
		bubble(t, func(cfg *powgin.Config[User]) {
			store = newSpyStore()
			cfg.Store = store
		}, func(a *app) {
			leftBehind := store.Store.(*cache.Memory).Len
			signedOut := a.signIn(1)
			dead := signedOut.token()
			signedOut.post("/signout").want(http.StatusOK)
			idled := a.signIn(2).token()
			time.Sleep(idle)
			alice := a.signIn(1)
			replaced := alice.token()
			alice.post("/plan/pro").want(http.StatusOK)
			time.Sleep(grace)
			tokens := map[string]string{
				"an account that does not exist": madeUp(),
				"no session of the account":      otherSecret(alice.token()),
				"a session that was signed out":  dead,
				"a session that idled out":       idled,
				"a replaced token":               replaced,
			}
			before := leftBehind()
			for _, path := range []string{"/", "/me", "/reload", "/guest"} {
				nobody := a.browser().get(path)
				for name, token := range tokens {
					loads, swaps := store.loads.Load(), store.swaps.Load()
					r := a.with(token).get(path)
					if n, m := store.loads.Load()-loads, store.swaps.Load()-swaps; n != 1 || m != 0 {
						t.Errorf("%s: GET %s asks the store %d times and changes it %d times; want 1 and 0", name, path, n, m)
					}
					if r.Code != nobody.Code || !reflect.DeepEqual(r.headers(), nobody.headers()) || !bytes.Equal(r.Body.Bytes(), nobody.Body.Bytes()) {
						t.Errorf("%s: GET %s = %d %v %s; want what nobody gets, %d %v %s", name, path,
							r.Code, r.headers(), r.Body, nobody.Code, nobody.headers(), nobody.Body)
					}
				}
			}
			if got := leftBehind(); got != before {
				t.Errorf("the store holds %d accounts after it; want %d as before", got, before)
			}
			alice.get("/me").want(http.StatusOK)
		})
	})
}

func TestTwoCookiesOfOurName(t *testing.T) {
	t.Parallel()
	events := &journal{}
	a := newApp(t, func(cfg *powgin.Config[User]) { cfg.OnEvent = events.on })
	alice, mallory := a.signIn(1).token(), a.signIn(2).token()
	for name, tt := range map[string]struct {
		cookies string
		want    int
	}{
		"once":                            {"powgin=" + alice, http.StatusOK},
		"the same twice":                  {"powgin=" + alice + "; a=b; powgin=" + alice, http.StatusOK},
		"another's before it":             {"powgin=" + mallory + "; powgin=" + alice, http.StatusUnauthorized},
		"another's after it":              {"powgin=" + alice + "; powgin=" + mallory, http.StatusUnauthorized},
		"another's in between":            {"powgin=" + alice + "; powgin=" + mallory + "; powgin=" + alice, http.StatusUnauthorized},
		"junk beside it":                  {"powgin=" + alice + "; powgin=junk", http.StatusUnauthorized},
		"an empty one beside it":          {"powgin=; powgin=" + alice, http.StatusUnauthorized},
		"cookies of similar names around": {"powgin-b=" + mallory + "; powgin=" + alice + "; Powgin=" + mallory, http.StatusOK},
	} {
		r := a.browser().get("/me", "Cookie", tt.cookies)
		if r.Code != tt.want {
			t.Errorf("%s: GET /me = %d; want %d", name, r.Code, tt.want)
		}
		if lines := r.setCookies(); len(lines) > 0 {
			t.Errorf("%s: the answer sets %q; want no cookie", name, lines)
		}
	}
	if n := events.times("duplicate_cookie"); n != 1 {
		t.Errorf("%d duplicate_cookie events within a minute; want 1", n)
	}
	// Who was kept out by a planted cookie gets in again by signing in, once
	// the browser has only ours.
	if r := a.browser().post("/signin/1", "Cookie", "powgin="+mallory+"; powgin="+alice).want(http.StatusOK); r.sent() == "" {
		t.Error("a sign-in beside two cookies sets none")
	}
	a.with(alice).get("/me").want(http.StatusOK)
	a.with(mallory).get("/me").want(http.StatusOK)
}

var signingKeys = [][]byte{bytes.Repeat([]byte("old"), 11), bytes.Repeat([]byte("new"), 11), bytes.Repeat([]byte("bad"), 11)}

// keyed starts an app on a store with these signing keys, by number.
func keyed(t *testing.T, store cache.Store, keys ...int) *app {
	t.Helper()
	return newApp(t, func(cfg *powgin.Config[User]) {
		cfg.Store = store
		for _, k := range keys {
			cfg.Keys = append(cfg.Keys, signingKeys[k])
		}
	})
}

func TestForgedTokensNeverReachTheStore(t *testing.T) {
	t.Parallel()
	store := newSpyStore()
	a, unsigned := keyed(t, store, 0), keyed(t, store)
	token := a.signIn(1).token()
	forged := []string{"", token[1:], token + "A", token[:66], unsigned.signIn(1).token(), madeUp(), madeUp() + token[66:]}
	for i := range token {
		other := byte('A')
		if token[i] == other {
			other = 'B'
		}
		forged = append(forged, token[:i]+string(other)+token[i+1:])
	}
	before := store.loads.Load()
	for _, f := range forged {
		a.with(f).get("/me").want(http.StatusUnauthorized)
	}
	if n := store.loads.Load() - before; n != 0 {
		t.Errorf("%d of %d forged tokens reached the store; want none", n, len(forged))
	}
	a.with(token).get("/me").want(http.StatusOK)
	unsigned.with(token).get("/me").want(http.StatusUnauthorized)
}

func TestSigningKeysAreReplacedOneByOne(t *testing.T) {
	t.Parallel()
	store := newSpyStore()
	old, both, fresh := keyed(t, store, 0), keyed(t, store, 1, 0), keyed(t, store, 1)
	before := old.signIn(1).token()
	during := both.signIn(1).token()
	for _, tt := range []struct {
		app   *app
		what  string
		token string
		want  int
	}{
		{old, "the old key alone: its own token", before, http.StatusOK},
		{old, "the old key alone: a token of the new key", during, http.StatusUnauthorized},
		{both, "both keys: a token of the old one", before, http.StatusOK},
		{both, "both keys: a token of the new one", during, http.StatusOK},
		{fresh, "the new key alone: a token of the old one", before, http.StatusUnauthorized},
		{fresh, "the new key alone: its own token", during, http.StatusOK},
		{keyed(t, store, 2), "another key", during, http.StatusUnauthorized},
	} {
		if got := tt.app.with(tt.token).get("/me").Code; got != tt.want {
			t.Errorf("%s: GET /me = %d; want %d", tt.what, got, tt.want)
		}
	}
}
