package powgin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// A program calls an API with the token that it was given, and prints what it
// gets.
type program struct {
	api   http.Handler
	token string
}

func (p *program) call(method, path string) {
	r := httptest.NewRequest(method, "https://api.example"+path, nil)
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	w := httptest.NewRecorder()
	p.api.ServeHTTP(w, r)
	line := fmt.Sprintf("%s %s: %d", method, path, w.Code)
	var body struct{ Token, Plan string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		fmt.Println(line, err)
		return
	}
	if body.Plan != "" {
		line += " " + body.Plan
	}
	if body.Token != "" {
		p.token = body.Token
		line += " (new token)"
	}
	if challenge := w.Header().Get("WWW-Authenticate"); challenge != "" {
		line += " " + challenge
	}
	fmt.Println(line)
}

// An API for programs: POST /token hands a token out, the Authorization header
// brings it back.
func ExampleBearer() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Transport: powgin.Bearer{}}))
	defer auth.Close()

	router := gin.New()
	router.Use(auth.Session())
	router.POST("/token", powgin.Handle(func(c *Context) {
		if err := c.SignIn(userWith(1)); err != nil { // and check the password before
			powgin.Abort(c.Context, err)
			return
		}
		c.JSON(http.StatusOK, gin.H{"token": c.Token()})
	}))
	router.GET("/plan", auth.RequireUser(), powgin.Handle(func(c *Context) {
		c.JSON(http.StatusOK, gin.H{"plan": c.MustUser().Plan})
	}))

	client := &program{api: router}
	client.call("GET", "/plan")
	client.call("POST", "/token")
	client.call("GET", "/plan")
	client.token = "of nobody"
	client.call("GET", "/plan")

	// Output:
	// GET /plan: 401 Bearer
	// POST /token: 200 (new token)
	// GET /plan: 200 free
	// GET /plan: 401 Bearer error="invalid_token"
}

// After a change of what the user may do the old token should not go on for
// long. The new one is handed out even where SyncUser could not read the user
// again: the old one ends all the same.
func ExampleRotate() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Transport: powgin.Bearer{}}))
	defer auth.Close()

	router := gin.New()
	router.Use(auth.Session())
	router.POST("/token", powgin.Handle(func(c *Context) {
		if err := c.SignIn(userWith(1)); err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.JSON(http.StatusOK, gin.H{"token": c.Token()})
	}))
	router.POST("/upgrade", auth.RequireUser(), powgin.Handle(func(c *Context) {
		user := c.MustUser()
		if err := db.WithContext(c.Request.Context()).Model(&user).Update("plan", "pro").Error; err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		if err := c.SyncUser(user, powgin.Rotate(), powgin.Grace(0)); err != nil && c.Token() == "" {
			powgin.Abort(c.Context, err)
			return
		}
		c.JSON(http.StatusOK, gin.H{"token": c.Token()})
	}))
	router.GET("/plan", auth.RequireUser(), powgin.Handle(func(c *Context) {
		c.JSON(http.StatusOK, gin.H{"plan": c.MustUser().Plan})
	}))

	client := &program{api: router}
	client.call("POST", "/token")
	thief := &program{api: router, token: client.token}
	client.call("POST", "/upgrade")
	client.call("GET", "/plan")
	thief.call("GET", "/plan")

	// Output:
	// POST /token: 200 (new token)
	// POST /upgrade: 200 (new token)
	// GET /plan: 200 pro
	// GET /plan: 401 Bearer error="invalid_token"
}

// A token that lives for minutes, and one that gets the next: what a program on
// a phone keeps.
func ExampleRenewable() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Transport: powgin.Bearer{}}))
	defer auth.Close()

	handOut := func(c *Context, err error) {
		if err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.JSON(http.StatusOK, gin.H{"token": c.Token(), "renewal_token": c.RenewalToken()})
	}
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/token", powgin.Handle(func(c *Context) {
		handOut(c, c.SignIn(userWith(1), powgin.Renewable(90*24*time.Hour)))
	}))
	router.POST("/token/renew", powgin.Handle(func(c *Context) {
		handOut(c, c.Renew(c.PostForm("renewal_token")))
	}))

	post := func(path, renewalToken string) (renewal string) {
		form := strings.NewReader(url.Values{"renewal_token": {renewalToken}}.Encode())
		r := httptest.NewRequest(http.MethodPost, path, form)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		var body struct {
			RenewalToken string `json:"renewal_token"`
		}
		_ = json.Unmarshal(w.Body.Bytes(), &body)
		fmt.Println("POST", path, w.Code, "two tokens:", body.RenewalToken != "")
		return body.RenewalToken
	}
	first := post("/token", "")
	second := post("/token/renew", first)
	post("/token/renew", first)  // an answer was lost: the same two again
	post("/token/renew", second) // now they have been used
	post("/token/renew", first)  // so two have the first: the session ends

	// Output:
	// POST /token 200 two tokens: true
	// POST /token/renew 200 two tokens: true
	// POST /token/renew 200 two tokens: true
	// POST /token/renew 200 two tokens: true
	// POST /token/renew 401 two tokens: false
}
