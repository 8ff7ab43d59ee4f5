package recipes

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// upgradeTooEarly is how not to do it: the job may run before the COMMIT.
func upgradeTooEarly(ctx context.Context, db *gorm.DB, id uint, plan string, enqueue func(id uint) error) error {
	return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&User{ID: id}).Update("plan", plan).Error; err != nil {
			return err
		}
		return enqueue(id)
	})
}

// A job that tells the cache before the COMMIT has the next request read the row
// that is still the old one, and cache it.
func TestAJobThatRunsBeforeTheCommitLeavesTheOldUserCached(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		db := filled(t, d)
		store := cache.Store(cache.NewMemory(0)) // with SQLite's own file the worker would wait for the transaction
		if d.Name() == "postgres" {
			store = sharedStore(t, db)
		}
		s, worker := newSite(t, db, store), newAuth(t, dial(t, d), store)
		alice := s.signedIn(1)

		jobs, done := make(chan uint), make(chan error)
		go func() { done <- worker.Sync(t.Context(), User{ID: <-jobs}) }()
		must(t, upgradeTooEarly(t.Context(), db, 1, "pro", func(id uint) error {
			jobs <- id
			err := <-done
			alice.wantMe("free 0", "before the COMMIT")
			return err
		}))
		if row := s.row(1); row != "pro 0" {
			t.Fatalf("after the COMMIT the row is %q; want pro 0", row)
		}
		alice.wantMe("free 0", "after the COMMIT, which is the trap")
		must(t, worker.Sync(t.Context(), User{ID: 1}))
		alice.wantMe("pro 0", "after a sync that came after the COMMIT")
	})
}

// workers do one job each, in a process beside the site.
var workers = map[string]func(t testing.TB, db *gorm.DB, auth *powgin.Auth[User]) (bool, error){
	"Work": func(t testing.TB, db *gorm.DB, auth *powgin.Auth[User]) (bool, error) {
		return Work(t.Context(), db, auth)
	},
	"AnnouncedWork": func(t testing.TB, db *gorm.DB, auth *powgin.Auth[User]) (bool, error) {
		return AnnouncedWork(t.Context(), db, auth)
	},
	"FollowedWork": func(t testing.TB, db *gorm.DB, auth *powgin.Auth[User]) (bool, error) {
		if _, used := db.Plugins[auth.Name()]; !used {
			must(t, db.Use(auth))
		}
		return FollowedWork(t.Context(), db)
	},
}

func TestAWorkerTellsTheSite(t *testing.T) {
	t.Parallel()
	for name, work := range workers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, d gorm.Dialector) {
				db, other := filled(t, d), dial(t, d)
				s := newSite(t, db, sharedStore(t, db))
				worker := newAuth(t, other, sharedStore(t, other))
				alice, bob := s.signedIn(1), s.signedIn(2)

				must(t, Upgrade(t.Context(), db, 1, "pro"))
				alice.wantMe("free 0", "before the job")
				for _, want := range []bool{true, false} {
					if did, err := work(t, other, worker); did != want || err != nil {
						t.Fatalf("%s = %t, %v; want %t, nil", name, did, err, want)
					}
					alice.wantMe("pro 100", "after the job")
				}
				bob.wantMe("free 0", "after another user's job")
			})
		})
	}
}

func TestAJobIsThereFromTheCommitOn(t *testing.T) {
	t.Parallel()
	for name, work := range workers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, d gorm.Dialector) {
				db, other := filled(t, d), dial(t, d)
				s := newSite(t, db, sharedStore(t, db))
				worker := newAuth(t, other, sharedStore(t, other))
				alice := s.signedIn(1)
				for _, end := range []error{errors.New("rolled back"), nil} {
					err := db.Transaction(func(tx *gorm.DB) error {
						must(t, Upgrade(t.Context(), tx, 1, "pro"))
						if did, err := work(t, other, worker); did || err != nil {
							t.Errorf("before the COMMIT %s = %t, %v; want no job", name, did, err)
						}
						alice.wantMe("free 0", "before the COMMIT")
						return end
					})
					if !errors.Is(err, end) {
						t.Fatal(err)
					}
					did, err := work(t, other, worker)
					if did != (end == nil) || err != nil {
						t.Errorf("after an end with %v %s = %t, %v; want a job where it was committed", end, name, did, err)
					}
				}
				alice.wantMe("pro 100", "after the COMMIT and the job")
			})
		})
	}
}

// A job whose user the cache could not be told of comes again, and what it has
// done is done once.
func TestAJobIsDoneOnceAndToldInTheEnd(t *testing.T) {
	t.Parallel()
	for name, work := range workers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, d gorm.Dialector) {
				store := &brittle{Store: cache.NewMemory(0)}
				db := filled(t, d)
				s, other := newSite(t, db, store), dial(t, d)
				worker := newAuth(t, other, store)
				alice := s.signedIn(1)
				must(t, Upgrade(t.Context(), db, 1, "pro"))
				store.down.Store(true)
				for range 2 {
					if did, err := work(t, other, worker); !did || !errors.Is(err, powgin.ErrUnavailable) {
						t.Errorf("with the store down %s = %t, %v; want true, an ErrUnavailable", name, did, err)
					}
				}
				store.down.Store(false)
				if did, err := work(t, other, worker); !did || err != nil {
					t.Errorf("with the store back %s = %t, %v; want true, nil", name, did, err)
				}
				alice.wantMe("pro 100", "with the store back")
			})
		})
	}
}

// Of two workers that have found the same job one does it.
func TestAJobThatTwoHaveFoundIsDoneOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		s := newSite(t, filled(t, d), nil)
		must(t, Upgrade(t.Context(), s.db, 1, "pro"))
		job, err := nextJob(t.Context(), s.db)
		must(t, err)
		for range 2 {
			must(t, finish(t.Context(), s.db, job))
		}
		if row := s.row(1); row != "pro 100" {
			t.Errorf("after two workers the row is %q; want pro 100", row)
		}
	})
}

func TestAnUpgradeThatCannotBeEnqueuedIsNone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		s := newSite(t, filled(t, d), nil)
		must(t, s.db.Migrator().DropTable(&Job{}))
		if err := Upgrade(t.Context(), s.db, 1, "pro"); err == nil {
			t.Error("Upgrade without a table of jobs = nil; want an error")
		}
		if row := s.row(1); row != "free 0" {
			t.Errorf("after an upgrade that failed the row is %q; want free 0", row)
		}
	})
}

func TestWorkersTakeDifferentJobs(t *testing.T) {
	t.Parallel()
	db := filled(t, ownPostgres(t))
	must(t, Upgrade(t.Context(), db, 1, "pro"))
	must(t, Upgrade(t.Context(), db, 2, "pro"))
	auth := newAuth(t, db, nil)
	tx := db.Begin() // a worker that is at the first one
	defer tx.Rollback()
	job, err := applyNext(t.Context(), tx)
	if err != nil || job.UserID != 1 {
		t.Fatalf("the first worker takes %+v, %v; want the job of user 1", job, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // for one that waits for the first worker
	defer cancel()
	for _, want := range []bool{true, false} {
		if did, err := Work(ctx, db, auth); did != want || err != nil {
			t.Errorf("another worker's Work = %t, %v; want %t, nil", did, err, want)
		}
	}
	var bob User
	must(t, db.Take(&bob, 2).Error)
	if bob.Credits != 100 {
		t.Errorf("user 2 has %d credits; want 100", bob.Credits)
	}
}

// A worker cannot reach accounts that live in the site's process; the site can be
// told by a request.
func TestAnInProcessStoreIsReachedByARequest(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		db, other := filled(t, d), dial(t, d)
		s, worker := newSite(t, db, nil), newAuth(t, other, nil)
		alice := s.signedIn(1)
		must(t, Upgrade(t.Context(), db, 1, "pro"))
		if did, err := Work(t.Context(), other, worker); !did || err != nil {
			t.Fatalf("Work = %t, %v; want true, nil", did, err)
		}
		alice.wantMe("free 0", "after a sync in another process")

		body, err := json.Marshal([]string{worker.Key(User{ID: 1})})
		must(t, err)
		request := func(signature string, body []byte) *http.Request {
			r := httptest.NewRequest(http.MethodPost, "https://shop.example/internal/changed-users", strings.NewReader(string(body)))
			r.Header.Set("Webhook-Signature", signature)
			return r
		}
		s.wantDelivered(request("", body), http.StatusUnauthorized, "without a signature")
		s.wantDelivered(request(Sign(body, paymentSecret, time.Now()), body), http.StatusUnauthorized, "with the provider's secret")
		s.wantDelivered(request(Sign([]byte("{}"), workerSecret, time.Now()), []byte("{}")), http.StatusBadRequest, "what is no list")
		alice.wantMe("free 0", "after what was refused")
		s.wantDelivered(request(Sign(body, workerSecret, time.Now()), body), http.StatusNoContent, "a list of users")
		alice.wantMe("pro 100", "after the request")
	})
}
