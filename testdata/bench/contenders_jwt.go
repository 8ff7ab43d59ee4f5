package main

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	ginjwt "github.com/appleboy/gin-jwt/v2"
	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
)

// A bearer mounts a library of tokens in a router. It returns a token of alice's,
// and how handlers get at the id in it.
type bearer func(router gin.IRoutes) (token string, id hasID, err error)

func jwtContenders() []contender {
	return []contender{
		{name: "golang-jwt, id only", chart: true, loopback: true, open: jwtApp(golangJWT, nil)},
		{name: "gin-jwt, id only", chart: true, open: jwtApp(ginJWT, nil)},
	}
}

func jwtReads() []contender {
	return []contender{
		{name: "golang-jwt + db.First", chart: true, open: jwtApp(golangJWT, (*world).sqlite)},
		{name: "gin-jwt + db.First", open: jwtApp(ginJWT, (*world).sqlite)},
	}
}

// jwtApp is an app that finds the user's id in a token of the Authorization
// header, and reads the user where there is somewhere to read from.
func jwtApp(mount bearer, open opens) func(w *world) (*app, error) {
	return func(w *world) (*app, error) {
		router := gin.New()
		token, id, err := mount(router)
		if err != nil {
			return nil, err
		}
		says, err := id.serve(w, router, open)
		if err != nil {
			return nil, err
		}
		r := newRequest(w, http.MethodGet, "/")
		r.Header.Set("Authorization", "Bearer "+token)
		return &app{router, r, says}, nil
	}
}

// golangJWT checks tokens as the documentation of golang-jwt has it: of one
// algorithm, and with a time at which they end.
func golangJWT(router gin.IRoutes) (string, hasID, error) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: strconv.Itoa(int(alice.ID)), ExpiresAt: jwt.NewNumericDate(time.Now().Add(24 * time.Hour)),
	}).SignedString(signingKey)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
	key := func(*jwt.Token) (any, error) { return signingKey, nil }
	router.Use(func(c *gin.Context) {
		text, ok := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
		var claims jwt.RegisteredClaims
		if _, err := parser.ParseWithClaims(text, &claims, key); !ok || err != nil {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		c.Set("subject", claims.Subject)
	})
	return token, func(c *gin.Context) uint {
		id, _ := strconv.ParseUint(c.GetString("subject"), 10, 64)
		return uint(id)
	}, err
}

func ginJWT(router gin.IRoutes) (string, hasID, error) {
	const identity = "id"
	mw, err := ginjwt.New(&ginjwt.GinJWTMiddleware{
		Realm: "bench", Key: signingKey, Timeout: 24 * time.Hour, IdentityKey: identity,
		PayloadFunc: func(data any) ginjwt.MapClaims { return ginjwt.MapClaims{identity: data} },
	})
	if err != nil {
		return "", nil, err
	}
	router.Use(mw.MiddlewareFunc())
	token, _, err := mw.TokenGenerator(alice.ID)
	return token, func(c *gin.Context) uint {
		id, _ := c.MustGet(identity).(float64) // as JSON has numbers
		return uint(id)
	}, err
}
