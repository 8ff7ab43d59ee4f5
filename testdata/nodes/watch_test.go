package nodes

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// news is what a live connection was told, and when.
type news struct {
	answer
	at time.Time
}

// follow opens a live connection to the node, and returns what it is told.
func (c *client) follow(n *node) (changes <-chan news, hangUp func()) {
	c.Helper()
	all := make(chan news, 100)
	open := make(chan struct{})
	router := gin.New()
	router.GET("/live", n.auth.Session(), n.auth.RequireUser(), powgin.Handle(func(ctx *powgin.Context[User]) {
		live, err := ctx.Watch()
		close(open)
		if err != nil {
			c.Error(err)
			return
		}
		for change := range live {
			switch u := ctx.MustUser(); {
			case change.Err != nil:
				all <- news{answer{status: http.StatusServiceUnavailable}, time.Now()}
			case change.Ended:
				all <- news{answer{status: http.StatusUnauthorized}, time.Now()}
			default:
				all <- news{answer{http.StatusOK, u.Name, u.Value}, time.Now()}
			}
		}
	}))
	ctx, cancel := context.WithCancel(c.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://example.com/live", nil)
	r.AddCookie(&http.Cookie{Name: cookieName, Value: c.cookie})
	done := make(chan struct{})
	go func() {
		defer close(done)
		router.ServeHTTP(httptest.NewRecorder(), r)
	}()
	select {
	case <-open:
	case <-done:
		c.Fatal("the live connection was refused")
	}
	return all, func() { cancel(); <-done }
}

// TestWatch holds that a live connection on one node is told what another node has
// changed, and nothing else. It logs how long that takes.
func TestWatch(t *testing.T) {
	t.Parallel()
	n, err := strconv.Atoi(setting("POWGIN_NODES_WATCHES", "5"))
	must(t, "POWGIN_NODES_WATCHES", err)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, k.stores(t, 2)...)
			s.users.add("alice")
			s.users.add("bob")
			here, there := s.nodes[0], s.nodes[1]
			bystander, hangUp := s.client(here, "bob").follow(here)
			defer hangUp()
			for _, ch := range changes {
				var took sorted
				for range n {
					took = append(took, s.watches(ch, here, there))
				}
				slices.Sort(took)
				t.Logf("%d times %s, told after p50 %v, p99 %v, max %v", n, ch.name, took.at(0.5), took.at(0.99), took.at(1))
				if took.at(0.5) > 200*time.Millisecond {
					t.Errorf("half of all connections are told of %s after %v or more; want 200ms", ch.name, took.at(0.5))
				}
			}
			select {
			case other := <-bystander:
				t.Errorf("somebody else's connection was told %v", other.answer)
			default:
			}
		})
	}
}

// watches makes a change there and returns how long it took to be told here.
func (s *site) watches(ch change, here, there *node) time.Duration {
	s.Helper()
	c := s.client(here, "alice")
	c.wantMe(here, http.StatusOK, s.users.value("alice"), "ahead of the change")
	live, hangUp := c.follow(here)
	defer hangUp()
	want := ch.do(s, there, c)
	done := time.Now()
	select {
	case got := <-live:
		if got.answer != want {
			s.Fatalf("after %s it was told %v; want %v", ch.name, got.answer, want)
		}
		return got.at.Sub(done)
	case <-time.After(2 * bound):
		s.Fatalf("%v after %s it was told nothing", 2*bound, ch.name)
	}
	return 0
}
