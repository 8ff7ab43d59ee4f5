package nodes

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// A doomed site has two nodes, one of which is killed again and again.
type doomed struct {
	testing.TB
	*ledger
	place place
	db    *gorm.DB
	auth  *powgin.Auth[Person] // of the node that lives
	own   *process             // that node: it is this process
	child atomic.Pointer[process]

	asked, lost atomic.Int64 // requests
	held        sync.Map     // of surfers, to the ID of the session that they have
}

// newDoomed starts both nodes.
func newDoomed(t testing.TB, k kind) *doomed {
	t.Helper()
	d := &doomed{TB: t, ledger: newLedger(k.near), place: k.place(t)}
	d.db = dial(t, d.place.dialector())
	must(t, "AutoMigrate", d.db.AutoMigrate(&Person{}))
	store, err := d.place.store(d.db)
	must(t, "the store", err)
	if s, ok := store.(io.Closer); ok {
		t.Cleanup(func() { _ = s.Close() })
	}
	auth, router, err := personApp(d.db, store)
	must(t, "powgin.New", err)
	t.Cleanup(func() { _ = auth.Close() })
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	d.auth = auth
	d.own = &process{addr: server.Listener.Addr().String(), begun: time.Now(), carrier: &http.Transport{MaxIdleConnsPerHost: 16}}
	t.Cleanup(d.own.carrier.CloseIdleConnections)
	must(t, "starting a node", d.revive())
	t.Cleanup(func() {
		if child := d.child.Load(); child != nil {
			child.kill()
		}
	})
	return d
}

// revive starts the other node.
func (d *doomed) revive() error {
	child, err := d.place.newChild()
	if err == nil {
		d.child.Store(child)
	}
	return err
}

// node returns where the next request goes: two of three to the node that is
// killed, while there is one.
func (d *doomed) node(r *rand.Rand) *process {
	if child := d.child.Load(); child != nil && r.IntN(3) > 0 {
		return child
	}
	return d.own
}

// now notes which session a surfer has, "" for none.
func (d *doomed) now(s *surfer, id string) { d.held.Store(s, id) }

func (d *doomed) nowOf(s *surfer) string {
	id, _ := d.held.Load(s)
	text, _ := id.(string)
	return text
}

// row returns the plan that is in the database.
func (d *doomed) row(name string) int {
	var u Person
	if err := d.db.Where("name = ?", name).Take(&u).Error; err != nil {
		d.Errorf("the row of %s: %v", name, err)
	}
	return u.Plan
}

// kill kills the other node while it is at work, at any moment of that, and
// starts another one.
func (d *doomed) kill(r *rand.Rand) error {
	time.Sleep(time.Duration(20+r.IntN(180)) * time.Millisecond)
	child := d.child.Load()
	for end := time.Now().Add(time.Second); child.busy.Load() == 0 && time.Now().Before(end); {
		time.Sleep(50 * time.Microsecond)
	}
	time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
	child.kill()
	d.child.Store(nil)
	return d.revive()
}

// surfers returns two for each of n users.
func (d *doomed) surfers(seed uint64, n int) (all []*surfer) {
	d.Helper()
	for i := range n {
		name := fmt.Sprintf("user%d", i)
		must(d, "a row", d.db.Create(&Person{Name: name}).Error)
		calm := new(atomic.Int64)
		if i >= n/2 {
			calm = nil
		}
		var two [2]*surfer
		for j := range two {
			two[j] = &surfer{doomed: d, name: name, calm: calm, rand: rand.New(rand.NewPCG(seed, uint64(2*i+j)))}
		}
		two[0].other, two[1].other = two[1], two[0]
		all = append(all, two[:]...)
	}
	return all
}

// TestKilledNodes holds that a node which is killed in the middle of its work
// takes nothing back that it has answered for, and signs nobody out, or in.
func TestKilledNodes(t *testing.T) {
	t.Parallel()
	kills, err := strconv.Atoi(setting("POWGIN_NODES_KILLS", "15"))
	must(t, "POWGIN_NODES_KILLS", err)
	onKinds(t, func(t *testing.T, k kind) {
		seed := newSeed(t)
		d := newDoomed(t, k)
		must(t, "a row", d.db.Create(&Person{Name: "nobody"}).Error)
		surfers := d.surfers(seed, 4)
		stop := make(chan struct{})
		var wait sync.WaitGroup
		for _, s := range surfers {
			wait.Go(func() { s.surf(stop) })
		}
		r := rand.New(rand.NewPCG(seed, uint64(len(surfers))))
		for range kills {
			if err = d.kill(r); err != nil || t.Failed() {
				break
			}
		}
		close(stop)
		wait.Wait()
		must(t, "starting a node again", err)
		t.Logf("seed %d: %d kills, %d requests, %d of them without an answer", seed, kills, d.asked.Load(), d.lost.Load())
		if d.lost.Load() == 0 {
			t.Errorf("seed %d: no kill met a request", seed)
		}
		d.wantRest(surfers)
	})
}

// surf goes on until it is stopped.
func (s *surfer) surf(stop chan struct{}) {
	for !s.Failed() {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(s.rand.IntN(4000)) * time.Microsecond):
			s.turn()
		}
	}
}

// wantRest looks at everything once more when nobody is killed any longer.
func (d *doomed) wantRest(surfers []*surfer) {
	d.Helper()
	if all, err := d.auth.Sessions(d.Context(), "nobody"); err != nil || len(all) > 0 {
		d.Errorf("the sessions of who never signed in: %v, %v; want none", all, err)
	}
	for _, s := range surfers {
		// What was lost between a COMMIT and its SyncUser is made up for.
		must(d, "Sync", d.auth.Sync(d.Context(), Person{Name: s.name}))
		d.changed(s.name, d.own, d.row(s.name))
	}
	for _, s := range surfers {
		for range 6 {
			if s.token == "" {
				s.signIn()
			}
			s.request(http.MethodGet, "/me")
		}
		for _, n := range []*process{d.own, d.child.Load()} {
			s.wantEnded(n)
		}
	}
}
