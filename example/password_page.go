package main

import (
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/powgin/powgin"
)

// passwordMin is how short a password may be. (OWASP ASVS 5, 6.2.1)
const passwordMin = 8

func (s *site) passwordPage(c *Context) { s.showPassword(c, http.StatusOK, "") }

func (s *site) showPassword(c *Context, status int, fault string) {
	if tellFault(c.Context, fault) {
		return
	}
	render(c.Context, status, "password.html", s.member(c, "Password", false, fault))
}

// changePassword writes the new password, then syncs the user so that nobody who
// knew the old one stays signed in: no token that was replaced works on, and the
// user's other sessions end.
func (s *site) changePassword(c *Context) {
	user := c.MustUser()
	ctx := c.Request.Context()
	ok, err := s.confirms(c, c.Request.PostForm.Get("current"))
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	fault := passwordFault(c.Request.PostForm.Get("password"))
	if !ok {
		fault = "That is not your current password."
	}
	if fault != "" {
		s.showPassword(c, http.StatusUnprocessableEntity, fault)
		return
	}
	hash, err := s.passwords.hash(ctx, c.Request.PostForm.Get("password"))
	if err == nil {
		err = s.users.setPasswordHash(ctx, user.ID, hash)
	}
	if err == nil {
		err = s.endOthers(c, user)
	}
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	setFlash(c.Context, "Password updated successfully. All other sessions are signed out.")
	c.Redirect(http.StatusSeeOther, "/profile")
}

// endOthers leaves this session as the only one, with a new token. Where another
// request has just replaced the token this one cannot speak for the session any
// more, and all of them end: the user has to sign in with the new password.
func (s *site) endOthers(c *Context, user User) error {
	err := c.SyncUser(user, powgin.Grace(0), powgin.EndOthers())
	if errors.Is(err, powgin.ErrInGrace) {
		return s.auth.Sync(c.Request.Context(), user, powgin.RevokeSessions())
	}
	return err
}

// passwordFault tells what is wrong with a new password, "" for nothing. A public
// site also refuses passwords that are known from leaks.
func passwordFault(password string) string {
	switch {
	case utf8.RuneCountInString(password) < passwordMin:
		return "The new password needs 8 characters or more."
	case len(password) > passwordMax:
		return "The new password is too long: 72 bytes are the most."
	}
	return ""
}

// confirmForm is the page that asks a signed-in user for the password again.
type confirmForm struct{ Next, Error string }

func (s *site) confirmPage(c *Context) {
	next, _ := powgin.LocalPath(c.Query("next"))
	s.showConfirm(c, http.StatusOK, confirmForm{Next: next})
}

func (s *site) showConfirm(c *Context, status int, form confirmForm) {
	if tellFault(c.Context, form.Error) {
		return
	}
	render(c.Context, status, "confirm.html", s.member(c, "Confirm", false, form))
}

// confirm signs the user in once more: that is what makes a sign-in recent.
func (s *site) confirm(c *Context) {
	next, ok := powgin.LocalPath(c.Request.PostForm.Get("next"))
	if !ok {
		next = ""
	}
	ok, err := s.confirms(c, c.Request.PostForm.Get("password"))
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	if !ok {
		s.showConfirm(c, http.StatusUnprocessableEntity, confirmForm{next, "That is not your password."})
		return
	}
	if err := c.SignIn(c.MustUser(), powgin.Method("password")); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	if next == "" {
		next = "/password"
	}
	signedIn(c, next)
}

// confirms tells whether password is the signed-in user's. The current user has
// no hash, so their row is read.
func (s *site) confirms(c *Context, password string) (bool, error) {
	ctx := c.Request.Context()
	user, _, err := s.users.byID(ctx, c.MustUser().ID)
	if err != nil {
		return false, err
	}
	return s.passwords.match(ctx, user.PasswordHash, password)
}
