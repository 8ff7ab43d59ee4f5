package powgin_test

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/handlers"
	"github.com/powgin/powgin/powgintest"
)

// member is a user as one version of an app has them.
type member struct {
	ID    uint
	Email string
	Since time.Time
}

// members is where one member is read from, and counts the reads.
type members struct{ reads int }

func (*members) Key(m member) string { return m.Email }

func (ms *members) Find(context.Context, string) (member, bool, error) {
	ms.reads++
	return member{7, "a@example.com", time.Unix(1e9, 1).UTC()}, true, nil
}

// planted stores the same bytes in the place of every member's.
type planted struct {
	*handlers.RowCodec
	row []byte
}

func (p planted) Encode(member) ([]byte, error) { return p.row, nil }

func (p planted) Decode(b []byte) (member, error) {
	m, err := p.RowCodec.Decode(b)
	if err != nil {
		return member{}, err
	}
	return m.(member), nil
}

// outside hides that a store is in the process, so that users go through bytes.
type outside struct{ cache.Store }

func rowCodecOf(t *testing.T, user any) *handlers.RowCodec {
	t.Helper()
	c, faults := handlers.NewRowCodec(reflect.TypeOf(user))
	if err := handlers.JoinFaults(faults); err != nil {
		t.Fatal(err)
	}
	return c
}

func rowOf(t *testing.T, user any) []byte {
	t.Helper()
	row, err := rowCodecOf(t, user).Encode(user)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// A row that cannot be read is a miss: the user is read anew, and nobody notices.
func TestBrokenRowsAreMisses(t *testing.T) {
	t.Parallel()
	m, _, _ := (&members{}).Find(t.Context(), "")
	row := rowOf(t, m)
	flipped := bytes.Clone(row)
	flipped[len(flipped)-1] ^= 1
	for _, r := range []struct {
		what  string
		row   []byte
		reads int
	}{
		{"as it was", row, 0},
		{"empty", []byte{}, 1},
		{"cut short", row[:len(row)-1], 1},
		{"with a flipped bit", flipped, 1},
		{"of a member with a field more", rowOf(t, struct {
			ID    uint
			Email string
			Since time.Time
			Role  string
		}{7, "a@example.com", m.Since, ""}), 1},
		{"of a member with a field less", rowOf(t, struct {
			ID    uint
			Email string
		}{7, "a@example.com"}), 1},
		{"of a member with a field of another type", rowOf(t, struct {
			ID    uint
			Email string
			Since *time.Time
		}{7, "a@example.com", &m.Since}), 1},
	} {
		if got := readsOf(t, r.what, r.row); got != r.reads {
			t.Errorf("a node that finds a row %s reads the user %d times; want %d", r.what, got, r.reads)
		}
	}
}

// readsOf returns how often a node reads the user where another has left this row.
func readsOf(t *testing.T, what string, row []byte) int {
	t.Helper()
	users, store := &members{}, outside{cache.NewMemory(0)}
	left, right := nodeOf(t, users, store, row), nodeOf(t, users, store, row)
	now := left
	b := powgintest.NewBrowser(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { now.ServeHTTP(w, r) }))
	for _, a := range []*powgintest.Response{b.PostForm("/signin"), b.Get("/me")} {
		if a.Status != http.StatusOK {
			t.Fatalf("the node that leaves a row %s answers %d %s; want 200", what, a.Status, a.Body)
		}
	}
	const want = `{"ID":7,"Email":"a@example.com","Since":"2001-09-09T01:46:40.000000001Z"}`
	before := users.reads
	now = right
	if a := b.Get("/me"); a.Status != http.StatusOK || a.Body != want {
		t.Errorf("where there is a row %s, GET /me = %d %s; want 200 %s", what, a.Status, a.Body, want)
	}
	return users.reads - before
}

// nodeOf returns one of several that share a store, and write this row.
func nodeOf(t *testing.T, users *members, store cache.Store, row []byte) http.Handler {
	t.Helper()
	auth, err := powgin.New(powgin.Config[member]{Users: users, Store: store, Codec: planted{rowCodecOf(t, member{}), row}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/signin", powgin.Handle(func(c *powgin.Context[member]) {
		if err := c.SignIn(member{Email: "a@example.com"}); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	router.GET("/me", auth.RequireUser(), powgin.Handle(func(c *powgin.Context[member]) { c.JSON(http.StatusOK, c.MustUser()) }))
	return router
}
