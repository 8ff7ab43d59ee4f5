package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// bareRoute knows nobody; theFloor is the contender that all ratios are of.
const (
	bareRoute = "bare route"
	theFloor  = "floor: a look-up written by hand"
)

func floorContenders() []contender {
	return []contender{
		{
			name: bareRoute, kind: floors, chart: true, loopback: true,
			open: func(w *world) (*app, error) {
				router := gin.New()
				router.GET("/", func(c *gin.Context) { seenID(c, alice.ID) })
				return &app{router, newRequest(w, http.MethodGet, "/"), saysID}, nil
			},
		},
		{name: theFloor, kind: floors, chart: true, loopback: true, open: floorOf(parse)},
		{name: "floor, its answer not to be stored", kind: floors, loopback: true, open: floorOf(parse, func(c *gin.Context) {
			c.Header("Cache-Control", "no-store")
		})},
		{name: "floor, its header scanned by hand", kind: floors, open: floorOf(scan)},
	}
}

// A floor is a session look-up with no structure of a library: what none can do
// without.
type floor struct {
	cookie   func(r *http.Request, name string) string
	mu       sync.RWMutex
	accounts map[[16]byte]*floorAccount // guarded by mu
}

type floorAccount struct {
	hash                  [32]byte
	renewed, ends, loaded int64
	user                  *User
}

type floorKey struct{}

var floorText = base64.RawURLEncoding.Strict()

// session finds the request's user: it decodes the cookie, hashes the secret in
// it, looks the account up, checks its times, and hands on a copy of the user.
func (f *floor) session(c *gin.Context) {
	value := f.cookie(c.Request, "floor")
	if len(value) != 66 {
		return
	}
	var text, token [66]byte
	copy(text[:], value)
	if _, err := floorText.Decode(token[:], text[:]); err != nil {
		return
	}
	hash := sha256.Sum256(token[17:49])
	f.mu.RLock()
	a := f.accounts[[16]byte(token[1:17])]
	f.mu.RUnlock()
	now := time.Now().UnixNano()
	if a == nil || a.hash != hash || now > a.ends ||
		now-a.renewed > int64(12*time.Hour) || now-a.loaded > int64(12*time.Hour) {
		return
	}
	var user any = *a.user
	c.Set("current_user", user)
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), floorKey{}, user))
}

// floorOf is an app whose handlers also run those given, behind the look-up.
func floorOf(cookie func(*http.Request, string) string, also ...gin.HandlerFunc) func(w *world) (*app, error) {
	return func(w *world) (*app, error) {
		token := make([]byte, 49)
		for i := range token {
			token[i] = byte(i)
		}
		now, user := time.Now(), alice
		f := &floor{cookie: cookie, accounts: map[[16]byte]*floorAccount{
			[16]byte(token[1:17]): {
				hash: sha256.Sum256(token[17:]), user: &user,
				renewed: now.UnixNano(), loaded: now.UnixNano(), ends: now.Add(24 * time.Hour).UnixNano(),
			},
		}}
		router := gin.New()
		router.Use(f.session)
		router.Use(also...)
		router.GET("/", func(c *gin.Context) {
			u, _ := c.Request.Context().Value(floorKey{}).(User)
			seen(c, &u)
		})
		r := newRequest(w, http.MethodGet, "/")
		r.AddCookie(&http.Cookie{Name: "floor", Value: floorText.EncodeToString(token)})
		return &app{router, r, saysUser}, nil
	}
}

// parse returns a cookie's value as net/http reads it, "" for none.
func parse(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// scan does the same for values of one known form: it checks nothing else of the
// header, and allocates nothing.
func scan(r *http.Request, name string) string {
	for _, line := range r.Header["Cookie"] {
		for rest := line; rest != ""; {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			pair = strings.TrimLeft(pair, " ")
			if len(pair) > len(name) && pair[len(name)] == '=' && pair[:len(name)] == name {
				return pair[len(name)+1:]
			}
		}
	}
	return ""
}
