package powgintest_test

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// A homemade site keeps its sessions itself, in a map of ids, as many apps do.
// Its switches are the mistakes that are made with that.
type homemade struct {
	*roll
	grace    time.Duration // for App.Grace
	mu       sync.Mutex
	sessions map[string]string // guarded by mu: session id to user name, "" for a visitor
	leads    map[string]string // guarded by mu: old ids to those that replaced them

	visitors    bool // gives a session to everyone who comes
	atForm      bool // gives one to everyone who opens the sign-in form, and keeps its id
	adopts      bool // takes any id of the right length for one of its own
	guesses     bool // takes any id of the right length for alice's
	keepsID     bool // signs in without a new id, and out
	keepsOwn    bool // signs in without a new id where it is the same user
	keepsOther  bool // leaves a session of another user that is signed in already
	savesLate   bool // saves the session that a request began with at its end
	forgetsOnly bool // signs out by deleting the cookie alone
	keepsOld    bool // leaves the old session after a change of rights
	follows     bool // has old ids lead to the new session
	sendsBoth   bool // sends the old cookie and the new one
	mintsDead   bool // makes a new session of one that was ended meanwhile
	revives     bool // brings the old id back where it was ended meanwhile, and answers with another
	endsNew     bool // ends the new session as well, a little later
}

const sid = "sid"

func newHomemade(change func(*homemade)) *site {
	h := &homemade{roll: newRoll(), grace: -1, sessions: map[string]string{}, leads: map[string]string{}}
	if change != nil {
		change(h)
	}
	r := gin.New()
	r.Use(h.session)
	r.GET("/", func(*gin.Context) {})
	r.GET("/me", func(c *gin.Context) { c.String(http.StatusOK, user(c)) })
	r.GET("/live", h.member, h.showPlan)
	r.GET("/profile", h.member, h.showPlan)
	r.GET("/signin", func(*gin.Context) {})
	r.POST("/signin", h.signIn)
	r.POST("/signout", h.signOut)
	r.POST("/plan", h.member, func(c *gin.Context) { h.setPlan(user(c), c.PostForm("plan")) }, h.rotate)
	r.POST("/password", h.member, func(c *gin.Context) { _ = c.PostForm("password") }, h.rotate)
	return &site{h.roll, r, h.grace}
}

func user(c *gin.Context) string { return c.GetString("user") }

// session finds the request's session.
func (h *homemade) session(c *gin.Context) {
	id, _ := c.Cookie(sid) // "" where there is none
	name, known := h.find(id)
	alike := len(id) == len(rand.Text())
	form := c.Request.Method == http.MethodGet && c.Request.URL.Path == "/signin"
	switch {
	case known:
	case h.guesses && alike:
		name = "alice"
	case h.visitors || h.atForm && form:
		if !h.adopts || !alike {
			id = rand.Text()
		}
		h.save(id, "")
		send(c, id)
	}
	if next := h.next(id); h.follows && next != "" {
		id = next
		name, _ = h.find(id)
		send(c, id)
	}
	c.Set("id", id)
	c.Set("user", name)
	c.Next()
	if h.savesLate && user(c) != "" {
		h.save(c.GetString("id"), user(c))
	}
}

func send(c *gin.Context, id string) {
	c.SetCookieData(&http.Cookie{Name: sid, Value: id, Path: "/", HttpOnly: true, Secure: true})
}

func (h *homemade) find(id string) (name string, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name, known = h.sessions[id]
	return name, known
}

// next returns the id that has replaced this one, "" for none.
func (h *homemade) next(id string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.leads[id]
}

func (h *homemade) save(id, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[id] = name
}

func (h *homemade) end(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, id)
}

func (h *homemade) member(c *gin.Context) {
	if user(c) == "" {
		c.AbortWithStatus(http.StatusUnauthorized)
	}
}

func (h *homemade) showPlan(c *gin.Context) { c.String(http.StatusOK, h.plan(user(c))) }

func (h *homemade) signIn(c *gin.Context) {
	id, name := c.GetString("id"), c.PostForm("name")
	if h.keepsOther && user(c) != "" {
		return
	}
	keeps := h.keepsID || h.keepsOwn && name == user(c) || h.atForm && user(c) == ""
	if !keeps || id == "" {
		h.end(id)
		id = rand.Text()
		send(c, id)
	}
	h.save(id, name)
	c.Set("id", id)
	c.Set("user", name)
}

func (h *homemade) signOut(c *gin.Context) {
	switch id := c.GetString("id"); {
	case h.forgetsOnly:
	case h.keepsID:
		h.save(id, "") // a visitor's from here on
		c.Set("user", "")
		return
	default:
		h.end(id)
	}
	c.Set("user", "")
	c.SetCookieData(&http.Cookie{Name: sid, Path: "/", MaxAge: -1, Secure: true})
}

// rotate gives the session a new id, where it has not been ended meanwhile.
func (h *homemade) rotate(c *gin.Context) {
	old := c.GetString("id")
	h.mu.Lock()
	name, live := h.sessions[old]
	id := rand.Text()
	if h.mintsDead {
		name, live = user(c), true
	}
	if live {
		h.sessions[id] = name
		h.leads[old] = id
	}
	if !h.keepsOld {
		delete(h.sessions, old)
	}
	h.mu.Unlock()
	if !live && h.revives {
		h.save(old, user(c))
		send(c, id)
	}
	if !live {
		return
	}
	if h.endsNew {
		time.AfterFunc(time.Second, func() { h.end(id) })
	}
	if h.sendsBoth {
		send(c, old)
	}
	send(c, id)
	c.Set("id", id)
}
