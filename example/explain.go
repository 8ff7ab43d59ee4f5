package main

import (
	"net/http"

	"github.com/powgin/powgin"
)

// explained is the page that answers "why is this user stale?".
type explained struct {
	Email   string
	Request *powgin.Explanation // of the admin's own request, nil for another user
	Account powgin.AccountExplanation
}

// explainPage tells why this very request sees the user that it sees.
func (s *site) explainPage(c *Context) {
	x, err := s.auth.Explain(c.Context)
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	if wantsJSON(c.Context) {
		c.JSON(http.StatusOK, x)
		return
	}
	s.showExplained(c, explained{c.MustUser().Email, &x, x.Account})
}

// explainUserPage tells what the cache holds of any user.
func (s *site) explainUserPage(c *Context) {
	ctx := c.Request.Context()
	user, ok, err := s.userAt(ctx, c.Param("id"))
	if err == nil && !ok {
		showError(c.Context, http.StatusNotFound)
		return
	}
	var account powgin.AccountExplanation
	if err == nil {
		account, err = s.auth.ExplainUser(ctx, s.auth.Key(user))
	}
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	if wantsJSON(c.Context) {
		c.JSON(http.StatusOK, account)
		return
	}
	s.showExplained(c, explained{Email: user.Email, Account: account})
}

func (s *site) showExplained(c *Context, x explained) {
	render(c.Context, http.StatusOK, "explain.html", s.member(c, "Explain", true, x))
}
