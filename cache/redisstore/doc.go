// Package redisstore keeps powgin's sessions and cached users in Redis or Valkey:
// one server, Sentinel or Cluster.
//
//	store := redisstore.Must(redisstore.Open(ctx, rueidis.ClientOption{InitAddress: []string{"localhost:6379"}}))
//	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Store: store}))
//
// All nodes of an app that use one Prefix share their sessions, and a restart
// ends none. A record is one key, always with a time to live; an account and its
// copy of the epoch are in one slot of a Cluster, so that every call is one
// slot's. Of a token only a hash is stored, but a record may hold a cached user:
// protect the server as you do the users' table.
//
// # The local tier
//
// Unless [Strict] turns it off, the Store keeps copies in the process, and Redis
// says when one changes (client-side caching, RESP3). A copy may only say yes: for
// a token that it does not know, and for whatever is due, powgin asks the server.
// What this node changes is read back at once; what others change shows after some
// milliseconds. Copies are dropped when a connection is lost, and not believed for
// longer than 5 seconds without a sign of life from the server. With Strict a
// change anywhere shows at the next request.
//
// # The server
//
// Redis 6.2 or newer, or Valkey. maxmemory-policy should be noeviction: every
// other policy signs people out when memory is short, and New says so in the log.
// With noeviction a full server refuses what has to grow: requests of signed-in
// users go on, sign-ins are [cache.ErrFull]. Time is the server's clock.
//
// Redis acknowledges a write before its replicas have it. A failover may bring
// back a session that was just ended, a token that was just replaced, or an old
// copy, until its timeout or MaxAge; a server that comes back without its data has
// everybody sign in again.
package redisstore
