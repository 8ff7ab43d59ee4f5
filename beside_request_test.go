package powgin_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/gin-gonic/gin"
)

// gin.Engine.HandleContext empties the keys of a gin.Context, and runs Session
// once more.
func TestARouteEnteredAgainFindsTheUserUnderTheirKey(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.router.GET("/page", func(c *gin.Context) {
		u, _ := c.Get("current_user")
		user, _ := u.(User)
		c.String(http.StatusOK, user.Name)
	})
	a.router.GET("/old", func(c *gin.Context) {
		c.Request.URL.Path = "/page"
		a.router.HandleContext(c)
	})
	alice := a.signIn(1)
	alice.wantName("/page", "alice", "at its own address")
	alice.wantName("/old", "alice", "entered again")
}

// Middleware may keep a request that Session has seen, and put it back behind
// another Session.
func TestARequestFromBetweenTwoSessions(t *testing.T) {
	t.Parallel()
	s := newShop(t, "Config.Users", nil)
	s.mountShop(s.customers.Session(), func(c *gin.Context) { c.Set("between", c.Request) }, s.staff.Session(), func(c *gin.Context) {
		c.Request = c.MustGet("between").(*http.Request)
	})
	b := s.both()
	b.wantNames("carla", "sam", "with the request from between")
}

// net/http removes the files of an upload that it finds in the request which it
// made; Session hands on a copy.
func TestUploadsLeaveNoFilesBehind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for name, session := range map[string]bool{"without Session": false, "with Session": true} {
		t.Run(name, func(t *testing.T) {
			a, _ := newPeopleApp(t, nil)
			router := a.router
			if !session {
				router = gin.New()
			}
			router.MaxMultipartMemory = 1
			router.POST("/upload", func(c *gin.Context) {
				if _, err := c.FormFile("file"); err != nil {
					t.Error(err)
				}
				c.Status(http.StatusOK)
			})
			server := httptest.NewServer(router)
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			part, err := form.CreateFormFile("file", "cat.bin")
			if err == nil {
				_, err = part.Write(make([]byte, 20<<20))
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := form.Close(); err != nil {
				t.Fatal(err)
			}
			res, err := server.Client().Post(server.URL+"/upload", form.FormDataContentType(), &body)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			server.Close()
			left, err := os.ReadDir(dir)
			if err != nil || len(left) > 0 {
				t.Errorf("after an upload %d files are left, %v; want none", len(left), err)
			}
		})
	}
}

// A *gin.Context is a context.Context too, and most engines do not have it ask
// its request for values.
func TestAGinContextGivesTheTenantOfItsRequest(t *testing.T) {
	t.Parallel()
	a, _ := newTenantApp(t, nil)
	a.handle("POST", "/end-all", func(c *Context) {
		if err := a.auth.RevokeUser(c, "1"); err != nil {
			t.Error(err)
		}
	})
	red := a.visit("red")
	red.post("/end-all").want(http.StatusOK)
	red.get("/me").want(http.StatusUnauthorized)
}
