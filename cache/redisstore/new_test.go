package redisstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin/cache/redisstore"
)

func TestOptionsThatWillNotDo(t *testing.T) {
	t.Parallel()
	client := newClient(t, shared(t))
	_, err := redisstore.New(client, redisstore.Prefix("a{b"), redisstore.LocalSize(0), redisstore.LocalBytes(-1))
	for _, want := range []string{`Prefix("a{b")`, "LocalSize(0)", "LocalBytes(-1)"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v; want it to name %s", err, want)
		}
	}
	for _, prefix := range []string{"", "a:b", "a b", "a}", "é", "a\n", strings.Repeat("x", 65)} {
		if _, err := redisstore.New(client, redisstore.Prefix(prefix)); err == nil {
			t.Errorf("New with the prefix %q = nil error", prefix)
		}
	}
	if _, err := redisstore.New(nil); err == nil {
		t.Error("New without a client = nil error")
	}
	if _, err := redisstore.Open(t.Context(), rueidis.ClientOption{}, redisstore.Strict()); err == nil {
		t.Error("Open without an address = nil error")
	}
	defer func() {
		if recover() == nil {
			t.Error("Must of an error does not panic")
		}
	}()
	redisstore.Must(redisstore.New(client, redisstore.Prefix("")))
}

func TestServersThatWillNotDo(t *testing.T) {
	t.Parallel()
	const fit = "redis_version:7.0.15\r\nrole:master\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n"
	for name, tt := range map[string]struct {
		info           string
		cluster        bool
		wrong, warning string // what each has to hold, "" for none
	}{
		"a new one":               {info: fit},
		"the oldest":              {info: "redis_version:6.2.0\r\nrole:master\r\n"},
		"one too old":             {info: "redis_version:6.0.16\r\nrole:master\r\n", wrong: "6.2"},
		"one much too old":        {info: "redis_version:5.0.7\r\n", wrong: "6.2"},
		"Valkey":                  {info: "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nrole:master\r\n"},
		"one that tells nothing":  {},
		"a version like no other": {info: "redis_version:unstable\r\n"},
		"a replica":               {info: fit + "role:slave\r\nslave_read_only:1\r\n", wrong: "replica"},
		"a replica that is not said to be writable": {info: "role:slave\r\n", wrong: "replica"},
		"a writable replica":                        {info: "role:slave\r\nslave_read_only:0\r\n"},
		"a Cluster's replica":                       {info: "role:slave\r\nslave_read_only:1\r\n", cluster: true},
		"one that may evict":                        {info: "maxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\n", warning: "allkeys-lru"},
		"one that may evict a few":                  {info: "maxmemory:100\r\nmaxmemory_policy:volatile-ttl\r\n", warning: "signs people out"},
		"one that refuses":                          {info: "maxmemory:100\r\nmaxmemory_policy:noeviction\r\n"},
		"one without a limit":                       {info: "maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n"},
	} {
		warning, err := redisstore.Judge(tt.info, tt.cluster)
		if (err != nil) != (tt.wrong != "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("%s is judged %v; want %q", name, err, tt.wrong)
		}
		if (warning != "") != (tt.warning != "") || !strings.Contains(warning, tt.warning) {
			t.Errorf("of %s it is said %q; want %q", name, warning, tt.warning)
		}
	}
}

func TestNewAtAReplica(t *testing.T) {
	t.Parallel()
	primary := newServer(t)
	replica := newServer(t, "--replicaof", "127.0.0.1 "+primary.port())
	if _, err := redisstore.New(replica.client()); err == nil || !strings.Contains(err.Error(), "replica") {
		t.Errorf("New at a replica = %v; want an error that says so", err)
	}
}

// New and Open say so in time where there is no server, or one that hangs.
func TestNewInTime(t *testing.T) {
	t.Parallel()
	hanging, gone := newServer(t), newServer(t)
	toHanging, toGone := hanging.client(), gone.client()
	hanging.pause()
	t.Cleanup(hanging.resume)
	gone.kill()
	for name, open := range map[string]func(context.Context) (*redisstore.Store, error){
		"New at a server that hangs": func(context.Context) (*redisstore.Store, error) { return redisstore.New(toHanging) },
		"New at no server":           func(context.Context) (*redisstore.Store, error) { return redisstore.New(toGone) },
		"New at no server, strict": func(context.Context) (*redisstore.Store, error) {
			return redisstore.New(toGone, redisstore.Strict())
		},
		"Open of a server that hangs": func(ctx context.Context) (*redisstore.Store, error) {
			return redisstore.Open(ctx, rueidis.ClientOption{InitAddress: []string{hanging.addr}})
		},
		"Open of no server": func(ctx context.Context) (*redisstore.Store, error) {
			return redisstore.Open(ctx, rueidis.ClientOption{InitAddress: []string{gone.addr}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			within(t, 8*time.Second, name, func(ctx context.Context) {
				if s, err := open(ctx); err == nil {
					t.Errorf("%s = %v, nil; want an error", name, s)
				}
			})
		})
	}
}

// A server that does not tell of changes is asked every time.
func TestServersThatTellNothing(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	server.must("ACL SETUSER app on >pass ~* &* +@all -client|tracking -info -config")
	for name, option := range map[string]rueidis.ClientOption{
		"RESP2":                    {AlwaysRESP2: true},
		"RESP2, without pipelines": {AlwaysRESP2: true, DisableAutoPipelining: true},
		"no permission":            {Username: "app", Password: "pass"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logbook
			option.InitAddress, option.DisableCache = []string{server.addr}, true
			client, err := rueidis.NewClient(option)
			if err != nil {
				t.Fatalf("NewClient = %v", err)
			}
			t.Cleanup(client.Close)
			made, err := redisstore.New(client, newPrefix(), redisstore.Logger(log.logger()))
			if err != nil {
				t.Fatalf("New = %v", err)
			}
			t.Cleanup(func() { _ = made.Close() })
			s := &store{made, t}
			if lines := log.holding("does not tell of changes"); s.HasLocal() || len(lines) != 1 {
				t.Errorf("New makes a local tier: %v, and says %q; want none, and a line", s.HasLocal(), lines)
			}
			s.put(account(1), "there")
			s.load(account(1))
		})
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	for name, opts := range tiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			client := server.client()
			before := connections(server)
			s, err := redisstore.New(client, opts...)
			if err != nil {
				t.Fatalf("New = %v", err)
			}
			(&store{s, t}).put(account(1), "there")
			for range 2 {
				if err := s.Close(); err != nil {
					t.Errorf("Close = %v; want nil", err)
				}
			}
			if _, err := s.Nearest(t.Context(), account(1)); err == nil {
				t.Error("Load after Close = nil error")
			}
			if _, ok, err := s.Swap(t.Context(), account(1), record(0, "").Version, record(0, "")); ok || err == nil {
				t.Errorf("Swap after Close = %v, %v; want false and an error", ok, err)
			}
			if err := client.Do(t.Context(), client.B().Ping().Build()).Error(); err != nil {
				t.Errorf("the caller's client after Close: %v", err)
			}
			// The client may have opened connections of its own.
			eventually(t, "no connection of the Store's is left", func() bool {
				return !strings.Contains(server.must("CLIENT LIST"), "flags=tB") && connections(server) <= before+2
			})

			owner := openStore(t, rueidis.ClientOption{InitAddress: []string{server.addr}}, opts...)
			owner.put(account(2), "there")
			client.Close()
			if err := owner.Close(); err != nil {
				t.Errorf("Close = %v; want nil", err)
			}
			eventually(t, "no connection is left", func() bool { return connections(server) <= 1 })
		})
	}
}

// connections returns how many a server has, this one included.
func connections(s *server) int { return strings.Count(s.must("CLIENT LIST"), " fd=") }

// Close ends while the server hangs, and calls that are under way end with it.
func TestCloseWhileTheServerHangs(t *testing.T) {
	t.Parallel()
	for name, opts := range tiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			s := newStore(t, server.addr, opts...)
			s.put(account(1), "there")
			server.pause()
			defer server.resume()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				if _, err := s.Load(ctx, account(1)); err == nil {
					t.Error("Load while the server hangs = nil error")
				}
			}()
			time.Sleep(20 * time.Millisecond)
			start := time.Now()
			_ = s.Close()
			<-ended
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("Close, and a call that was under way, took %v", took)
			}
		})
	}
}
