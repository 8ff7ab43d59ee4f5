package main

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/powgin/powgin"
)

// config is what the environment says. A duration of zero leaves powgin's own
// default in place.
type config struct {
	addr     string // ADDR: host:port; port 0 picks a free one
	database string // DATABASE: an SQLite path, :memory:, postgres://… or mysql://…
	cache    string // CACHE: memory, gorm or redis; holds sessions and cached users
	// cacheServers are those of CACHE=redis://host:port,…: several are a cluster's.
	cacheServers []redisServer
	sessions     string      // SESSIONS: cookie, memstore, gorm or redis; holds the flash message
	redis        redisServer // of SESSIONS=redis://host:port
	tokens       string      // TRANSPORT: cookie, insession or bearer
	reload       bool        // RELOAD: read the user from the database on every page
	autosync     bool        // AUTOSYNC: have the cache follow the app's own writes
	feed         bool        // FEED: have it follow what others write to PostgreSQL
	secret       []byte      // SESSION_SECRET: signs tokens and gin sessions
	secure       bool        // COOKIE_SECURE: the site is reached over HTTPS
	hashCost     int         // of bcrypt; tests lower it

	// recent is how long after signing in the password may be changed without
	// being asked for it once more.
	recent time.Duration

	idle     time.Duration // TTL
	renew    time.Duration // RENEW
	absolute time.Duration // ABSOLUTE
	grace    time.Duration // GRACE: 0s means powgin.NoGrace
	maxAge   time.Duration // MAXAGE
}

// The fewest bytes of SESSION_SECRET. A shorter one could be guessed from a
// single token, offline and as fast as hardware allows.
const minSecret = 32

// loadConfig reads the environment and reports every fault in it at once.
func loadConfig(getenv func(string) string) (config, error) {
	e := &environment{get: getenv}
	cfg := config{
		addr:     e.address("ADDR", "127.0.0.1:8080"),
		database: e.database("DATABASE", "powgin-example.db"),
		tokens:   e.oneOf("TRANSPORT", "cookie", "insession", "bearer"),
		reload:   e.boolean("RELOAD"),
		autosync: e.boolean("AUTOSYNC"),
		feed:     e.boolean("FEED"),
		secret:   e.secret("SESSION_SECRET"),
		secure:   e.boolean("COOKIE_SECURE"),
		hashCost: 10,
		recent:   10 * time.Minute,
		idle:     e.duration("TTL"),
		renew:    e.duration("RENEW"),
		absolute: e.duration("ABSOLUTE"),
		grace:    e.grace("GRACE"),
		maxAge:   e.duration("MAXAGE"),
	}
	cfg.cache, cfg.cacheServers = e.redisOr("CACHE", "redis://host:port[,host:port…]", "memory", "gorm")
	var server []redisServer
	if cfg.sessions, server = e.redisOr("SESSIONS", "redis://host:port", "cookie", "memstore", "gorm"); len(server) == 1 {
		cfg.redis = server[0]
	} else if len(server) > 1 {
		e.fault("SESSIONS", "redis://…", "gin-contrib/sessions speaks to one server only")
	}
	if cfg.feed && !isPostgres(cfg.database) {
		e.fault("FEED", e.get("FEED"), "only PostgreSQL tells of changes, which wants DATABASE=postgres://…")
	}
	return cfg, errors.Join(e.faults...)
}

// key derives a key of its own for each purpose, so that a value signed for
// one can never pass for another.
func (cfg config) key(purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, cfg.secret, nil, "powgin example: "+purpose, sha256.Size)
}

// environment reads variables and collects what is wrong with them.
type environment struct {
	get    func(string) string
	faults []error
}

// fault notes that a variable breaks a rule. Of a URL only the scheme is shown:
// the rest may hold a password.
func (e *environment) fault(name, value, rule string) {
	if scheme, _, ok := strings.Cut(value, "://"); ok {
		value = scheme + "://…"
	}
	e.faults = append(e.faults, fmt.Errorf("%s=%q: %s", name, value, rule))
}

func (e *environment) address(name, unset string) string {
	value := e.get(name)
	if value == "" {
		return unset
	}
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		e.fault(name, value, "it is not host:port with a port from 0 to 65535, such as 127.0.0.1:8080")
	}
	return value
}

func (e *environment) database(name, unset string) string {
	value := e.get(name)
	if value == "" {
		return unset
	}
	switch scheme, _, isURL := strings.Cut(value, "://"); {
	case !isURL, scheme == "postgres", scheme == "postgresql", scheme == "mysql":
	default:
		e.fault(name, value, "it is no SQLite path, :memory:, postgres://… or mysql://…")
	}
	return value
}

func isPostgres(database string) bool {
	scheme, _, _ := strings.Cut(database, "://")
	return scheme == "postgres" || scheme == "postgresql"
}

// oneOf reads a variable with a fixed set of values; the first is its default.
func (e *environment) oneOf(name string, values ...string) string {
	value := e.get(name)
	if value == "" {
		return values[0]
	}
	if !slices.Contains(values, value) {
		e.fault(name, value, "this version knows only "+strings.Join(values, ", "))
	}
	return value
}

// redisOr reads the kind of a store, and its servers where it has some: one of
// these values, or "redis". Of a URL that is wrong nothing is shown, not even what
// may be a password.
func (e *environment) redisOr(name, form string, values ...string) (string, []redisServer) {
	value := e.get(name)
	if !strings.HasPrefix(value, "redis:") {
		return e.oneOf(name, append(values, form)...), nil
	}
	servers, ok := parseRedis(value)
	if !ok {
		e.fault(name, "redis://…", "it is not "+form+", with :password@ or user:password@ before the host and /database behind the port where the server wants them")
	}
	return "redis", servers
}

func (e *environment) boolean(name string) bool {
	value := e.get(name)
	if value == "" {
		return false
	}
	on, err := strconv.ParseBool(value)
	if err != nil {
		e.fault(name, value, "it is neither true nor false")
	}
	return on
}

func (e *environment) duration(name string) time.Duration {
	value := e.get(name)
	if value == "" {
		return 0
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		e.fault(name, value, "it is not a duration above zero, such as 90s, 30m or 12h")
	}
	return d
}

// grace is a duration that may be zero, which powgin spells NoGrace: in its
// Config zero means the default.
func (e *environment) grace(name string) time.Duration {
	value := e.get(name)
	if value == "" {
		return 0
	}
	d, err := time.ParseDuration(value)
	switch {
	case err != nil || d < 0:
		e.fault(name, value, "it is not a duration, such as 5s, or 0s for none")
	case d == 0:
		return powgin.NoGrace
	}
	return d
}

// secret never shows its value in a message.
func (e *environment) secret(name string) []byte {
	value := e.get(name)
	if value == "" {
		// Everyone is signed out when the app restarts, which suits a trial.
		return []byte(rand.Text() + rand.Text())
	}
	if len(value) < minSecret {
		e.faults = append(e.faults, fmt.Errorf("%s has %d bytes: it needs %d or more, such as the output of openssl rand -hex 32", name, len(value), minSecret))
	}
	return []byte(value)
}
