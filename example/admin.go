package main

import (
	"context"
	"net/http"
	"strconv"

	"github.com/powgin/powgin"
)

// adminForm is the admin page: everyone's plan, and what was wrong with the
// last change.
type adminForm struct {
	Users []User
	Plans []plan
	Error string
}

func (s *site) adminPage(c *Context) { s.showUsers(c, http.StatusOK, "") }

func (s *site) showUsers(c *Context, status int, fault string) {
	if tellFault(c.Context, fault) {
		return
	}
	all, err := s.users.list(c.Request.Context())
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	p := s.member(c, "Users", true, adminForm{all, plans, fault})
	p.Flash = takeFlash(c.Context)
	render(c.Context, status, "admin.html", p)
}

// changeUserPlan changes another user's plan, as a job or a webhook would: not
// in one of that user's requests. Sync reads the user's cached copy again for
// all of their sessions; Regenerate gives each a new token at its next request.
func (s *site) changeUserPlan(c *Context) {
	ctx := c.Request.Context()
	user, ok, err := s.userAt(ctx, c.Param("id"))
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	if !ok {
		showError(c.Context, http.StatusNotFound)
		return
	}
	plan := c.Request.PostForm.Get("plan")
	if !isPlan(plan) {
		s.showUsers(c, http.StatusUnprocessableEntity, "Please choose one of the plans.")
		return
	}
	if err := s.users.setPlan(ctx, user.ID, plan); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	if err := s.auth.Sync(ctx, user, powgin.Regenerate()); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	setFlash(c.Context, user.Email+" is now on the plan "+plan+".")
	c.Redirect(http.StatusSeeOther, "/admin/users")
}

// userAt finds the user whose id stands in an address.
func (s *site) userAt(ctx context.Context, param string) (User, bool, error) {
	id, ok := userID(param)
	if !ok {
		return User{}, false, nil
	}
	return s.users.byID(ctx, id)
}

// userID reads an id from an address: decimal digits without a leading zero,
// and no more than a database holds.
func userID(s string) (uint, bool) {
	id, err := strconv.ParseUint(s, 10, strconv.IntSize-1)
	return uint(id), err == nil && id > 0 && strconv.FormatUint(id, 10) == s
}
