package main

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
)

// redisAddress is where the tests' Redis is. Where none answers the test is
// skipped, but on a build server that is a failure.
func redisAddress(t testing.TB) string {
	t.Helper()
	address := cmp.Or(os.Getenv("POWGIN_TEST_REDIS"), "127.0.0.1:6379")
	conn, err := redisServer{address: address}.dial()
	if err == nil {
		defer conn.Close()
		_, err = conn.Do("PING")
	}
	switch {
	case err == nil:
		return address
	case os.Getenv("CI") == "true":
		t.Fatalf("no Redis at %s (POWGIN_TEST_REDIS names another): %v", address, err)
	default:
		t.Skipf("no Redis at %s (POWGIN_TEST_REDIS names another): %v", address, err)
	}
	return ""
}

func TestFlashInRedisIsShownOnce(t *testing.T) {
	t.Parallel()
	wantFlashOnce(t, "redis://"+redisAddress(t)+"/1")
}

func TestRunWithRedisServesUntilStopped(t *testing.T) {
	t.Parallel()
	wantServesUntilStopped(t, "redis://"+redisAddress(t))
}

// What the store opened is closed with it.
func TestRedisConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	link := newLink(t, redisAddress(t))
	_, end, err := openRedisStore(redisServer{address: link.address}, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	end()
	select {
	case <-link.closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection is open after the store was ended")
	}
}

func TestRedisDatabaseIsTheOneOfTheURL(t *testing.T) {
	t.Parallel()
	servers, ok := parseRedis("redis://" + redisAddress(t) + "/1")
	if !ok || len(servers) != 1 {
		t.Fatalf("the URL gives %d servers, %v; want one", len(servers), ok)
	}
	conn, err := servers[0].dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if info, err := redis.String(conn.Do("CLIENT", "INFO")); err != nil || !strings.Contains(info, " db=1 ") {
		t.Errorf("CLIENT INFO = %q, %v; want db=1", info, err)
	}
}

func TestParseRedis(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]redisServer{
		"redis://127.0.0.1:6379":          {{address: "127.0.0.1:6379"}},
		"redis://cache:1/":                {{address: "cache:1"}},
		"redis://[::1]:6379/15":           {{address: "[::1]:6379", database: 15}},
		"redis://:p%40ss@cache:6379":      {{address: "cache:6379", password: "p@ss"}},
		"redis://app:secret@cache:6379/2": {{address: "cache:6379", username: "app", password: "secret", database: 2}},
		"redis://:secret@a:1,b:2":         {{address: "a:1", password: "secret"}, {address: "b:2", password: "secret"}},
	} {
		if got, ok := parseRedis(value); !ok || !slices.Equal(got, want) {
			t.Errorf("parseRedis(%q) = %+v, %v; want %+v", value, got, ok, want)
		}
	}
	for _, value := range []string{
		"", "redis:", "redis://", "redis://cache", "redis://:6379", "redis://cache:0", "redis://cache:65536", "redis://cache:x",
		"redis://cache:6379/x", "redis://cache:6379/-1", "redis://cache:6379/0/1", "redis://cache:6379?db=1", "redis://cache:6379#1",
		"redis://secret@cache:6379", "redis://app:@cache:6379", "redis:cache:6379", "redis:/cache:6379", "rediss://cache:6379", "redis://a:1,", "redis://a:1,b",
	} {
		if got, ok := parseRedis(value); ok {
			t.Errorf("parseRedis(%q) = %+v; want a refusal", value, got)
		}
	}
	for _, value := range []string{"redis:hunter2@cache:6379", "redis:/:hunter2@cache:6379", "redis://hunter2@cache:6379", "redis://:hunter2@a:1,b:2"} {
		if _, err := loadConfig(environ("SESSIONS=" + value)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("SESSIONS=%s: %v; want a fault that does not show the password", value, err)
		}
	}
}

// The app does not start without its Redis, waits for none that hangs, and
// keeps the password to itself even if the server repeats it.
func TestRunNeedsItsRedis(t *testing.T) {
	t.Parallel()
	const repeats = "-ERR unknown command `AUTH`, with args beginning with: `hunter2`\r\n"
	for _, row := range []struct{ name, answer, want string }{
		{"nobody listens", "nobody", "refused"},
		{"the server hangs", "", "timeout"},
		{"the server repeats the password", repeats, "(ERR)"},
		{"the password is wrong", "-WRONGPASS invalid username-password pair\r\n", "(WRONGPASS)"},
		{"another server", "HTTP/1.1 400 Bad Request\r\n\r\n", "redigo"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			address := pretender(t, row.answer)
			err := run(t.Context(), environ("DATABASE=:memory:", "SESSIONS=redis://:hunter2@"+address), io.Discard)
			if err == nil {
				t.Fatal("run = nil; want an error")
			}
			if got := err.Error(); !strings.HasPrefix(got, "SESSIONS=") || !strings.Contains(got, row.want) || strings.Contains(got, "hunter2") {
				t.Errorf("run = %q; want it to begin with SESSIONS, to say %s and to hide the password", got, row.want)
			}
		})
	}
}

// pretender is a server that gives this answer to everything; to "nobody" there
// is none.
func pretender(t *testing.T, answer string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	if answer == "nobody" {
		_ = listener.Close()
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for request := make([]byte, 512); err == nil; _, err = io.WriteString(conn, answer) {
					_, err = conn.Read(request)
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// A Redis that hangs or is gone costs the message and some time, never the
// request; when it is back, so are the messages.
func TestFlashStoreFailureCostsTheMessageOnly(t *testing.T) {
	t.Parallel()
	for _, failure := range []string{"hangs", "is gone"} {
		t.Run(failure, func(t *testing.T) {
			t.Parallel()
			link := newLink(t, redisAddress(t))
			app := setup(t, "SESSIONS=redis://"+link.address)
			v := app.signedIn(t, "alice")
			wantRedirect(t, v.post("/plan", "plan", "basic"), "/profile") // from now on there is a gin session
			link.state.Store(failure)

			begin := time.Now()
			wantRedirect(t, v.post("/plan", "plan", "team"), "/profile")
			if got := app.plan(t, "alice@example.com"); got != "team" {
				t.Errorf("the database has %q; want team", got)
			}
			wantStatus(t, v.get("/profile"), http.StatusOK)
			if err := app.users.db.Exec("ALTER TABLE users RENAME TO gone").Error; err != nil {
				t.Fatal(err)
			}
			r := v.post("/plan", "plan", "pro")
			wantStatus(t, r, http.StatusServiceUnavailable)
			wantNoCookie(t, r)
			if took := time.Since(begin); took > 3*3*time.Second {
				t.Errorf("the three answers took %v; want 3 s at most for each", took)
			}
			if err := app.users.db.Exec("ALTER TABLE gone RENAME TO users").Error; err != nil {
				t.Fatal(err)
			}

			link.state.Store("works")
			for range 5 { // connections of before fail once
				wantRedirect(t, v.post("/plan", "plan", "pro"), "/profile")
			}
			wantBody(t, v.get("/profile"), "Plan updated successfully.")
		})
	}
}

// link passes connections on to a server for as long as its state says that it
// works.
type link struct {
	address, server string
	state           atomic.Value
	done            <-chan struct{} // the test is over
	closed          chan struct{}   // one for each connection that its client has closed
}

func newLink(t *testing.T, server string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{address: listener.Addr().String(), server: server, done: t.Context().Done(), closed: make(chan struct{}, 100)}
	l.state.Store("works")
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.pass(conn)
		}
	}()
	return l
}

func (l *link) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", l.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() { _, _ = io.Copy(client, server) }()
	_, _ = io.Copy(through{server, l}, client)
	l.closed <- struct{}{}
}

// through is a link on its way to the server.
type through struct {
	net.Conn
	link *link
}

func (w through) Write(b []byte) (int, error) {
	switch state := w.link.state.Load(); state {
	case "works":
		return w.Conn.Write(b)
	case "hangs":
		<-w.link.done
	}
	return 0, fmt.Errorf("the link %v", w.link.state.Load())
}
