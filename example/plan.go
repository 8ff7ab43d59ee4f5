package main

import (
	"net/http"

	"github.com/powgin/powgin"
)

// planForm is the plan page: the choices, and what was wrong with the last one.
type planForm struct {
	Plans []plan
	Error string
}

func (s *site) planPage(c *Context) { s.showPlans(c, http.StatusOK, "") }

func (s *site) showPlans(c *Context, status int, fault string) {
	if tellFault(c.Context, fault) {
		return
	}
	render(c.Context, status, "plan.html", s.member(c, "Plan", false, planForm{plans, fault}))
}

// changePlan writes the user's plan, then syncs the user: the cached copy is
// read again from the row and the session gets a new token. Everything that
// follows in this browser, and in the user's others, sees the new plan.
func (s *site) changePlan(c *Context) {
	plan := c.Request.PostForm.Get("plan")
	if !isPlan(plan) {
		s.showPlans(c, http.StatusUnprocessableEntity, "Please choose one of these plans.")
		return
	}
	user := c.MustUser()
	if err := s.users.setPlan(c.Request.Context(), user.ID, plan); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	// After the write is committed: inside a transaction it would read the old row.
	if err := c.SyncUser(user); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	setFlash(c.Context, "Plan updated successfully.")
	c.Redirect(http.StatusSeeOther, "/profile")
}
