// Package pgfeed keeps powgin's cache in step with changes that are made outside
// the app: with psql, by another program, by a job. Triggers on the users' table
// tell of each change at its COMMIT (LISTEN and NOTIFY), and the feed invalidates
// those users. It needs PostgreSQL 12 or newer.
//
//	feed, err := pgfeed.Start(ctx, "postgres://app@localhost/shop", auth, "users", pgfeed.Migrate())
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer feed.Close()
//
// A change shows some milliseconds after its COMMIT; nothing is told before that,
// or of a ROLLBACK. Until then, and while the feed is not [Feed.Alive], a cached
// copy may be as old as powgin's MaxAge allows, as it may without a feed. One node
// of an app is enough where the nodes share a store, and several cost no more than
// some reads; where each has a store of its own, as in memory, each needs a feed.
//
// powgin.Config.FeedAlive makes more of it: while the feed is alive, copies older
// than MaxAge are served without a look at the database, up to RenewAfter. The feed
// is there only after New, so that the function looks for it:
//
//	var feed atomic.Pointer[pgfeed.Feed]
//	auth, err := powgin.New(powgin.Config[User]{DB: db, FeedAlive: func() bool { return feed.Load().Alive() }})
//	…
//	feed.Store(started)
//
// A connection that is lost is noticed within 3 seconds: for as long a change may be
// missed that MaxAge would otherwise have shown.
//
// # The triggers
//
// [Schema] is the migration. The triggers run once for each statement: an UPDATE
// or DELETE of up to 100 rows tells their keys, a larger one and a TRUNCATE have
// all users invalidated. An INSERT tells nothing, since nobody has cached what was
// not there. What does not fire triggers is not seen: a disabled trigger,
// session_replication_role, logical replication, or a statement on a partition of
// the table by its own name. After such a change NOTIFY the channel with "a", which
// stands for all users.
//
// Who may connect to the database may NOTIFY, and LISTEN too, so payloads hold keys
// only, and a forged one costs no more than a few reads. Transactions that NOTIFY
// commit one after the other, and cannot be prepared (PREPARE TRANSACTION).
//
// # Lost connections
//
// What is told while nobody listens is lost. So the feed invalidates all users
// whenever it has connected, having begun to listen before that. After a second of
// silence it sends itself a NOTIFY, which all feeds of the channel hear, and after
// about 3 seconds in which nothing has come back it takes the connection for dead
// and makes a new one. The connection must lead to the primary, and not through a
// pooler that shares connections between transactions, such as PgBouncer in its
// transaction mode.
package pgfeed
