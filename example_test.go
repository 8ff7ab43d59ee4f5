package powgin_test

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/powgin/powgin"
)

// The examples share a model, an alias and a small browser:
//
//	type User struct {
//		gorm.Model
//		Email        string
//		Plan         string
//		Locked       bool
//		PasswordHash string `powgin:"-"`
//	}
//
//	type Context = powgin.Context[User]

// exampleDB returns a database in memory with alice (1) and bob (2) in it.
func exampleDB() (db *gorm.DB, done func()) {
	db, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: ":memory:"}, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		panic(err)
	}
	pool, err := db.DB()
	if err != nil {
		panic(err)
	}
	pool.SetMaxOpenConns(1) // each connection would have a database of its own
	if err := db.AutoMigrate(&User{}); err != nil {
		panic(err)
	}
	users := []User{{Email: "alice@example.com", Plan: "free"}, {Email: "bob@example.com", Plan: "free"}}
	if err := db.Create(&users).Error; err != nil {
		panic(err)
	}
	return db, func() { _ = pool.Close() }
}

// userWith is a user of whom only the id is known.
func userWith(id uint) User { return User{Model: gorm.Model{ID: id}} }

// aliceSignsIn is a sign-in that trusts everyone to be alice.
var aliceSignsIn = powgin.Handle(func(c *Context) {
	if err := c.SignIn(userWith(1)); err != nil {
		powgin.Abort(c.Context, err)
	}
})

// showPlan answers with the plan of the current user.
var showPlan = powgin.Handle(func(c *Context) { c.String(http.StatusOK, c.MustUser().Plan) })

// A visitor is a browser that prints what it gets.
type visitor struct {
	site    http.Handler
	cookies map[string]string
}

func visit(site http.Handler) *visitor { return &visitor{site, map[string]string{}} }

func (v *visitor) get(path string) { v.do(http.MethodGet, path, "") }

// post sends a form, such as "plan=pro".
func (v *visitor) post(path, form string) { v.do(http.MethodPost, path, form) }

func (v *visitor) do(method, path, form string) {
	r := httptest.NewRequest(method, "https://app.example"+path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html")
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	v.site.ServeHTTP(w, r)
	line := fmt.Sprintf("%s %s: %d", method, path, w.Code)
	if to := w.Header().Get("Location"); to != "" {
		line += " to " + to
	} else if strings.HasPrefix(w.Header().Get("Content-Type"), "text/") {
		line += " " + w.Body.String()
	}
	for _, c := range w.Result().Cookies() {
		if v.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(v.cookies, c.Name)
			line += " (cookie deleted)"
		} else {
			line += " (new cookie)"
		}
	}
	fmt.Println(line)
}

// A set-up, and what a browser sees of it.
func Example() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	defer auth.Close()

	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", powgin.Handle(func(c *Context) {
		var user User
		if db.Where("email = ?", c.PostForm("email")).Limit(1).Find(&user); user.ID == 0 {
			c.String(http.StatusUnprocessableEntity, "no such user") // and check the password here
			return
		}
		if err := c.SignIn(user); err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.Redirect(http.StatusSeeOther, "/me")
	}))
	router.POST("/logout", powgin.Handle(func(c *Context) {
		if err := c.SignOut(); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	router.GET("/me", auth.RequireUser(), powgin.Handle(func(c *Context) {
		c.String(http.StatusOK, "hello, %s", c.MustUser().Email)
	}))

	browser := visit(router)
	browser.get("/me")
	browser.post("/login", "email=alice@example.com")
	browser.get("/me")
	browser.post("/logout", "")
	browser.get("/me")

	// Output:
	// GET /me: 401
	// POST /login: 303 to /me (new cookie)
	// GET /me: 200 hello, alice@example.com
	// POST /logout: 200 (cookie deleted)
	// GET /me: 401
}

// The short form, for apps that need nothing else of the Auth.
func ExampleSession() {
	db, done := exampleDB()
	defer done()

	router := gin.New()
	router.Use(powgin.Session(powgin.Config[User]{DB: db}))
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", powgin.RequireUser(), showPlan)

	browser := visit(router)
	browser.post("/login", "")
	browser.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /plan: 200 free
}

// A template gets the user like any other value.
func Example_template() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.SetHTMLTemplate(template.Must(template.New("page").Parse(
		`{{with .current_user}}signed in as {{.Email}}{{else}}nobody is signed in{{end}}`)))
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/", func(c *gin.Context) {
		user, _ := c.Get("current_user") // Config.ContextKey
		c.HTML(http.StatusOK, "page", gin.H{"current_user": user})
	})

	browser := visit(router)
	browser.get("/")
	browser.post("/login", "")
	browser.get("/")

	// Output:
	// GET /: 200 nobody is signed in
	// POST /login: 200 (new cookie)
	// GET /: 200 signed in as alice@example.com
}

// Browsers are sent to the sign-in page and back, others get a status.
func ExampleConfig_redirects() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{
		DB:         db,
		SignInPath: "/login", // for RequireUser
		HomePath:   "/home",  // for RequireGuest
	}))
	router := gin.New()
	router.Use(auth.Session())
	router.GET("/login", auth.RequireGuest(), func(c *gin.Context) { c.String(http.StatusOK, "a form") })
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)

	browser := visit(router)
	browser.get("/plan")
	browser.get("/login")
	browser.post("/login", "")
	browser.get("/login")

	// Output:
	// GET /plan: 303 to /login?next=%2Fplan
	// GET /login: 200 a form
	// POST /login: 200 (new cookie)
	// GET /login: 303 to /home
}

// Active locks people out: their sessions end, and they cannot sign in.
func ExampleConfig_active() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{
		DB:     db,
		Active: func(user User) bool { return !user.Locked },
	}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.Reload(), auth.RequireUser(), showPlan)

	browser := visit(router)
	browser.post("/login", "")
	db.Model(&User{}).Where("id = ?", 1).Update("locked", true)
	browser.get("/plan")
	browser.post("/login", "")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /plan: 401 (cookie deleted)
	// POST /login: 403
}

// Refuse answers what powgin refuses, in the app's own words.
func ExampleConfig_refuse() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{
		DB: db,
		Refuse: func(c *gin.Context, err error) {
			status := powgin.AbortStatus(err)
			c.String(status, "sorry: %s", http.StatusText(status))
		},
	}))
	router := gin.New()
	router.Use(auth.Session())
	router.GET("/plan", auth.RequireUser(), showPlan)

	visit(router).get("/plan")

	// Output:
	// GET /plan: 401 sorry: Unauthorized
}
