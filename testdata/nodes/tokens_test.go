package nodes

import (
	"net/http"
	"testing"
)

// TestNewTokensWorkAtOnce holds that a token works on every node from the answer
// on that brought it, whatever a node holds of the account: a copy that does not
// know a token is not believed.
func TestNewTokensWorkAtOnce(t *testing.T) {
	t.Parallel()
	onKinds(t, func(t *testing.T, k kind) {
		s := newSite(t, k.stores(t, 2)...)
		s.users.add("alice")
		here, there := s.nodes[0], s.nodes[1]
		watcher := s.client(there, "alice") // who keeps the other node's copy there
		signIns, changes := 0, 0
		for range 100 {
			for range 3 {
				if a := watcher.me(there); a.status != http.StatusOK {
					t.Fatalf("GET /me of another session = %v; want 200", a)
				}
			}
			c := s.client(here, "alice")
			if a := c.me(there); a.status != http.StatusOK {
				signIns++
			}
			if a := c.post(here, "/change"); a.status != http.StatusOK {
				t.Fatalf("POST /change = %v; want 200", a)
			}
			if a := c.me(there); a.status != http.StatusOK {
				changes++
			}
			if a := c.post(here, "/signout"); a.status != http.StatusOK {
				t.Fatalf("POST /signout = %v; want 200", a)
			}
		}
		if signIns+changes > 0 {
			t.Errorf("of 100 sign-ins %d, and of 100 changes of the token %d, are not known on the other node; want all known", signIns, changes)
		}
	})
}
