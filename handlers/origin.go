package handlers

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/powgin/powgin/cache"
)

// checkOrigin refuses unsafe requests from other sites, signed in or not: a
// forged sign-in puts the victim into the attacker's account. The check itself
// is net/http's, which goes by Sec-Fetch-Site and Origin and lets clients pass
// that send neither. (OWASP CSRF Prevention Cheat Sheet, "Fetch Metadata".)
//
// A bearer token is sent by no browser of its own accord, so nobody can forge a
// request that brings one.
func (a *Auth) checkOrigin(r *http.Request) error {
	if a.Kind == cache.Bearer {
		return nil
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil // what these change is the app's own fault
	}
	if a.CrossOrigin.Check(r) != nil {
		return ErrCrossOrigin
	}
	return nil
}

// warnInsecure says once that cookies are sent without Secure to more than
// this machine. It is never inferred from a request that this is right.
func (a *Auth) warnInsecure(r *http.Request) {
	if a.Kind == cache.Bearer || a.Cookie.Secure || a.InSession.Secure || isLoopback(r.Host) {
		return
	}
	a.warn.Do(func() {
		slog.Warn("powgin: Insecure is set for a host that is not this machine: session cookies travel unprotected", "host", r.Host)
	})
}

// isLoopback reports whether a request for host stayed on this machine. It
// runs on every request of a development set-up, and allocates nothing.
func isLoopback(host string) bool {
	if strings.HasPrefix(host, "[") {
		return strings.HasPrefix(host, "[::1]")
	}
	name, _, _ := strings.Cut(host, ":")
	return name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") || strings.HasPrefix(name, "127.")
}
