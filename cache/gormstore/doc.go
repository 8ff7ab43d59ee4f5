// Package gormstore keeps powgin's sessions and cached users in an SQL
// database: the app's own, or any other that GORM speaks to.
//
//	store := gormstore.Must(gormstore.New(db, gormstore.Migrate()))
//	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Store: store}))
//
// All nodes of an app that use one table share their sessions, and a restart
// ends none. SQLite, PostgreSQL, MySQL and MariaDB are supported; New refuses
// any other.
//
// # What it does to the database
//
// There is one table, powgin_accounts unless [Table] names another. [Migrate]
// has New create it; [Schema] is the statement to run by hand. It holds a row
// an account and one more for each type of user. Of a token only a hash is
// stored. A row may hold what the cache keeps of a user, so that nobody should
// read this table who may not read the users'.
//
// A read is one SELECT by primary key and a change one INSERT, UPDATE or DELETE,
// each committed by itself. They go to the connection pool that db was opened
// with, and past everything else of GORM: its callbacks, its logger, its
// transactions, and replicas that gorm.io/plugin/dbresolver reads from. They are
// not part of the app's own transaction, but for one kind ([Store.InTx]). So
//
//   - the pool needs a connection more than the app's transactions hold when
//     they call powgin; where none comes free in time the answer is
//     [cache.ErrBusy]. A second pool, which New gets and the app does not use,
//     is never short of one;
//   - with SQLite, which has one writer at a time, a change made inside a
//     transaction that has written waits for that very transaction, in vain,
//     and the answer is [cache.ErrBusy] too. SyncUser belongs after the COMMIT
//     anyway. What announces a write before its COMMIT is made part of the
//     transaction there.
//
// Time is the database's clock, so that nodes need not agree on theirs. A row is
// absent from the moment on at which it expires. Expired rows are deleted by and
// by, a few at a time beside swaps; [Store.Sweep] deletes them all.
//
// # SQLite
//
// Open the file with journal_mode(WAL), or readers and the writer keep each other
// waiting, and with busy_timeout(1000). A lock that lasts longer is waited for
// here, until the call's deadline is near; SQLite, while it waits, does not look
// at the context, so that a busy_timeout of five seconds can hold a request for
// as long. With synchronous(NORMAL) or less a loss of power takes the last changes
// back, and one of them may be a sign-out. ":memory:" gives each connection a
// database of its own: New refuses it, unless the pool has one connection only.
// SQLite 3.38 or newer is needed.
//
// # PostgreSQL
//
// Any isolation level will do, and any of pgx's ways to send a statement. With
// synchronous_commit off a crash of the server takes back the changes of the last
// moments. Each change leaves a dead row behind, which autovacuum takes away.
//
// # MySQL and MariaDB
//
// New refuses READ UNCOMMITTED, autocommit off and a read-only server. Any DSN
// will do: clientFoundRows, interpolateParams and the session's time zone make
// no difference. With innodb_flush_log_at_trx_commit other than 1 a crash takes
// back the changes of the last moments.
//
// # What New cannot see
//
//   - A proxy that sends reads to replicas, which lag: a session that was ended
//     is still there for those who read them. Give the store a connection to the
//     primary. New notices at most where a replica lags just then.
//   - A Galera cluster whose nodes are written and read alike: set
//     wsrep_sync_wait to 1, or send everything to one node.
//   - A server that becomes a replica later: requests are answered with 503
//     until connections lead to the new primary. What that has not received
//     before it took over is forgotten.
//   - A clock that is wrong. Servers that take over from one another should be in
//     step to a second; [Store.Load] says what becomes of larger steps.
package gormstore
