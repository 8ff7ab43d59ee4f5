package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// An answer is how an error is told to a client: a status and a sentence that
// gives nothing away.
type answer struct {
	err    error
	status int
	detail string
}

// answers, the first that errors.Is finds counts.
var answers = []answer{
	{cache.ErrUnavailable, http.StatusServiceUnavailable, "The service cannot answer right now. Please try again."},
	{ErrNotSignedIn, http.StatusUnauthorized, "Please sign in."},
	{ErrReauthenticate, http.StatusUnauthorized, "Please sign in again to do this."},
	{ErrForbidden, http.StatusForbidden, "You may not do this."},
	{ErrCrossOrigin, http.StatusForbidden, "This request came from another site."},
	{cache.ErrInactive, http.StatusForbidden, "This account cannot be used."},
	{cache.ErrNoSession, http.StatusNotFound, "There is no such session."},
	{cache.ErrTooManySessions, http.StatusTooManyRequests, "You are signed in on too many devices."},
	{cache.ErrInGrace, http.StatusConflict, "Your session has just been renewed. Please try again."},
	{ErrOtherUser, http.StatusConflict, "This is another user's account."},
	{ErrNoSessionMiddleware, http.StatusInternalServerError, ErrNoSessionMiddleware.Error()},
	{ErrNoGinSession, http.StatusInternalServerError, ErrNoGinSession.Error()},
	{ErrSessionConflict, http.StatusInternalServerError, ErrSessionConflict.Error()},
}

func answerFor(err error) answer {
	for _, a := range answers {
		if errors.Is(err, a.err) {
			return a
		}
	}
	return answer{err, http.StatusInternalServerError, "Something went wrong on our side."}
}

// Abort ends the request with the answer that err is due: with the innermost
// Session's ways where one ran, plainly where none did.
func Abort(c *gin.Context, err error) {
	if s := stateIn(c); s != nil {
		s.auth.refuse(c, s, err)
		return
	}
	c.Abort()
	if ans := answerFor(err); !c.Writer.Written() {
		ans.head(c.Writer.Header())
		problem(c, ans)
	}
}

// refuse is the one place where requests are turned away.
func (a *Auth) refuse(c *gin.Context, s *State, err error) {
	c.Abort()
	ans := answerFor(err)
	if ans.status >= http.StatusInternalServerError {
		a.OnError(c.Request.Context(), err)
		if s != nil && !s.detached(c) {
			s.withdraw(c)
		}
	}
	if c.Writer.Written() {
		return
	}
	ans.head(c.Writer.Header())
	if a.Kind == cache.Bearer && ans.status == http.StatusUnauthorized {
		c.Header("WWW-Authenticate", challenge(c.Request, errors.Is(err, ErrReauthenticate)))
	}
	switch {
	case errors.Is(err, ErrNotSignedIn) && a.SignInPath != "" && a.redirects(c.Request):
		c.Redirect(http.StatusSeeOther, signInTarget(a.SignInPath, c.Request))
	case errors.Is(err, ErrReauthenticate) && a.ReauthPath != "" && a.redirects(c.Request):
		c.Redirect(http.StatusSeeOther, signInTarget(a.ReauthPath, c.Request))
	case a.Config.Refuse != nil:
		a.Config.Refuse(c, err)
	default:
		problem(c, ans)
	}
}

// head sets the headers that go with the answer however it is worded.
func (a answer) head(h http.Header) {
	h["Cache-Control"] = noStore
	if a.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
}

// turnAway ends a guest-only request of somebody who is signed in.
func (a *Auth) turnAway(c *gin.Context, s *State) {
	if a.HomePath != "" && a.redirects(c.Request) {
		c.Writer.Header()["Cache-Control"] = noStore
		c.Redirect(http.StatusSeeOther, a.HomePath)
		c.Abort()
		return
	}
	a.refuse(c, s, ErrForbidden)
}

// problem answers with problem details (RFC 9457).
func problem(c *gin.Context, a answer) {
	c.Header("Content-Type", "application/problem+json; charset=utf-8")
	c.AbortWithStatusJSON(a.status, gin.H{
		"type":   "about:blank",
		"title":  http.StatusText(a.status),
		"status": a.status,
		"detail": a.detail,
	})
}

// signInTarget is the sign-in page with the way back, which only a request
// that can be repeated as it was gets.
func signInTarget(path string, r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return path
	}
	next, ok := LocalPath(r.URL.RequestURI())
	if !ok {
		return path
	}
	joint := "?"
	if strings.Contains(path, "?") {
		joint = "&"
	}
	return path + joint + "next=" + url.QueryEscape(next)
}

// redirects reports whether the client is better served with another page than
// with a status. One that sends a bearer token is a program.
func (a *Auth) redirects(r *http.Request) bool { return a.Kind != cache.Bearer && prefersHTML(r) }

// prefersHTML reports whether the client is a browser that shows a page, or
// one that says nothing of what it wants. A script's fetch says that it is no
// navigation, and is better served with a status than with a page to sign in.
func prefersHTML(r *http.Request) bool {
	accept := strings.ToLower(strings.Join(r.Header.Values("Accept"), ","))
	html, json := strings.Index(accept, "text/html"), strings.Index(accept, "json")
	if html >= 0 {
		return json < 0 || html < json
	}
	mode := r.Header.Get("Sec-Fetch-Mode")
	return json < 0 && (mode == "" || mode == "navigate")
}

// Status returns the HTTP status that an error is answered with.
func Status(err error) int { return answerFor(err).status }
