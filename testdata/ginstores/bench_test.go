package ginstores

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	gormsessions "github.com/gin-contrib/sessions/gorm"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// A lane is a route and a request that it answers with 200.
type lane struct {
	name    string
	router  *gin.Engine
	request *http.Request
}

// BenchmarkTransports reports what a cached request costs by each transport, as
// multiples of the floor: a look-up of a token in a cookie that is written by
// hand, with no structure of a library. Beside them stand apps that have
// gin-contrib/sessions alone and keep only the user's id there, without reading
// the user. All take turns, so that a machine whose speed drifts treats them
// alike; the figures are medians.
func BenchmarkTransports(b *testing.B) {
	const requests = 1000
	lanes := []lane{
		floorLane(b),
		powginLane(b, "Cookie", powgin.Cookie{}, nil),
		powginLane(b, "Bearer", powgin.Bearer{}, nil),
	}
	for _, s := range []struct {
		name string
		open func(b *testing.B) sessions.Store
	}{
		{"cookie", func(*testing.B) sessions.Store { return cookie.NewStore(signingKey) }},
		{"memstore", func(*testing.B) sessions.Store { return memstore.NewStore(signingKey) }},
		{"gorm", func(b *testing.B) sessions.Store { return gormsessions.NewStore(openDB(b), false, signingKey) }},
		{"redis", func(b *testing.B) sessions.Store {
			s, err := redis.NewStore(2, "tcp", server(b, "POWGIN_TEST_REDIS", "127.0.0.1:6379"), "", "", signingKey)
			must(b, err)
			must(b, redis.SetKeyPrefix(s, "ginstores:"+rand.Text()+":"))
			return s
		}},
	} {
		store := s.open(b)
		lanes = append(lanes, aloneLane(b, s.name+"-alone", store), powginLane(b, s.name+"-InSession", powgin.InSession{}, store))
	}
	times := make([][]float64, len(lanes))
	for b.Loop() {
		for i, l := range lanes {
			start := time.Now()
			for range requests {
				r := *l.request // gorilla/sessions leaves in a request what it has loaded
				l.router.ServeHTTP(httptest.NewRecorder(), &r)
			}
			times[i] = append(times[i], float64(time.Since(start))/requests)
		}
	}
	base := middle(times[0])
	b.ReportMetric(base, "ns-floor")
	for i, l := range lanes[1:] {
		b.ReportMetric(middle(times[i+1])/base, "x-"+l.name)
	}
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// powginLane is a site by this transport, with alice signed in.
func powginLane(b *testing.B, name string, by powgin.Transport, store sessions.Store) lane {
	auth := powgin.Must(powgin.New(powgin.Config[User]{
		Users: users{}, Transport: by, IdleTimeout: 24 * time.Hour, MaxAge: powgin.NoMaxAge,
	}))
	b.Cleanup(func() { _ = auth.Close() })
	l := lane{name: name, router: gin.New()}
	if store != nil {
		l.router.Use(sessions.Sessions("app", store))
	}
	l.router.Use(auth.Session())
	l.router.POST("/signin", powgin.Handle(func(c *Context) {
		if err := c.SignIn(User{"alice"}); err != nil {
			b.Error(err)
		}
		c.Header("Token", c.Token())
	}))
	l.router.GET("/", powgin.Handle(func(c *Context) {
		if _, ok := c.User(); !ok {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	}))
	return l.signedIn(b)
}

// aloneLane is a site that keeps the user's id in a session, and no more.
func aloneLane(b *testing.B, name string, store sessions.Store) lane {
	l := lane{name: name, router: gin.New()}
	l.router.Use(sessions.Sessions("app", store))
	l.router.POST("/signin", func(c *gin.Context) {
		s := sessions.Default(c)
		s.Set("user", "alice")
		if err := s.Save(); err != nil {
			b.Error(err)
		}
	})
	l.router.GET("/", func(c *gin.Context) {
		if _, ok := sessions.Default(c).Get("user").(string); !ok {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	})
	return l.signedIn(b)
}

// signedIn gives the lane its request, with what the sign-in has handed out.
func (l lane) signedIn(b *testing.B) lane {
	b.Helper()
	w := httptest.NewRecorder()
	l.router.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/signin", nil))
	l.request = httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range w.Result().Cookies() {
		l.request.AddCookie(c)
	}
	if token := w.Header().Get("Token"); token != "" {
		l.request.Header.Set("Authorization", "Bearer "+token)
	}
	return l.checked(b)
}

func (l lane) checked(b *testing.B) lane {
	b.Helper()
	w, r := httptest.NewRecorder(), *l.request
	l.router.ServeHTTP(w, &r)
	if w.Code != http.StatusOK {
		b.Fatalf("%s: GET / = %d; want 200", l.name, w.Code)
	}
	return l
}

// floorLane does what no look-up can do without.
func floorLane(b *testing.B) lane {
	type account struct {
		hash [32]byte
		ends time.Time
		user User
	}
	var mu sync.RWMutex
	token := make([]byte, 49)
	accounts := map[[16]byte]*account{
		[16]byte(token[1:17]): {sha256.Sum256(token[17:]), time.Now().Add(time.Hour), User{"alice"}},
	}
	type key struct{}
	l := lane{name: "floor", router: gin.New(), request: httptest.NewRequest(http.MethodGet, "/", nil)}
	l.router.Use(func(c *gin.Context) {
		cookie, err := c.Request.Cookie("app")
		if err != nil {
			return
		}
		b, err := base64.RawURLEncoding.DecodeString(cookie.Value)
		if err != nil || len(b) != len(token) {
			return
		}
		mu.RLock()
		a := accounts[[16]byte(b[1:17])]
		mu.RUnlock()
		if a == nil || a.hash != sha256.Sum256(b[17:]) || time.Now().After(a.ends) {
			return
		}
		var user any = a.user
		c.Set("current_user", user)
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), key{}, user))
	})
	l.router.GET("/", func(c *gin.Context) {
		if _, ok := c.Request.Context().Value(key{}).(User); !ok {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	})
	l.request.AddCookie(&http.Cookie{Name: "app", Value: base64.RawURLEncoding.EncodeToString(token)})
	return l.checked(b)
}
