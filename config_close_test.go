package powgin_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

func TestNewLeavesTheConfigAsItIs(t *testing.T) {
	t.Parallel()
	key := []byte(strings.Repeat("k", 32))
	cfg := powgin.Config[User]{Users: newRoster(), Keys: [][]byte{key}}
	auth, err := powgin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	v := reflect.ValueOf(cfg)
	for i := range v.NumField() {
		switch name := v.Type().Field(i).Name; name {
		case "Users", "Keys":
		default:
			if !v.Field(i).IsZero() {
				t.Errorf("New set Config.%s to %v", name, v.Field(i))
			}
		}
	}
	if string(key) != strings.Repeat("k", 32) {
		t.Errorf("New changed the key to %q", key)
	}
}

func TestAConfigThatChangesAfterNewHasNoEffect(t *testing.T) {
	t.Parallel()
	key := []byte(strings.Repeat("k", 32))
	a, _ := newRosterApp(t, func(c *powgin.Config[User]) { c.Keys = [][]byte{key} })
	alice := a.signIn(1)
	clear(key)
	a.config.Keys[0] = nil
	alice.get("/me").want(http.StatusOK)
	a.signIn(1).get("/me").want(http.StatusOK)
}

// customer is another type of user than User.
type customer struct{ ID uint }

func TestOneNamespaceOfAStoreIsForOneTypeOfUser(t *testing.T) {
	t.Parallel()
	store := cache.NewMemory(10)
	users := powgin.Config[User]{Users: newRoster(), Store: store}
	customers := powgin.Config[customer]{Users: noUsers[customer]{}, Store: store}
	first := powgin.Must(powgin.New(users))
	if _, err := powgin.New(customers); !errors.Is(err, cache.ErrNamespaceTaken) {
		t.Errorf("New with another U = %v; want ErrNamespaceTaken", err)
	}
	second, err := powgin.New(users)
	if err != nil {
		t.Fatalf("New with the same U = %v; want none", err)
	}
	customers.Namespace = "customers"
	elsewhere, err := powgin.New(customers)
	if err != nil {
		t.Fatalf("New with another Namespace = %v; want none", err)
	}
	defer elsewhere.Close()
	customers.Namespace = ""
	mustClose(t, first)
	if _, err := powgin.New(customers); !errors.Is(err, cache.ErrNamespaceTaken) {
		t.Errorf("New while one of two is open = %v; want ErrNamespaceTaken", err)
	}
	mustClose(t, second)
	later, err := powgin.New(customers)
	if err != nil {
		t.Fatalf("New after both are closed = %v; want none", err)
	}
	mustClose(t, later)
}

func mustClose[U any](t testing.TB, auth *powgin.Auth[U]) {
	t.Helper()
	if err := auth.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// Two Auths of one type on one Store know the same sessions.
func TestAuthsOfOneTypeShareAStore(t *testing.T) {
	t.Parallel()
	store := cache.NewMemory(10)
	shared := func(c *powgin.Config[User]) { c.Store = store }
	a, _ := newRosterApp(t, shared)
	b, _ := newRosterApp(t, shared)
	alice := a.signIn(1)
	there := b.browser()
	there.cookies = alice.cookies
	there.get("/me").want(http.StatusOK)
	if err := b.auth.RevokeUser(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	alice.get("/me").want(http.StatusUnauthorized)
}

func TestAfterCloseNobodyCanTellWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *powgin.Config[User]) { c.OnError = func(context.Context, error) {} })
	alice := a.signIn(1)
	alice.get("/reload").want(http.StatusOK)
	mustClose(t, a.auth)
	mustClose(t, a.auth)
	for _, path := range []string{"/", "/me", "/reload"} {
		r := alice.get(path).want(http.StatusServiceUnavailable)
		if got := r.setCookies(); len(got) > 0 {
			t.Errorf("GET %s sets %q; want the cookie left alone", path, got)
		}
	}
	a.browser().post("/signin/1").want(http.StatusServiceUnavailable)
	a.browser().get("/").want(http.StatusOK) // without a token there is nothing to tell
	ctx := t.Context()
	alice1 := User{}
	alice1.ID = 1
	_, err := a.auth.Sessions(ctx, "1")
	for call, err := range map[string]error{
		"Sessions":   err,
		"Sync":       a.auth.Sync(ctx, alice1),
		"Invalidate": a.auth.Invalidate(ctx, "1"),
		"Revoke":     a.auth.Revoke(ctx, "1", strings.Repeat("A", 16)),
		"RevokeUser": a.auth.RevokeUser(ctx, "1"),
	} {
		if !errors.Is(err, powgin.ErrUnavailable) {
			t.Errorf("%s after Close = %v; want ErrUnavailable", call, err)
		}
	}
}
