package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
)

// A kind of contender; the pictures give each a color.
type kind int

const (
	others kind = iota
	floors      // what a look-up, or a read, cannot do without
	powgins
)

// A contender is one way to know who sends a request. Its name is unlike all
// others'.
type contender struct {
	name     string
	kind     kind
	against  []string // the contenders that it is held against, by name
	chart    bool     // the picture of its part shows it
	loopback bool     // it is measured over HTTP too
	// open starts it. An error that is an absent leaves it out.
	open func(w *world) (*app, error)
}

// A part of the table: contenders that have to do about the same.
type part struct {
	name, about string
	contenders  []contender
}

// parts are all contenders, in the order of the table.
func parts() []part {
	return []part{
		{"memory", "Nothing outside of the process is asked.", slices.Concat(
			floorContenders(), jwtContenders(), ginMemory(), scsMemory(), powginMemory())},
		{"read", "The user is read from SQLite at every request, by `db.First` where nothing else is said.", slices.Concat(
			gormReads("SQLite", (*world).sqlite), jwtReads(), ginReads(), scsReads(), powginReads())},
		{"postgres", "The user is read from PostgreSQL at every request.", slices.Concat(
			gormReads("PostgreSQL", (*world).postgres), ginPostgres(), powginPostgres())},
		{"stores", "Sessions are kept outside of the process.", slices.Concat(
			ginStores(), scsStores(), powginStores())},
		{"writes", "One column of one row is changed on SQLite, by `db.Model(&user).Update`.", writeContenders()},
	}
}

// An app is a contender that has been started.
type app struct {
	handler http.Handler
	request *http.Request // of alice, signed in
	says    string        // the answer to a request that asks who was seen
}

// ask sends the app's request once more, and returns an error unless its handler
// has seen the right user.
func (a *app) ask() error {
	r := a.request.Clone(a.request.Context())
	r.URL.RawQuery = tell
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Body.String() != a.says {
		return fmt.Errorf("GET / = %d %q; want 200 %q", w.Code, w.Body, a.says)
	}
	return nil
}

// newRequest returns a request as a server makes them: its context can be
// cancelled, which costs whoever waits for one.
func newRequest(w *world, method, path string) *http.Request {
	return httptest.NewRequest(method, "http://localhost"+path, nil).WithContext(w.ctx)
}

// signIn signs alice in by POST /signin, and makes the app's request one of hers:
// with the cookies that the answer sets, and its header Token as a bearer's.
func (a *app) signIn(w *world) (*app, error) {
	answer := httptest.NewRecorder()
	a.handler.ServeHTTP(answer, newRequest(w, http.MethodPost, "/signin"))
	if answer.Code != http.StatusOK {
		return nil, fmt.Errorf("POST /signin = %d %s; want 200", answer.Code, answer.Body)
	}
	a.request = newRequest(w, http.MethodGet, "/")
	for _, c := range answer.Result().Cookies() {
		a.request.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	if token := answer.Header().Get("Token"); token != "" {
		a.request.Header.Set("Authorization", "Bearer "+token)
	}
	return a, nil
}
