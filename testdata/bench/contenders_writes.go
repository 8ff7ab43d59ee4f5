package main

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
)

func writeContenders() []contender {
	const alone = "UPDATE by id"
	return []contender{
		{name: alone, kind: floors, chart: true, open: updates(setup{})},
		{name: "UPDATE by id, with the GORM plugin", kind: powgins, chart: true, against: []string{alone}, open: updates(setup{plugin: true})},
	}
}

// updates is an app that changes alice's row at every request, while alice is
// signed in and was read into the cache.
func updates(s setup) func(w *world) (*app, error) {
	return func(w *world) (*app, error) {
		auth, db, err := s.auth(w)
		if err != nil {
			return nil, err
		}
		site, err := powginOver(w, auth, nil, nil)
		if err != nil {
			return nil, err
		}
		if err := site.ask(); err != nil {
			return nil, err
		}
		credits := alice.Credits
		router := gin.New()
		router.GET("/", func(c *gin.Context) {
			credits++
			err := db.WithContext(c.Request.Context()).Model(&User{ID: alice.ID}).Update("credits", credits).Error
			if err != nil {
				c.AbortWithStatus(http.StatusInternalServerError)
				return
			}
			if c.Request.URL.RawQuery == tell {
				afterwards(c, db, credits)
			}
		})
		return &app{router, newRequest(w, http.MethodGet, "/"), saysUser}, nil
	}
}

// afterwards tells who is in the row, if the change is.
func afterwards(c *gin.Context, db *gorm.DB, credits int64) {
	u, err := first(c.Request.Context(), db, alice.ID)
	if err != nil || u.Credits != credits {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	seen(c, &u)
}
