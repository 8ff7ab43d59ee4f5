package main

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/powgin/powgin"
)

// signInForm is what the sign-in page shows again after a wrong try: never the
// password.
type signInForm struct {
	Email, Next, Error string
	Remember           bool
	Accounts           []account
	Domain             string // of the demo accounts
}

// remembered is how long a browser stays signed in that is asked to. On return
// after a longer pause it is known, but has to give the password for what needs
// a recent sign-in.
const remembered = 30 * 24 * time.Hour

func (s *site) signInPage(c *gin.Context) {
	next, _ := powgin.LocalPath(c.Query("next"))
	showSignIn(c, http.StatusOK, signInForm{Next: next})
}

func showSignIn(c *gin.Context, status int, form signInForm) {
	if tellFault(c, form.Error) {
		return
	}
	form.Accounts, form.Domain = demoAccounts, demoDomain
	render(c, status, "signin.html", page{Title: "Sign in", Data: form})
}

func (s *site) signIn(c *Context) {
	email := c.Request.PostForm.Get("email")
	// LocalPath refuses what leads away from this site.
	next, ok := powgin.LocalPath(c.Request.Form.Get("next"))
	if !ok {
		next = ""
	}
	user, ok, err := s.authenticate(c.Request.Context(), email, c.Request.PostForm.Get("password"))
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	remember := c.Request.PostForm.Has("remember")
	if !ok {
		showSignIn(c.Context, http.StatusUnprocessableEntity, signInForm{
			Email:    email,
			Next:     next,
			Remember: remember,
			Error:    "This e-mail address and password do not belong together.",
		})
		return
	}
	// A new session with a new token, whatever the browser sent before.
	options := []powgin.SignInOption{powgin.Method("password")}
	if remember {
		options = append(options, powgin.Remember(remembered))
	}
	if err := c.SignIn(user, options...); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	if next == "" {
		next = "/profile"
	}
	signedIn(c, next)
}

// signedIn answers a sign-in: a browser has its cookie and goes on. A program
// is handed its token, whatever it asked for: without it the session is lost.
func signedIn(c *Context, next string) {
	if token := c.Token(); token != "" {
		c.JSON(http.StatusOK, gin.H{"token": token})
		return
	}
	c.Redirect(http.StatusSeeOther, next)
}

// authenticate finds the user with this e-mail address and password. Its
// answer is the same, and takes as long, for an unknown address and for a
// wrong password.
func (s *site) authenticate(ctx context.Context, email, password string) (User, bool, error) {
	var user User
	// No address holds these, and some databases fail on them.
	if utf8.ValidString(email) && !strings.Contains(email, "\x00") {
		found, ok, err := s.users.byEmail(ctx, email)
		if err != nil {
			return User{}, false, err
		}
		// Some databases compare without regard to case.
		if ok && found.Email == email {
			user = found
		}
	}
	ok, err := s.passwords.match(ctx, user.PasswordHash, password)
	if err != nil || !ok {
		return User{}, false, err
	}
	return user, true, nil
}

// signOut ends this session. Whoever is signed out already is sent on as well.
func (s *site) signOut(c *Context) {
	if err := c.SignOut(); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	signedOut(c)
}

// signOutEverywhere ends every session of the user, then tidies this browser.
func (s *site) signOutEverywhere(c *Context) {
	if err := s.auth.RevokeUser(c.Request.Context(), s.auth.Key(c.MustUser())); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	if err := c.SignOut(); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	signedOut(c)
}

func signedOut(c *Context) {
	// What the browser kept of this site goes too. Browsers obey over HTTPS.
	c.Header("Clear-Site-Data", `"cache"`)
	c.Redirect(http.StatusSeeOther, "/login")
}
