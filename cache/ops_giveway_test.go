package cache

import (
	"context"
	"testing"
	"testing/synctest"
)

// Two nodes read a row, one before a change that powgin has yet to be told of
// and one after it, and the first is the first to cache it. The second serves
// the same then: with what it has read, the next request would go back in time.
func TestAMissThatFillsNothingServesWhatAnotherFilled(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		old  person // what the first node caches
		want string
	}{
		{"the older row", person{Key: "ann", Name: "Ann"}, "Ann"},
		{"one whom this node may not let in", person{Key: "ann", Name: "Ann", Locked: true}, "Ann Lee"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := byteStore{NewMemory(0)}
				first := setup(t, store, func(cfg *Config) { cfg.Active = nil })
				second := setup(t, store, func(cfg *Config) { cfg.Source = first.people })
				token := *first.signInAs("ann").Successor
				stale()
				first.people.write(row.old)
				change, both := make(chan struct{}), make(chan struct{})
				first.people.with(func() {
					first.people.after = func(_ context.Context, read any) error {
						if read == row.old {
							<-change
						} else {
							<-both
						}
						return nil
					}
				})
				older, newer := make(chan *Opened, 1), make(chan *Opened, 1)
				go func() { older <- first.open(token) }()
				synctest.Wait()
				first.people.write(person{Key: "ann", Name: "Ann Lee"})
				go func() { newer <- second.open(token) }()
				synctest.Wait()
				close(change)
				first.wantUser(<-older, "Ann")
				close(both)
				o := <-newer
				second.wantUser(o, row.want)
				if row.want == "Ann" && o.ReadAt != first.open(token).ReadAt {
					t.Error("ReadAt is not the filled copy's; want the age of what is served")
				}
			})
		})
	}
}
