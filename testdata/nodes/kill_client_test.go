package nodes

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// grace is how long a token works on that SyncUser has replaced.
const grace = 5 * time.Second

// A surfer is one browser of a user's, whose requests go to either node. It is
// for one goroutine.
type surfer struct {
	*doomed
	name, token string
	session     string    // its ID
	till        time.Time // once it has lost a new token: how long its own is sure to work
	other       *surfer   // the user's other browser
	// calm is until when, in Unix ns, both of them only read since the answer to
	// a change was lost, so that nothing but MaxAge can show it. nil is never.
	calm *atomic.Int64
	rand *mathrand.Rand
	old  []relic
}

// A relic is a token that its browser has given up.
type relic struct{ token, session string }

// A reply is what was said to a request: nothing where the answer was lost.
type reply struct {
	status   int
	name, id string
	plan     int
	cookie   *http.Cookie

	what  string
	node  *process
	asked time.Time
}

const lost = 0

// ask sends a request with a token, and judges what is the same for all.
func (s *surfer) ask(n *process, method, path, token string) reply {
	r := reply{what: method + " " + path + " of " + s.name, node: n, asked: time.Now()}
	s.asked.Add(1)
	least := s.least(s.name, n, r.asked)
	answer, body, err := n.do(s, method, path, token) //nolint:bodyclose // do has read and closed it
	if err != nil {
		if n == s.own {
			s.Errorf("%s at the node that lives = %v; want an answer", r.what, err)
		}
		s.lost.Add(1)
		return r
	}
	r.status, r.cookie = answer.StatusCode, sent(answer)
	if r.status != http.StatusOK {
		return r
	}
	if parts := strings.Split(string(body), " "); len(parts) == 3 {
		r.name, r.id = parts[0], parts[2]
		r.plan, _ = strconv.Atoi(parts[1])
	}
	if r.name != s.name {
		s.Errorf("%s shows %q: somebody else", r.what, body)
	}
	if r.plan < least {
		s.Errorf("%s shows the plan %d; want %d or a later one: it was answered for, or has been in the database for %v", r.what, r.plan, least, oldest)
	}
	return r
}

// request sends one of the session's, and judges whether it has one.
func (s *surfer) request(method, path string) reply {
	r := s.ask(s.node(s.rand), method, path, s.token)
	switch {
	case r.status == http.StatusOK:
		if how := s.dead(s.session, r.node, r.asked); how != "" {
			s.Errorf("%s = 200 in the session %s, which %s has ended; want 401", r.what, s.session, how)
		}
		if r.cookie != nil && r.cookie.Value != "" {
			s.token, s.till = r.cookie.Value, time.Time{}
		}
	case r.status == http.StatusUnauthorized:
		if !s.risky(s.session) && (s.till.IsZero() || time.Now().Before(s.till)) {
			s.Errorf("%s = 401 in a session that nobody has ended; want 200", r.what)
		}
		s.leave()
	case r.status == http.StatusConflict && !s.till.IsZero(): // a token in grace ends no other session
	case r.status == http.StatusNotFound && strings.HasPrefix(path, "/revoke"): // it had ended
	case r.status != lost:
		s.Errorf("%s = %d; want 200 or 401", r.what, r.status)
	}
	return r
}

// leave gives the session up.
func (s *surfer) leave() {
	if s.token != "" {
		s.old = append(s.old, relic{s.token, s.session})
	}
	s.token, s.till = "", time.Time{}
	s.now(s, "")
}

// turn does something that a user does.
func (s *surfer) turn() {
	switch n := s.rand.IntN(100); {
	case n < 5:
		s.stranger()
	case s.token == "":
		s.signIn()
	case n < 50, s.calm != nil && time.Now().UnixNano() < s.calm.Load():
		s.request(http.MethodGet, "/me")
	case n < 57:
		s.signIn()
	case n < 80:
		s.change()
	case n < 88:
		s.signOut()
	default:
		s.revoke()
	}
}

// stranger asks without a token, and with one that nobody was given.
func (s *surfer) stranger() {
	token := ""
	if len(s.token) > 20 {
		end := len(s.token)
		token = s.token[:end-12] + rand.Text()[:10] + s.token[end-2:]
	}
	for _, token := range []string{"", token} {
		if r := s.ask(s.node(s.rand), http.MethodGet, "/me", token); r.status != http.StatusUnauthorized && r.status != lost {
			s.Errorf("GET /me with the token %.20q… that nobody was given = %d; want 401", token, r.status)
		}
	}
}

func (s *surfer) signIn() {
	before := s.session
	if s.token != "" {
		s.mayEnd(before)
	}
	r := s.ask(s.node(s.rand), http.MethodPost, "/signin/"+s.name, s.token)
	switch {
	case r.status == http.StatusOK && r.cookie != nil:
		if s.token != "" {
			s.ends(before, r)
		}
		s.leave()
		s.begins(r.id)
		s.token, s.session = r.cookie.Value, r.id
		s.now(s, r.id)
	case r.status != lost:
		s.Errorf("%s = %d with the cookie %v; want 200 with one", r.what, r.status, r.cookie)
	}
}

func (s *surfer) change() {
	r := s.request(http.MethodPost, "/change")
	switch r.status {
	case http.StatusOK:
		s.changed(s.name, r.node, r.plan)
	case lost:
		// The token may have been replaced: the one at hand works on for grace.
		if s.till.IsZero() {
			s.till = r.asked.Add(grace)
		}
		if s.calm != nil {
			s.calm.Store(time.Now().Add(oldest + 2*slack).UnixNano())
		}
	}
	s.saw(s.name, s.row(s.name))
}

func (s *surfer) signOut() {
	s.mayEnd(s.session)
	if r := s.request(http.MethodPost, "/signout"); r.status == http.StatusOK {
		s.ends(s.session, r)
		s.leave()
	}
}

// revoke ends the session of the user's other browser.
func (s *surfer) revoke() {
	id := s.nowOf(s.other)
	if id == "" {
		return
	}
	s.mayEnd(id)
	if r := s.request(http.MethodPost, "/revoke/"+id); r.status == http.StatusOK {
		s.ends(id, r)
	}
}

// wantEnded fails the test where an old token still works, after as long as nodes
// may take to hear of it.
func (s *surfer) wantEnded(n *process) {
	for _, o := range s.old[max(0, len(s.old)-100):] {
		if !s.hasEnded(o.session) {
			continue
		}
		for {
			r := s.ask(n, http.MethodGet, "/me", o.token)
			if r.status == http.StatusUnauthorized {
				break
			}
			if r.status != http.StatusOK || s.dead(o.session, n, r.asked) != "" {
				s.Errorf("%s in a session whose end was answered for = %d; want 401", r.what, r.status)
				break
			}
		}
	}
}
