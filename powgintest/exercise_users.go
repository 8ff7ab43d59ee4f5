package powgintest

import (
	"context"
	"errors"
	"sync"
)

// A resident is a user of the site that Exercise runs.
type resident struct {
	ID     string
	Plan   string
	Locked bool
}

// residents is the table of users: a powgin.Users in a map.
type residents struct {
	mu   sync.Mutex
	rows map[string]resident // guarded by mu
	down bool                // guarded by mu
	next *gate               // guarded by mu; for the next read, nil for none
}

func newResidents() *residents {
	return &residents{rows: map[string]resident{
		"alice": {ID: "alice", Plan: "free"},
		"bob":   {ID: "bob", Plan: "free"},
	}}
}

func (*residents) Key(u resident) string { return u.ID }

var errUsersDown = errors.New("powgintest: the users are out of reach")

func (r *residents) Find(ctx context.Context, key string) (resident, bool, error) {
	u, found, down, g := r.read(key)
	if g != nil {
		if err := g.pass(ctx); err != nil {
			return resident{}, false, err
		}
	}
	if down {
		return resident{}, false, errUsersDown
	}
	return u, found, nil
}

func (r *residents) read(key string) (u resident, found, down bool, g *gate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g, r.next = r.next, nil
	u, found = r.rows[key]
	return u, found, r.down, g
}

func (r *residents) with(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func (r *residents) put(u resident)    { r.with(func() { r.rows[u.ID] = u }) }
func (r *residents) remove(key string) { r.with(func() { delete(r.rows, key) }) }

// setPlan changes alice's row.
func (r *residents) setPlan(plan string) { r.put(resident{ID: "alice", Plan: plan}) }

// outOfReach has reads fail, or work again.
func (r *residents) outOfReach(down bool) { r.with(func() { r.down = down }) }

// holdNext returns a gate that the next read waits at, with the row as it was
// then already in its hands.
func (r *residents) holdNext() *gate {
	g := &gate{reached: make(chan struct{}), open: make(chan struct{})}
	r.with(func() { r.next = g })
	return g
}

// A gate holds up one read, so that a test can let something else happen
// between what comes before it and what comes after.
type gate struct{ reached, open chan struct{} }

func (g *gate) pass(ctx context.Context) error {
	close(g.reached)
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
