package ginstores

import (
	"net/http"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
)

// The situations of README.md's first table, in which an app has
// gin-contrib/sessions alone.
type alone struct {
	planted string // what a planted cookie reads once its victim has saved
	copied  string // what a copied cookie reads after Clear, MaxAge -1 and Save
	late    string // what the browser reads once a slow request has saved after that
	brief   string // what is kept of a session with MaxAge 0
}

var outcomes = map[string]alone{
	"cookie":           {"cart=stones", "cart=stones user=alice", "cart=stones note=slow user=alice", "cart=apples"},
	"memstore":         {"cart=stones user=alice", "", "cart=stones note=slow user=alice", "cart=apples"},
	"gorm":             {"cart=stones user=alice", "", "cart=stones note=slow user=alice", ""},
	"redis":            {"cart=stones user=alice", "", "cart=stones note=slow user=alice", ""},
	"postgres":         {"cart=stones user=alice", "", "", "cart=apples"},
	"memcached text":   {"cart=stones user=alice", "", "cart=stones note=slow user=alice", "cart=apples"},
	"memcached binary": {"cart=stones user=alice", "", "cart=stones note=slow user=alice", "cart=apples"},
	"mongo":            {"cart=stones user=alice", "", "cart=stones note=slow user=alice", "cart=apples"},
}

func TestAlone(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newAloneSite(t, open(t))
			if got, want := w.alone(), outcomes[name]; got != want {
				t.Errorf("what happens is\n\t%+v\nwant\n\t%+v\nor a correction here and in README.md", got, want)
			}
		})
	}
}

func (w *site) alone() (seen alone) {
	w.Helper()
	mallory := w.browser()
	mallory.post("/put", "key", "cart", "value", "stones")
	victim := mallory.clone()
	victim.post("/put", "key", "user", "value", "alice")
	seen.planted = mallory.Get("/values").Body

	copied, slow := victim.clone(), victim.clone()
	finish := w.start(slow)
	victim.post("/leave")
	seen.copied = copied.Get("/values").Body
	finish()
	seen.late = slow.Get("/values").Body

	brief := w.browser()
	brief.post("/brief")
	seen.brief = brief.Get("/values").Body
	return seen
}

// newAloneSite starts a site without powgin.
func newAloneSite(t *testing.T, s store) *site {
	t.Helper()
	w := &site{T: t, store: s, router: gin.New(), entered: make(chan struct{}), open: make(chan struct{})}
	s.Options(sessions.Options{Path: "/", MaxAge: 600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	w.router.Use(sessions.Sessions("app", s.Store))
	w.sessionRoutes()
	w.router.POST("/leave", func(c *gin.Context) {
		session := sessions.Default(c)
		session.Clear()
		session.Options(sessions.Options{Path: "/", MaxAge: -1})
		w.save(session)
	})
	return w
}
