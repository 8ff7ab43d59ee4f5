package main

import (
	"context"
	"fmt"

	"github.com/powgin/powgin/cache/pgfeed"
)

// cachedColumns are those of the users' table that User holds and powgin reads. A
// change of the others, such as the password's hash, concerns no cached user.
var cachedColumns = []string{"created_at", "updated_at", "deleted_at", "email", "plan", "admin"}

// openFeed has the cache follow what psql or another program changes in the users'
// table. It makes the triggers that this needs. The function it returns ends it.
func (s *site) openFeed() (func(), error) {
	if !s.cfg.feed {
		return func() {}, nil
	}
	feed, err := pgfeed.Start(context.Background(), s.cfg.database, s.auth, "users",
		pgfeed.Columns(cachedColumns...), pgfeed.Migrate())
	if err != nil {
		return nil, fmt.Errorf("FEED: %w", err)
	}
	return func() { _ = feed.Close() }, nil
}
