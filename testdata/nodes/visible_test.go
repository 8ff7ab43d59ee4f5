package nodes

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"
)

// The bounds of the local tier: nearly always, and whatever happens.
const (
	nearly = 100 * time.Millisecond
	bound  = 5 * time.Second
)

// A change is one that a node makes, and that the other shows.
type change struct {
	name string
	// do makes it on a node, and returns the answer that other nodes give from
	// then on.
	do func(s *site, n *node, c *client) answer
}

var changes = []change{
	{"Auth.Sync", func(s *site, n *node, c *client) answer {
		u := s.users.change(c.name)
		must(s, "Sync", n.auth.Sync(s.Context(), u))
		return answer{http.StatusOK, c.name, u.Value}
	}},
	{"Auth.RevokeUser", func(s *site, n *node, c *client) answer {
		must(s, "RevokeUser", n.auth.RevokeUser(s.Context(), c.name))
		return answer{status: http.StatusUnauthorized}
	}},
	{"SignOut", func(s *site, n *node, c *client) answer {
		leaving := *c // the client keeps its cookie
		if a := leaving.post(n, "/signout"); a.status != http.StatusOK {
			s.Fatalf("POST /signout = %v; want 200", a)
		}
		return answer{status: http.StatusUnauthorized}
	}},
}

// TestVisibility holds that what was changed on one node shows on the other: at
// once, or with a local tier a moment later. It logs how much later.
func TestVisibility(t *testing.T) {
	t.Parallel()
	n, err := strconv.Atoi(setting("POWGIN_NODES_CHANGES", "200"))
	must(t, "POWGIN_NODES_CHANGES", err)
	onKinds(t, func(t *testing.T, k kind) {
		s := newSite(t, k.stores(t, 2)...)
		for _, ch := range changes {
			t.Run(ch.name, func(t *testing.T) {
				on := *s
				on.TB = t
				d := on.delays(ch, n)
				t.Logf("%s", d)
				switch {
				case !k.near && d.late > 0:
					t.Errorf("%d of %d first requests after %s do not show it; want none", d.late, n, ch.name)
				case k.near && (d.shown.at(0.99) > nearly || d.shown.at(1) > bound):
					t.Errorf("%s shows after %v; want the 99th percentile below %v and all below %v", ch.name, d, nearly, bound)
				}
			})
		}
	})
}

// delays are how long a change took to show on the other node.
type delays struct {
	late    int    // changes that the first request did not show
	shown   sorted // until a request began that showed it, 0 for the first one
	request sorted // what the first request took
}

func (d delays) String() string {
	return fmt.Sprintf("%d changes, %d not shown by the next request; shown after p50 %v, p99 %v, max %v; the request took p50 %v, p99 %v",
		len(d.shown), d.late, d.shown.at(0.5), d.shown.at(0.99), d.shown.at(1), d.request.at(0.5), d.request.at(0.99))
}

type sorted []time.Duration

// at returns the quantile q.
func (s sorted) at(q float64) time.Duration {
	return s[min(len(s)-1, int(q*float64(len(s))))].Round(time.Microsecond)
}

// delays makes n changes, on either node, and asks the other one until it shows.
func (s *site) delays(ch change, n int) (d delays) {
	s.Helper()
	const name = "alice"
	s.users.add(name)
	c := &client{site: s, name: name}
	for i := range n {
		here, there := s.nodes[i%2], s.nodes[(i+1)%2]
		if c.me(here).status != http.StatusOK {
			c.signIn(here)
		}
		// The other one has seen the session, and what is kept of it is held.
		for range 2 {
			if a := c.me(there); a.status != http.StatusOK {
				s.Fatalf("GET /me on the other node, after a sign-in = %v; want 200", a)
			}
		}
		want := ch.do(s, here, c)
		done := time.Now()
		asked := done
		got := c.me(there)
		d.request = append(d.request, time.Since(asked))
		if got != want {
			d.late++
		}
		for ; got != want; got = c.me(there) {
			asked = time.Now()
			if asked.Sub(done) > 2*bound {
				s.Fatalf("%v after %s the other node shows %v; want %v", 2*bound, ch.name, got, want)
			}
		}
		d.shown = append(d.shown, asked.Sub(done))
		if got := c.me(here); got != want {
			s.Errorf("after %s the same node shows %v; want %v", ch.name, got, want)
		}
	}
	slices.Sort(d.shown)
	slices.Sort(d.request)
	return d
}
