package main

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/powgin/powgin"
)

// refuse answers what powgin refuses, and what a handler hands to powgin.Abort.
// Anonymous visitors who want a page are on their way to /login by then,
// OnError has been told of what failed, and a 503 has its Retry-After.
func (s *site) refuse(c *gin.Context, err error) {
	if s.cfg.tokens == "bearer" {
		preferJSON(c) // whoever sends no cookies is no browser
	}
	status := powgin.AbortStatus(err)
	text := explanations[status]
	if errors.Is(err, powgin.ErrCrossOrigin) {
		text = "This request came from another site, so nothing was done."
	}
	p := page{}
	if user, ok := powgin.CurrentUser[User](c.Request.Context()); ok {
		p.User = &user
		// Only the groups that reload the user ask who may come in.
		p.Source.Database = errors.Is(err, powgin.ErrForbidden)
	}
	answerError(c, status, text, p)
}

// explanations is what error pages say. They tell nothing of the inside: that
// is in the log.
var explanations = map[int]string{
	http.StatusBadRequest:            "The form arrived damaged. Please go back and send it again.",
	http.StatusUnauthorized:          "Please sign in first.",
	http.StatusForbidden:             "This page is not open to you.",
	http.StatusNotFound:              "There is nothing here. It may have been here once.",
	http.StatusMethodNotAllowed:      "This address does not take that kind of request.",
	http.StatusConflict:              "Something else was just changed. Please try again.",
	http.StatusRequestEntityTooLarge: "That was more than a form can hold.",
	http.StatusTooManyRequests:       "You are signed in on as many devices as an account may have.",
	http.StatusInternalServerError:   "Something went wrong on our side, and we have made a note of it.",
	http.StatusServiceUnavailable:    "We cannot reach our data just now. Please try again in a moment.",
}

// showError ends a request that powgin has no part in: no user is looked for.
func showError(c *gin.Context, status int) {
	answerError(c, status, explanations[status], page{})
}

// answerError ends the request with an error page, or with JSON where that is
// wanted.
func answerError(c *gin.Context, status int, text string, p page) {
	c.Abort()
	c.Header("Cache-Control", "no-store")
	if wantsJSON(c) {
		c.JSON(status, gin.H{"error": text})
		return
	}
	p.Title = http.StatusText(status)
	p.Data = gin.H{"Status": status, "Text": text}
	render(c, status, "error.html", p)
}

// tellFault answers a form that was filled in wrongly with JSON, where that is
// wanted. Where it returns false the form is to be shown again.
func tellFault(c *gin.Context, fault string) bool {
	if fault == "" || !wantsJSON(c) {
		return false
	}
	c.JSON(http.StatusUnprocessableEntity, gin.H{"error": fault})
	return true
}
