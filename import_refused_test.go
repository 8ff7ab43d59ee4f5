package powgin_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

func TestAnImportThatCannotTell(t *testing.T) {
	t.Parallel()
	moves(t, "is answered with 503, and nothing is lost", nil, func(m *mover) {
		alice := m.before(1)
		m.cannot.Store(true)
		for _, path := range []string{"/me", "/", "/guest"} {
			r := alice.get(path).wantProblem(http.StatusServiceUnavailable)
			m.wantUntouched(r)
			if strings.Contains(r.Body.String(), "old") {
				m.Errorf("GET %s answers %s; want nothing of the error", path, r.Body)
			}
		}
		for _, err := range m.errors.took() {
			if !errors.Is(err, powgin.ErrUnavailable) || !errors.Is(err, errOldStore) {
				m.Errorf("OnError was told %v; want ErrUnavailable with its cause", err)
			}
		}
		m.cannot.Store(false)
		alice.get("/me").want(http.StatusOK)
		m.wantEnded(1, "once it can")
	})
	moves(t, "passes as nobody's who is known under Anonymous", func(c *powgin.Config[User]) { c.WhenDown = powgin.Anonymous }, func(m *mover) {
		var unknown bool
		m.handle("GET", "/unknown", func(c *Context) { unknown = powgin.Unknown(c); whoami(c) })
		alice := m.before(1)
		m.cannot.Store(true)
		r := alice.get("/unknown").want(http.StatusOK)
		if !unknown || r.shows() != nil {
			m.Errorf("Unknown = %t and the user is %v; want true and nobody", unknown, r.shows())
		}
		m.wantUntouched(r)
		for _, r := range []*response{alice.get("/me"), alice.get("/guest"), alice.post("/signin/2"), alice.post("/signout")} {
			r.wantProblem(http.StatusServiceUnavailable)
			m.wantUntouched(r)
		}
		m.cannot.Store(false)
		alice.get("/me").want(http.StatusOK)
	})
	moves(t, "of nobody is one too", nil, func(m *mover) {
		m.cannot.Store(true)
		m.browser().get("/").wantProblem(http.StatusServiceUnavailable)
	})
}

func TestWithTheDatabaseDownNoSessionIsTakenOver(t *testing.T) {
	t.Parallel()
	moves(t, "and none is lost", nil, func(m *mover) {
		alice := m.before(1)
		m.people.fail(true)
		m.wantUntouched(alice.get("/me").wantProblem(http.StatusServiceUnavailable))
		m.people.fail(false)
		alice.get("/me").want(http.StatusOK)
		m.wantEnded(1, "once it is back")
	})
	moves(t, "nor with the store full", func(c *powgin.Config[User]) { c.MaxAccounts = 1 }, func(m *mover) {
		bob := m.signIn(2)
		alice := m.before(1)
		m.wantUntouched(alice.get("/me").wantProblem(http.StatusServiceUnavailable))
		bob.post("/signout").want(http.StatusOK)
		alice.get("/me").want(http.StatusOK)
	})
	var store *spyStore
	t.Run("nor with the store down", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			m := newMover(t, serverLibrary(), func(c *powgin.Config[User]) { store = newSpyStore(); c.Store = store })
			alice := m.before(1)
			store.failingSwap.Store(true)
			r := alice.get("/me").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			m.wantEnded(0, r.what)
			store.failingSwap.Store(false)
			alice.get("/me").want(http.StatusOK)
		})
	})
}

func TestWhoCannotBeSignedInIsNobody(t *testing.T) {
	t.Parallel()
	active := func(c *powgin.Config[User]) { c.Active = func(u User) bool { return !u.Locked } }
	moves(t, "while they do not exist", nil, func(m *mover) {
		alice, row := m.before(1), m.people.row("1")
		m.people.change("1", nil)
		m.wantUntouched(alice.get("/me").wantProblem(http.StatusUnauthorized))
		m.wantUntouched(alice.get("/guest").want(http.StatusOK))
		m.people.put(row)
		alice.get("/me").want(http.StatusOK)
	})
	moves(t, "while they are not active", active, func(m *mover) {
		alice := m.before(1)
		m.people.change("1", func(u *User) { u.Locked = true })
		m.wantUntouched(alice.get("/me").wantProblem(http.StatusUnauthorized))
		m.people.change("1", func(u *User) { u.Locked = false })
		alice.get("/me").want(http.StatusOK)
	})
	moves(t, "while they have too many sessions", func(c *powgin.Config[User]) { c.MaxSessions, c.AtMaxSessions = 1, powgin.Deny }, func(m *mover) {
		phone, alice := m.signIn(1), m.before(1)
		m.asked.Store(0)
		alice.get("/me").wantProblem(http.StatusUnauthorized).wantNoCookie()
		m.wantEnded(0, "denied")
		phone.get("/me").want(http.StatusOK)
		phone.post("/signout").want(http.StatusOK)
		alice.get("/me").want(http.StatusOK)
		m.wantEnded(1, "once there is room")
	})
	t.Run("and End is not called for nobody", func(t *testing.T) {
		t.Parallel()
		a, _ := newPeopleApp(t, func(c *powgin.Config[User]) {
			c.Import = func(*gin.Context) (powgin.Imported, error) {
				return powgin.Imported{End: func() error { t.Error("End was called"); return nil }}, nil
			}
		})
		a.browser().get("/me").wantProblem(http.StatusUnauthorized).wantNoCookie()
		a.browser().get("/").want(http.StatusOK).wantNoCookie()
	})
}

func TestAnOldSessionThatCannotBeEnded(t *testing.T) {
	t.Parallel()
	moves(t, "keeps nobody out, and is told of", nil, func(m *mover) {
		alice := m.before(1)
		m.stays.Store(true)
		alice.get("/me").want(http.StatusOK).wantLines(plainLine)
		errs := m.errors.took()
		if len(errs) != 1 || !errors.Is(errs[0], errOldStore) || errs[0].Error() != "powgin: end an imported session: the old store is down" {
			m.Errorf("OnError was told %v; want one sentence that the old session could not be ended", errs)
		}
		alice.get("/me").want(http.StatusOK)
		m.wantAsked(1, "two requests")
		before := alice.clone()
		alice.post("/signout").want(http.StatusOK)
		m.stays.Store(false)
		if m.library.mounted {
			alice.get("/me").want(http.StatusUnauthorized) // it went with SignOut, as far as its store lets it
		}
		alice.cookies["old"] = before.cookies["old"]
		alice.get("/me").want(http.StatusOK) // as Imported.End warns
		m.wantEnded(1, "once it can be")
		alice.post("/signout").want(http.StatusOK)
		alice.get("/me").want(http.StatusUnauthorized)
	})
	moves(t, "since nothing is to be done", func(c *powgin.Config[User]) {
		find := c.Import
		c.Import = func(c *gin.Context) (powgin.Imported, error) {
			old, err := find(c)
			old.End = nil
			return old, err
		}
	}, func(m *mover) {
		alice := m.before(1)
		alice.get("/me").want(http.StatusOK).wantLines(plainLine)
		alice.get("/me").want(http.StatusOK)
		if errs := m.errors.took(); len(errs) > 0 {
			m.Errorf("OnError was told %v; want nothing", errs)
		}
	})
}
