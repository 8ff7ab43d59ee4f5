package powgin_test

import (
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// rowKey is a key of 16 bytes with a text form, as uuid packages have it.
type rowKey [16]byte

func newRowKey(first byte) rowKey { return rowKey{first, 15: 0xff} }

// String is its text form.
func (k rowKey) String() string { return hex.EncodeToString(k[:8]) + "-" + hex.EncodeToString(k[8:]) }

// MarshalText implements encoding.TextMarshaler.
func (k rowKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *rowKey) UnmarshalText(text []byte) error {
	if len(text) != 33 || text[16] != '-' {
		return errors.New("a key is two times 16 digits")
	}
	_, err := hex.Decode(k[:], append(slices.Clone(text[:16]), text[17:]...))
	return err
}

// Value implements driver.Valuer.
func (k rowKey) Value() (driver.Value, error) { return k.String(), nil }

// Scan implements sql.Scanner.
func (k *rowKey) Scan(src any) error { return k.UnmarshalText(fmt.Append(nil, src)) }

// GormDataType says what the column is.
func (rowKey) GormDataType() string { return "text" }

// A keyedSite is an app whose three users have keys of any kind.
type keyedSite[U any] struct {
	testing.TB
	db     *gorm.DB
	auth   *powgin.Auth[U]
	router *gin.Engine
	users  []*browser
}

// newKeyed starts an app in which these users are signed in.
func newKeyed[U any](t testing.TB, plan func(U) string, users ...U) *keyedSite[U] {
	t.Helper()
	return newKeyedWith(t, func(*powgin.Config[U]) {}, plan, users...)
}

// newKeyedWith is newKeyed with a Config that change alters.
func newKeyedWith[U any](t testing.TB, change func(*powgin.Config[U]), plan func(U) string, users ...U) *keyedSite[U] {
	t.Helper()
	s := &keyedSite[U]{TB: t, db: openFollowed(t, gorm.Config{}, new(U)).db, router: gin.New()}
	for i := range users {
		noError(t, s.db.Create(&users[i]).Error)
	}
	cfg := powgin.Config[U]{DB: s.db, MaxAge: powgin.NoMaxAge, Transport: powgin.Cookie{Insecure: true}}
	change(&cfg)
	s.auth = open(t, cfg)
	noError(t, s.db.Use(s.auth))
	s.router.Use(s.auth.Session())
	s.router.POST("/in/:i", powgin.Handle(func(c *powgin.Context[U]) {
		i, _ := strconv.Atoi(c.Param("i"))
		if err := c.SignIn(users[i]); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	s.router.GET("/plan", s.auth.RequireUser(), powgin.Handle(func(c *powgin.Context[U]) { c.String(http.StatusOK, plan(c.MustUser())) }))
	a := &app{TB: t, router: s.router}
	for i := range users {
		b := a.browser()
		b.post(fmt.Sprint("/in/", i)).want(http.StatusOK)
		s.users = append(s.users, b)
	}
	return s
}

// wantExact runs a write of a plan of that name, and fails the test unless exactly
// these users are read from the database afterwards.
func (s *keyedSite[U]) wantExact(what string, write func(db *gorm.DB) error, changed ...int) {
	s.Helper()
	plans := s.wantAnnounced(what, write, changed...)
	for i, plan := range plans {
		if slices.Contains(changed, i) && len(changed) < len(s.users) && plan != what {
			s.Errorf("%s: user %d sees the plan %q; want that of the row", what, i, plan)
		}
	}
}

// wantAnnounced is wantExact for a write of anything else. It returns the plans that
// everybody sees.
func (s *keyedSite[U]) wantAnnounced(what string, write func(db *gorm.DB) error, changed ...int) (plans []string) {
	s.Helper()
	for _, b := range s.users {
		b.get("/plan").want(http.StatusOK)
	}
	noError(s, write(s.db))
	var got []int
	for i, b := range s.users {
		before := s.auth.Stats().Misses
		plans = append(plans, b.get("/plan").want(http.StatusOK).Body.String())
		if s.auth.Stats().Misses > before {
			got = append(got, i)
		}
	}
	if !slices.Equal(got, changed) {
		s.Errorf("%s: the users %v are read from the database; want %v", what, got, changed)
	}
	return plans
}
