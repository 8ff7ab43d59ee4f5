package nodes

import (
	"context"
	"net/http"
	"testing"

	"github.com/powgin/powgin/cache"
)

// An overtaken store has something else happen just before its next swap.
type overtaken struct {
	cache.Store
	by func()
}

// Swap implements [cache.Store].
func (o *overtaken) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	if by := o.by; by != nil {
		o.by = nil
		by()
	}
	return o.Store.Swap(ctx, key, old, next)
}

// TestSessionsRevokeEachOther holds that of two sessions that end each other on
// two nodes the one that comes too late is told so, since it has ended nothing.
func TestSessionsRevokeEachOther(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		path func(id string) string
	}{
		{"Revoke", func(id string) string { return "/revoke/" + id }},
		{"RevokeOthers", func(string) string { return "/revokeothers" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			memory := cache.NewMemory(0)
			store := &overtaken{Store: memory}
			s := newSite(t, store, &overtaken{Store: memory})
			s.users.add("alice")
			late, early := s.client(s.nodes[0], "alice"), s.client(s.nodes[1], "alice")
			sessions, err := s.nodes[0].auth.Sessions(t.Context(), "alice")
			if err != nil || len(sessions) != 2 {
				t.Fatalf("alice has %d sessions, %v; want 2", len(sessions), err)
			}
			store.by = func() {
				if a := early.post(s.nodes[1], "/revoke/"+sessions[0].ID); a.status != http.StatusOK {
					t.Errorf("the first POST /revoke = %v; want 200", a)
				}
			}
			path := tt.path(sessions[1].ID)
			if a := late.post(s.nodes[0], path); a.status != http.StatusNotFound {
				t.Errorf("POST %s in a session that ends meanwhile = %v; want 404", path, a)
			}
			early.wantMe(s.nodes[0], http.StatusOK, 0, "revoked by who had ended before")
			late.wantMe(s.nodes[1], http.StatusUnauthorized, 0, "revoked")
		})
	}
}
