package gormstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
)

// The SELECT that goes through the epoch's row finds nothing without it.
func TestLoadAfterTheEpochIsGone(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	want, epoch := put(t, s, key(1), record("account")), s.Epochs(key(1).Space)[0]
	wantLoad(t, s, key(1), want)
	put(t, s, epoch, record("epoch"))
	for _, there := range []bool{true, true, false, false} {
		if !there {
			run(t, db, "DELETE FROM powgin_accounts WHERE data = x'65706f6368'")
		}
		wantLoad(t, s, key(1), want)
		l, err := s.Load(t.Context(), key(1))
		if got := l.Epoch.Version != (cache.ID{}); err != nil || got != there || l.Now == 0 {
			t.Errorf("Load = epoch %v, at %d, %v; want epoch %v and the time", got, l.Now, err, there)
		}
	}
}

// A read that is prepared waits for a connection until its context ends, however
// often the pool was free before.
func TestPreparedReadWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	pool(t, db).SetMaxOpenConns(1)
	s := storeOn(t, db)
	for range 3 {
		wantLoad(t, s, key(1), cache.Record{})
		conn, err := pool(t, db).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		done := make(chan error, 1)
		go func() {
			_, err := s.Load(ctx, key(1))
			done <- err
		}()
		select {
		case err = <-done:
		case <-time.After(10 * time.Second):
			err = errors.New("it still waits")
		}
		cancel()
		if !errors.Is(err, cache.ErrBusy) {
			t.Errorf("Load without a connection = %v; want ErrBusy", err)
		}
		_ = conn.Close()
	}
}
