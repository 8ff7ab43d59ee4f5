package powgintest

import (
	"net/http"
	"sync"
)

// A visitor is somebody with a browser at the site of Exercise.
type visitor struct {
	*Browser
	c     *cluster
	query string // added to every path, for middleware that a promise has put ahead
}

func (c *cluster) visitor() *visitor { return &visitor{Browser: NewBrowser(c.TB, c.site), c: c} }

// signIn returns a visitor who has signed in at a node.
func (c *cluster) signIn(node, user string) *visitor {
	c.Helper()
	v := c.visitor()
	v.signIn(node, user)
	return v
}

// clone returns another visitor with the same cookies.
func (v *visitor) clone() *visitor { return &visitor{v.Clone(), v.c, v.query} }

// An answered request, with what is needed to tell of it.
type answered struct {
	*Response
	v    *visitor
	what string
}

func (v *visitor) get(path string) answered {
	return answered{v.Get(path + v.query), v, "GET " + path}
}

func (v *visitor) post(path string, fields ...string) answered {
	return answered{v.PostForm(path+v.query, fields...), v, "POST " + path}
}

// held sends a request whose read of the user waits, runs meanwhile, and
// returns the answer that the request gets when its read may go on.
func (c *cluster) held(send func() answered, meanwhile func()) (a answered) {
	g, done := c.users.holdNext(), make(chan struct{})
	go func() {
		defer close(done)
		a = send()
	}()
	select {
	case <-g.reached: // it has seen the account and the row, and acts on them later
	case <-done:
	}
	defer func() { // also where meanwhile ends the test
		close(g.open)
		<-done
	}()
	meanwhile()
	return
}

func (v *visitor) signIn(node, user string) {
	v.c.Helper()
	v.post(node+"/signin", "user", user).want(http.StatusOK).wantCookie(true)
}

// token returns the value of the visitor's cookie, "" for none.
func (v *visitor) token() string {
	for _, k := range v.Cookies() {
		if k.Name == v.c.cookieName() {
			return k.Value
		}
	}
	return ""
}

// with returns a visitor of the same site whose cookie has this value.
func (c *cluster) with(token string) *visitor {
	v := c.visitor()
	v.SetCookies(&http.Cookie{Name: c.cookieName(), Value: token, Path: "/", Secure: true})
	return v
}

// want fails the proof where the answer has another status.
func (a answered) want(status int) answered {
	a.v.c.Helper()
	if a.Status != status {
		a.v.c.Fatalf("%s = %d %s; want %d", a.what, a.Status, a.Body, status)
	}
	return a
}

// wantCookie checks that the answer changes the visitor's cookie, or leaves it.
func (a answered) wantCookie(want bool) answered {
	a.v.c.Helper()
	if got := a.setsCookie(); got != want {
		a.v.c.Errorf("%s sets a cookie: %t; want %t", a.what, got, want)
	}
	return a
}

// shows returns what the answer says, which must be one of the site's.
func (a answered) shows() identity {
	a.v.c.Helper()
	id, ok := a.read()
	if !ok {
		a.v.c.Fatalf("%s = %d %s; want 200 and a user", a.what, a.Status, a.Body)
	}
	return id
}

// wantUser checks that both nodes take the visitor for this user, with the row
// as it is now.
func (v *visitor) wantUser(key string) {
	v.c.Helper()
	want, _, _, _ := v.c.users.read(key)
	for _, node := range []string{left, right} {
		if got := v.get(node + "/who").shows().User; got != want {
			v.c.Errorf("GET %s/who shows %+v; want %+v", node, got, want)
		}
	}
}

// wantNobody checks that neither node knows the visitor.
func (v *visitor) wantNobody(why string) {
	v.c.Helper()
	for _, node := range []string{left, right} {
		a := v.get(node + "/who").want(http.StatusOK).wantCookie(false)
		if id := a.shows(); id.User != (resident{}) || id.Session.ID != "" {
			v.c.Errorf("%s: %s shows %s; want nobody", why, a.what, a.Body)
		}
		v.get(node + "/member").want(http.StatusUnauthorized)
	}
}

// atOnce runs n functions at the same time and waits for all of them.
func atOnce(n int, f func(i int)) {
	start := make(chan struct{})
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wait.Wait()
}
