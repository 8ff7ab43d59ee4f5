package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"
)

// formLimit bounds the body of a form. Ours have a few short fields.
const formLimit = 64 << 10

// recovery answers a panic with the error page. gin.Recovery also prints the
// request with its headers, and among them is the session cookie.
func recovery(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares like this too
			panic(cause)
		}
		slog.ErrorContext(c.Request.Context(), "handler panicked", "method", c.Request.Method,
			"route", c.FullPath(), "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
		if c.Writer.Written() {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
		showError(c, http.StatusInternalServerError)
	}()
	c.Next()
}

// The pages use our own style sheet and icon, send forms to us, and run no
// script at all, but for the live page; nobody may frame them.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func securityHeaders(secure bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		h := c.Writer.Header()
		h.Set("Cache-Control", "no-store") // what may be kept says so itself
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: with that, browsers send "Origin: null" with our own
		// forms, and the origin is what tells them from a stranger's.
		h.Set("Referrer-Policy", "same-origin")
		if secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		c.Next()
	}
}

// parseForm reads the body of a POST and refuses what is too long or broken. A
// body that is no form at all parses as an empty one, which the handler refuses.
func parseForm(c *gin.Context) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, formLimit)
	if err := c.Request.ParseForm(); err != nil {
		refuseBody(c, err)
	}
}

func refuseBody(c *gin.Context, err error) {
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		showError(c, http.StatusRequestEntityTooLarge)
		return
	}
	showError(c, http.StatusBadRequest)
}

// parseSignIn is parseForm for a form that programs may send as a JSON object.
func parseSignIn(c *gin.Context) {
	parseForm(c)
	if c.IsAborted() || c.ContentType() != gin.MIMEJSON {
		return
	}
	preferJSON(c)
	var fields struct{ Email, Password string }
	body, err := io.ReadAll(c.Request.Body)
	if err == nil {
		err = json.Unmarshal(body, &fields)
	}
	if err != nil {
		refuseBody(c, err)
		return
	}
	c.Request.PostForm.Set("email", fields.Email)
	c.Request.PostForm.Set("password", fields.Password)
}
