package recipes

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// ChangedUsers serves programs beside a site whose accounts live in its process.
// After their COMMIT they send the keys of users, as a signed JSON list, to every
// process of the site.
func ChangedUsers(auth *powgin.Auth[User], secret []byte) gin.HandlerFunc {
	return func(c *gin.Context) {
		body, ok := signedBody(c, secret)
		if !ok {
			return
		}
		var keys []string
		if err := json.Unmarshal(body, &keys); err != nil {
			c.AbortWithStatus(http.StatusBadRequest)
			return
		}
		answer(c, auth.Invalidate(c.Request.Context(), keys...))
	}
}
