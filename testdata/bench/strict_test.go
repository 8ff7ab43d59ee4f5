package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// A benchmark of a refusal is worth nothing: whoever does not know alice ends the
// run, whenever that comes out.
func TestAContenderThatDoesNotKnowAliceEndsTheRun(t *testing.T) {
	t.Parallel()
	mallory, free := alice, alice
	mallory.ID, free.Plan = 2, "free"
	for _, tt := range []struct {
		name    string
		knows   func(n int) *User
		starts  bool
		measure bool
	}{
		{"alice", func(int) *User { return &alice }, true, true},
		{"another user", func(int) *User { return &mallory }, false, false},
		{"alice as she was once", func(int) *User { return &free }, false, false},
		{"nobody", func(int) *User { return &User{} }, false, false},
		// The first request asks, the second warms up, three are measured, and the
		// sixth asks again.
		{"alice, but in a measured request nobody", butAt(4, &User{}), true, false},
		{"alice, but in a measured request as she was once", butAt(4, &free), true, false},
		{"alice, but after a round as she was once", butAt(6, &free), true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newTestWorld(t)
			r, err := contender{name: "c", open: knowing(tt.knows)}.start(w)
			if (err == nil) != tt.starts {
				t.Fatalf("start = %v; want success: %v", err, tt.starts)
			}
			if !tt.starts {
				return
			}
			r.requests = 3
			err = rounds(w, options{rounds: 2}, []*row{r}, (*row).turn)
			if (err == nil) != tt.measure {
				t.Errorf("two rounds = %v; want success: %v", err, tt.measure)
			}
		})
	}
}

// butAt is alice, but at one request somebody else.
func butAt(request int, somebody *User) func(n int) *User {
	return func(n int) *User {
		if n == request {
			return somebody
		}
		return &alice
	}
}

// knowing opens an app that has this user at its nth request.
func knowing(user func(n int) *User) func(w *world) (*app, error) {
	return func(w *world) (*app, error) {
		n := 0
		router := gin.New()
		router.GET("/", func(c *gin.Context) {
			n++
			seen(c, user(n))
		})
		return &app{router, newRequest(w, http.MethodGet, "/"), saysUser}, nil
	}
}

// What answers 200 without having looked at the user is found out too.
func TestAnAppThatOnlySaysYesIsRefused(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	yes := func(w *world) (*app, error) {
		return &app{http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), newRequest(w, http.MethodGet, "/"), saysUser}, nil
	}
	if _, err := (contender{name: "yes", open: yes}).start(w); err == nil {
		t.Error("an app that answers 200 and nothing else has started; want an error")
	}
}

// The client over HTTP is as strict.
func TestTheClientRefusesAnythingButAlice(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	a, err := knowing(butAt(2, &User{}))(w)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClient(w, a, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.send(1); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a request that is answered with 401: %v; want an error that says so", err)
	}
	a.says = "user 2"
	if _, err := newClient(w, a, 1); err == nil {
		t.Error("a server that knows nobody has its client; want an error")
	}
}
