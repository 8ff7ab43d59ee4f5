package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A stream never ends by itself, and the app stops all the same: were it held up,
// run would return an error at its deadline.
func TestRunStopsWithLivePagesOpen(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, environ("ADDR=127.0.0.1:0", "DATABASE="+filepath.Join(t.TempDir(), "app.db")), in)
		_ = in.Close()
	}()
	app := &testApp{url: listening(t, out)}
	lives := make([]*following, 3)
	for i, name := range []string{"alice", "bob", "admin"} {
		lives[i] = app.signedIn(t, name).follows()
		lives[i].wantPlan("free", fmt.Sprintf("at first, to %s,", name))
	}
	stop()
	for _, live := range lives {
		live.want("", "when the app stops")
		if err := live.lines.Err(); err != nil {
			t.Errorf("the stream breaks off: %v; want a proper end", err)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("run ends with %v; want nil", err)
	}
}

// A stream outlasts the server's timeouts, tells now and then that it is there, and
// ends when its session does, which no open page keeps alive.
func TestLiveStaysOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		alice := pipedApp(t, "TTL=30m", "RENEW=20m").signedIn(t, "alice")
		live := alice.follows()
		live.wantPlan("free", "at first")
		start := time.Now()
		for i := range 8 {
			live.want(":", "when all is quiet")
			if got, want := time.Since(start), time.Duration(i+1)*15*time.Second; got != want {
				t.Errorf("sign of life %d comes after %v; want %v", i+1, got, want)
			}
		}
		wantRedirect(t, alice.post("/plan", "plan", "pro"), "/profile")
		live.wantPlan("pro", "after two minutes")
		began := time.Now()
		event := live.next()
		for event == ":" {
			event = live.next()
		}
		if event != "ended {}" {
			t.Errorf("the last event is %q; want ended", event)
		}
		if got := time.Since(began).Round(time.Second); got != 30*time.Minute {
			t.Errorf("it ends after %v; want the 30m that a session lasts", got)
		}
	})
}

// Who is connected but receives nothing is given up.
func TestLiveGivesUpOnAStalledClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := pipedApp(t)
		live := app.signedIn(t, "alice").follows()
		live.wantPlan("free", "at first")
		time.Sleep(time.Minute) // in which nobody reads
		synctest.Wait()
		for event := live.next(); event != ""; event = live.next() {
			if event != ":" {
				t.Errorf("the stream says %q; want signs of life, and to be cut off", event)
			}
		}
		if live.lines.Err() == nil {
			t.Error("the stream has a proper end; want it cut off")
		}
	})
}

// pipedApp is setup for a bubble of synctest: real requests, which however meet in
// memory, since a bubble's time stands still while a network is waited for.
func pipedApp(t *testing.T, vars ...string) *testApp {
	t.Helper()
	site := newTestSite(t, func(*config) {}, vars...)
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- site.serve(t.Context(), p) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Errorf("serve ends with %v; want nil", err)
		}
	})
	return &testApp{site, "http://site.example", &http.Transport{DialContext: p.dial}}
}

// pipes is a listener within the process.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (*pipes) Addr() net.Addr { return &net.TCPAddr{} }
