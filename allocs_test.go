//go:build !race

package powgin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// Times depend on the machine, allocations do not: what a request allocates is
// exact, and a change that adds to it has to say so here.

// wantAllocs fails the test where a request allocates another number of times. It
// must not run beside other tests.
func wantAllocs(t *testing.T, what string, router *gin.Engine, r *http.Request, want float64) {
	t.Helper()
	w := &sink{header: http.Header{}}
	router.ServeHTTP(w, r)
	if got := testing.AllocsPerRun(200, func() { router.ServeHTTP(w, r) }); got != want {
		t.Errorf("%s allocates %v times; want %v", what, got, want)
	}
}

func TestAllocationsOfACachedRequest(t *testing.T) { //nolint:paralleltest // they are counted
	for _, row := range []struct {
		what   string
		change func(*powgin.Config[benchUser])
		want   float64
	}{
		{"a cached request", nil, 3},
		{"one with Keys", func(c *powgin.Config[benchUser]) { c.Keys = [][]byte{make([]byte, 32)} }, 3},
	} {
		x := newBench(t, row.change)
		wantAllocs(t, row.what, x.router, request("GET", "/", x.signIn(t, 1)), row.want)
	}
	x := newBench(t, func(c *powgin.Config[benchUser]) { c.Transport = powgin.Bearer{} })
	x.router.POST("/token/:id", powgin.Handle(func(c *powgin.Context[benchUser]) {
		u, _, _ := benchUsers{}.Find(c, c.Param("id"))
		if err := c.SignIn(u); err != nil {
			t.Error(err)
		}
		c.String(http.StatusOK, "%s", c.Token())
	}))
	w := httptest.NewRecorder()
	x.router.ServeHTTP(w, request("POST", "/token/1", ""))
	r := request("GET", "/", "")
	r.Header.Set("Authorization", "Bearer "+w.Body.String())
	wantAllocs(t, "a cached request by Bearer", x.router, r, 3)
}

func TestAllocationsOfRequestsThatFindNobody(t *testing.T) { //nolint:paralleltest // they are counted
	x := newBench(t, nil)
	cookie := []byte(x.signIn(t, 1))
	cookie[len(cookie)-10] ^= 1
	x.router.GET("/any", func(*gin.Context) {})
	wantAllocs(t, "a request without a cookie", x.router, request("GET", "/any", ""), 3)
	wantAllocs(t, "a request with an unknown token", x.router, request("GET", "/any", string(cookie)), 3)
}

func TestAllocationsOfReloadAndSync(t *testing.T) { //nolint:paralleltest // they are counted
	x := newBench(t, nil)
	x.router.GET("/reload", x.auth.Reload(), func(*gin.Context) {})
	x.router.POST("/keep", powgin.Handle(func(c *powgin.Context[benchUser]) {
		if err := c.SyncUser(c.MustUser(), powgin.KeepSession()); err != nil {
			t.Error(err)
		}
	}))
	cookie := x.signIn(t, 1)
	wantAllocs(t, "a reload", x.router, request("GET", "/reload", cookie), 22)
	wantAllocs(t, "a sync that keeps the token", x.router, request("POST", "/keep", cookie), 36)
}
