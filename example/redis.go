package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-contrib/sessions"
	redisstore "github.com/gin-contrib/sessions/redis"
	"github.com/gomodule/redigo/redis"
)

// redisTimeout bounds connecting to Redis, and each command. A request that
// leaves a message sends two: with a server that hangs it is late, but answered
// within 3 s.
const redisTimeout = time.Second

// redisServer is where a Redis is, and how to get in.
type redisServer struct {
	address            string // host:port
	username, password string
	database           int
}

// parseRedis reads redis://[[user]:password@]host:port[,host:port…][/database].
func parseRedis(value string) ([]redisServer, bool) {
	rest, ok := strings.CutPrefix(value, "redis://")
	if !ok {
		return nil, false
	}
	user, hosts := "", rest
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		user, hosts = rest[:i+1], rest[i+1:]
	}
	hosts, path, _ := strings.Cut(hosts, "/")
	var servers []redisServer
	for host := range strings.SplitSeq(hosts, ",") {
		server, ok := parseRedisServer("redis://" + user + host + "/" + path)
		if !ok {
			return nil, false
		}
		servers = append(servers, server)
	}
	return servers, true
}

// parseRedisServer reads such a URL of one server.
func parseRedisServer(value string) (redisServer, bool) {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "redis" || u.RawQuery != "" || u.Fragment != "" {
		return redisServer{}, false
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 || u.Hostname() == "" || strings.Contains(u.Host, ",") {
		return redisServer{}, false
	}
	number := strings.TrimPrefix(u.Path, "/")
	if number == "" {
		number = "0"
	}
	database, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return redisServer{}, false
	}
	password, _ := u.User.Password()
	if u.User != nil && password == "" {
		return redisServer{}, false // the client would leave out the user as well
	}
	return redisServer{net.JoinHostPort(u.Hostname(), u.Port()), u.User.Username(), password, int(database)}, true
}

// openRedisStore makes a store of its own pool, since the pool that NewStore
// would make waits for the server without end.
func openRedisStore(server redisServer, key []byte) (sessions.Store, func(), error) {
	pool := server.pool()
	end := func() { _ = pool.Close() }
	store, err := redisstore.NewStoreWithPool(pool, key)
	if err == nil {
		err = redisstore.SetKeyPrefix(store, "example_flash_") // others may use the server too
	}
	if err != nil {
		end()
		return nil, nil, fmt.Errorf("SESSIONS=redis://…: no Redis to use at %s: %w", server.address, err)
	}
	return store, end, nil
}

// pool does not test a connection before it is used: with a server that hangs,
// a request would wait for each idle one in turn. After a restart of the server
// these few fail once instead.
func (s redisServer) pool() *redis.Pool {
	return &redis.Pool{MaxIdle: 4, IdleTimeout: time.Minute, Dial: s.dial}
}

func (s redisServer) dial() (redis.Conn, error) {
	conn, err := redis.Dial("tcp", s.address,
		redis.DialConnectTimeout(redisTimeout), redis.DialReadTimeout(redisTimeout), redis.DialWriteTimeout(redisTimeout),
		redis.DialUsername(s.username), redis.DialPassword(s.password), redis.DialDatabase(s.database))
	// A server that does not know AUTH repeats what came with it: the password.
	if refusal, ok := errors.AsType[redis.Error](err); ok {
		code, _, _ := strings.Cut(string(refusal), " ")
		return nil, fmt.Errorf("it refuses the user, the password or the database (%s)", code)
	}
	return conn, err
}
