package powgin_test

import (
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// replacements are what an app's middleware may put in the place of a request.
// before is the request as the router got it.
var replacements = map[string]func(now, before *http.Request) *http.Request{
	"WithContext": func(now, _ *http.Request) *http.Request {
		return now.WithContext(context.WithValue(now.Context(), outerKey{}, "app"))
	},
	"a clone": func(now, _ *http.Request) *http.Request { return now.Clone(now.Context()) },
	"a clone with a deadline": func(now, _ *http.Request) *http.Request {
		ctx, cancel := context.WithCancel(now.Context())
		context.AfterFunc(now.Context(), cancel)
		return now.Clone(ctx)
	},
	"a copy": func(now, _ *http.Request) *http.Request { r := *now; return &r },
	"a new request in its context": func(now, _ *http.Request) *http.Request {
		return anew(now.Context(), now)
	},
	"a new request in no context": func(now, _ *http.Request) *http.Request {
		return anew(context.Background(), now)
	},
	"the request that the router got": func(_, before *http.Request) *http.Request { return before },
}

// anew makes a request that asks for the same as r.
func anew(ctx context.Context, r *http.Request) *http.Request {
	next, err := http.NewRequestWithContext(ctx, r.Method, r.URL.String(), r.Body)
	if err != nil {
		panic(err)
	}
	next.Header, next.Host = r.Header, r.Host
	return next
}

func TestMiddlewareMayReplaceTheRequest(t *testing.T) {
	t.Parallel()
	for name, replaced := range replacements {
		for place, at := range map[string][2]bool{"ahead of Session": {true, false}, "after Session": {false, true}, "on both sides": {true, true}} {
			t.Run(name+", "+place, func(t *testing.T) {
				t.Parallel()
				remember := func(c *gin.Context) { c.Set("before", c.Request) }
				replace := func(c *gin.Context) {
					c.Request = replaced(c.Request, c.MustGet("before").(*http.Request))
				}
				a, p := newPeopleApp(t, nil)
				ahead, after := []gin.HandlerFunc{remember}, []gin.HandlerFunc(nil)
				if at[0] {
					ahead = append(ahead, replace)
				}
				if at[1] {
					after = append(after, replace)
				}
				a.mountAround(ahead, after)
				wantWhole(t, a, p)
			})
		}
	}
}

func TestMiddlewareMayPutTheRequestBack(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	a.mountAround([]gin.HandlerFunc{func(c *gin.Context) {
		before := c.Request
		c.Next()
		c.Request = before
		u, ok := powgin.CurrentUser[User](c)
		if passed := c.FullPath() == "/me" && c.Writer.Status() == http.StatusOK; passed && (!ok || u.Name != "alice") {
			t.Errorf("after GET /me the middleware ahead finds %q, %v; want alice", u.Name, ok)
		}
	}}, []gin.HandlerFunc{func(c *gin.Context) {
		before := c.Request
		c.Request = before.WithContext(context.WithValue(before.Context(), outerKey{}, "app"))
		c.Next()
		c.Request = before
	}})
	wantWhole(t, a, p)
}

func TestTheRequestKeepsWhatItBrought(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.router.POST("/items/7/form", func(c *gin.Context) {
		c.String(http.StatusOK, "%s %s %s %s", c.Request.PathValue("id"), c.Request.Pattern, c.PostForm("field"), c.Query("q"))
	})
	a.router.POST("/items/7/upload", func(c *gin.Context) {
		file, err := c.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		c.String(http.StatusOK, "%s %d", file.Filename, file.Size)
	})
	a.router.POST("/items/7/body", func(c *gin.Context) {
		body, err := c.GetRawData()
		if err != nil {
			t.Error(err)
		}
		c.String(http.StatusOK, "%s, %s", body, c.Request.Context().Value(outerKey{}))
	})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /app/items/{id}/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), outerKey{}, "outermost"))
		http.StripPrefix("/app", a.router).ServeHTTP(w, r)
	})
	alice := a.signIn(1)
	var upload strings.Builder
	form := multipart.NewWriter(&upload)
	part, err := form.CreateFormFile("file", "cat.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, "meow")
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	for path, tt := range map[string]struct{ contentType, body, want string }{
		"/app/items/7/form?q=8": {"application/x-www-form-urlencoded", url.Values{"field": {"value"}}.Encode(), "7 POST /app/items/{id}/{rest...} value 8"},
		"/app/items/7/upload":   {form.FormDataContentType(), upload.String(), "cat.txt 4"},
		"/app/items/7/body":     {"text/plain", "as it is", "as it is, outermost"},
	} {
		res := alice.through(mux, "POST", path, func(r *http.Request) *http.Request {
			r.Body = io.NopCloser(strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.contentType)
			return r
		})
		if got := res.want(http.StatusOK).Body.String(); got != tt.want {
			t.Errorf("POST %s = %q; want %q", path, got, tt.want)
		}
	}
}

func TestHandlersOfNetHTTPKnowTheUser(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	type loggedKey struct{}
	logged := func(next http.Handler) http.Handler { // middleware as net/http has it
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), loggedKey{}, "logged")))
		})
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, ok := powgin.CurrentUser[User](r.Context())
		key, _ := powgin.UserKey(r.Context())
		_, _ = fmt.Fprintf(w, "%s %v %s %v %v", u.Name, ok, key, r.Context().Value(loggedKey{}), r.Context().Value(outerKey{}))
	})
	a.mountAround([]gin.HandlerFunc{func(c *gin.Context) {
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), outerKey{}, "outer"))
	}}, nil)
	a.router.GET("/wrapped", gin.WrapH(logged(hello)))
	a.router.GET("/wrapped-f", gin.WrapF(logged(hello).ServeHTTP))
	a.router.GET("/wrapped-guarded", a.auth.RequireUser(), gin.WrapH(logged(hello)))
	alice := a.signIn(1)
	for _, path := range []string{"/wrapped", "/wrapped-f", "/wrapped-guarded"} {
		if got, want := alice.get(path).want(http.StatusOK).Body.String(), "alice true 1 logged outer"; got != want {
			t.Errorf("GET %s = %q; want %q", path, got, want)
		}
	}
	if got, want := a.browser().get("/wrapped").Body.String(), " false  logged outer"; got != want {
		t.Errorf("GET /wrapped of nobody = %q; want %q", got, want)
	}
	a.browser().get("/wrapped-guarded").want(http.StatusUnauthorized)
	around := logged(a.router)
	if got := alice.through(around, "GET", "/wrapped", nil).Body.String(); got != "alice true 1 logged outer" {
		t.Errorf("GET /wrapped with middleware around the router = %q; want alice's page", got)
	}
}

func TestARouteMayBeEnteredAgain(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	a.handleSync("/sync")
	a.router.Any("/old/*path", func(c *gin.Context) {
		c.Request.URL.Path = c.Param("path")
		a.router.HandleContext(c)
	})
	alice := a.signIn(1)
	a.mark()
	old := alice.token()
	alice.get("/old/me").want(http.StatusOK).wantToken(old)
	p.setPlan("1", "pro")
	alice.wantPlan("/old/reload", "pro", "entered again")
	old = alice.token()
	alice.post("/old/sync").want(http.StatusOK).wantToken(old)
	alice.wantPlan("/me", "pro", "after a sync on a route entered again")
	a.browser().get("/old/me").want(http.StatusUnauthorized)
}
