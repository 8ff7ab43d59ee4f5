package powgin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

func ginContext() *gin.Context {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
	return c
}

// account returns what the store holds of alice.
func (a *app) account(t *testing.T) powgin.AccountExplanation {
	t.Helper()
	x, err := a.auth.ExplainUser(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestExplainTellsOfTokens(t *testing.T) {
	t.Parallel()
	explainedApp(t, nil, func(t *testing.T, a *app, _ *people) {
		alice := a.reader()
		type state struct {
			marked, dormant, successor bool
			grace, retired             int
		}
		want := func(when string, want state) {
			t.Helper()
			x := a.account(t)
			if len(x.Sessions) != 1 {
				t.Fatalf("%s: %d sessions; want 1", when, len(x.Sessions))
			}
			s := x.Sessions[0]
			got := state{s.Marked, s.Dormant, !s.SuccessorAt.IsZero(), len(s.Grace), s.Retired}
			if got != want {
				t.Errorf("%s the session is %+v; want %+v", when, got, want)
			}
		}
		want("at first", state{})
		old := alice.clone()
		alice.post("/sync").want(http.StatusOK)
		want("after SyncUser", state{grace: 1})
		if got, end := a.account(t).Sessions[0].Grace[0], time.Now().Add(grace); !got.Equal(end) {
			t.Errorf("the grace ends at %v; want %v", got, end)
		}
		if x := old.explain("/explain"); x.Token != "in grace" {
			t.Errorf("the replaced token is %q; want in grace", x.Token)
		}
		time.Sleep(grace)
		want("after its grace", state{retired: 1})
		if err := a.auth.Sync(t.Context(), person(1), powgin.Regenerate()); err != nil {
			t.Fatal(err)
		}
		want("after Sync with Regenerate", state{marked: true, retired: 1})
		alice.get("/me").want(http.StatusOK).wantCookie(true)
		want("after the renewal", state{successor: true, retired: 1})
		if got := a.account(t).Sessions[0].SuccessorAt; !got.Equal(time.Now()) {
			t.Errorf("the successor was made at %v; want %v", got, time.Now())
		}
		alice.get("/me").want(http.StatusOK)
		want("after its first use", state{grace: 1, retired: 1})
	})
}

func TestExplainTellsOfADormantSession(t *testing.T) {
	t.Parallel()
	explainedApp(t, nil, func(t *testing.T, a *app, _ *people) {
		a.handle("POST", "/remember", func(c *Context) { answer(c, c.SignIn(person(1), powgin.Remember(24*time.Hour))) })
		alice := a.browser()
		alice.post("/remember").want(http.StatusOK)
		time.Sleep(idle - 1)
		if a.account(t).Sessions[0].Dormant {
			t.Error("the session is dormant before IdleTimeout; want awake")
		}
		time.Sleep(time.Nanosecond)
		if !a.account(t).Sessions[0].Dormant {
			t.Error("the session is awake after IdleTimeout; want dormant")
		}
		alice.get("/me").want(http.StatusOK)
		if a.account(t).Sessions[0].Dormant {
			t.Error("the session is dormant after a request; want awake")
		}
	})
}

func TestExplainTellsWhenTheUserIsReadAgain(t *testing.T) {
	t.Parallel()
	store := cache.NewMemory(0)
	explainedApp(t, func(c *powgin.Config[User]) { c.Store = store }, func(t *testing.T, a *app, _ *people) {
		writer := announcer(t, store)
		alice := a.reader()
		check := func(when string, cached, again bool) powgin.AccountExplanation {
			t.Helper()
			x := a.account(t)
			if x.Cached != cached || x.ReadAgainAt.IsZero() == again {
				t.Errorf("%s: cached %t, read again at %v; want cached %t, and a time of it %t", when, x.Cached, x.ReadAgainAt, cached, again)
			}
			return x
		}
		check("a young copy", true, true)
		time.Sleep(time.Minute + 1)
		check("one that came of age", true, false)
		alice.get("/me").want(http.StatusOK)

		deadline := time.Now().Add(cache.WriterDeadline)
		one := writer.NewWrite("", "1")
		announces(t, one, false)
		if x := check("a write under way", false, false); !slices.Equal(x.Writers, []time.Time{deadline.UTC()}) || len(x.AllWriters) != 0 {
			t.Errorf("a write under way shows writers %v and %v; want one until %v", x.Writers, x.AllWriters, deadline)
		}
		x := alice.explain("/explain")
		wantSummary(t, &x, "The user was read for this request, 0s ago.", takesAMinute,
			"A change of the user was announced and is not concluded: until it is, every request reads the database.")
		if err := one.End(t.Context()); err != nil {
			t.Fatal(err)
		}
		if x := check("after the write", false, false); len(x.Writers) != 0 {
			t.Errorf("after the write there are writers %v; want none", x.Writers)
		}
		alice.get("/me").want(http.StatusOK)

		all := writer.NewWrite("")
		announces(t, all, false)
		if x := a.account(t); !slices.Equal(x.AllWriters, []time.Time{deadline.UTC()}) || len(x.Writers) != 0 {
			t.Errorf("a write to all shows writers %v and %v; want one of all until %v", x.Writers, x.AllWriters, deadline)
		}
		if err := all.End(t.Context()); err != nil {
			t.Fatal(err)
		}
		if x := check("after a write to all", true, false); !x.Outdated {
			t.Error("after a write to all the copy is not outdated; want so")
		}
		alice.get("/me").want(http.StatusOK)
		if x := check("once read again", true, true); x.Outdated {
			t.Error("a copy that was just read is outdated; want not so")
		}
	})
}

func TestExplainUser(t *testing.T) {
	t.Parallel()
	explainedApp(t, nil, func(t *testing.T, a *app, _ *people) {
		x := a.account(t)
		if x.Cached || len(x.Sessions) != 0 || !x.RevokedBefore.IsZero() || x.UserKey != "1" || !x.Now.Equal(time.Now()) {
			t.Errorf("a user without an account is explained as %+v; want an empty account at %v", x, time.Now())
		}
		alice := a.reader()
		phone := a.signIn(1)
		a.signIn(2)
		x = a.account(t)
		if len(x.Sessions) != 2 || x.Sessions[0].ID != alice.session().ID || x.Sessions[1].ID != phone.session().ID {
			t.Errorf("the sessions are %+v; want alice's two, the oldest first", x.Sessions)
		}
		if x.Sessions[0].Current || x.Sessions[1].Current {
			t.Error("from outside a session is current; want none")
		}
		if s := alice.explain("/explain").Account.Sessions; !s[0].Current || s[1].Current {
			t.Errorf("of %+v the first is to be current, and no other", s)
		}
		var of2 powgin.AccountExplanation
		res := alice.get("/explain?user=2").want(http.StatusOK)
		if err := json.Unmarshal(res.Body.Bytes(), &of2); err != nil || of2.UserKey != "2" || len(of2.Sessions) != 1 || of2.Sessions[0].Current {
			t.Errorf("GET /explain?user=2 = %s, %v; want bob's one session, not current", res.Body, err)
		}
		if got := alice.explain("/explain?user=").UserKey; got != "1" {
			t.Errorf("GET /explain?user= explains %q; want the request itself", got)
		}
		time.Sleep(time.Second)
		if err := a.auth.RevokeAll(t.Context(), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if x = a.account(t); len(x.Sessions) != 0 || !x.RevokedBefore.Add(-1).Equal(time.Now()) {
			t.Errorf("after RevokeAll: %d sessions, revoked before %v; want none, and just after %v", len(x.Sessions), x.RevokedBefore, time.Now())
		}
		if err := a.auth.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := a.auth.ExplainUser(t.Context(), "1"); powgin.AbortStatus(err) != http.StatusServiceUnavailable {
			t.Errorf("ExplainUser after Close = %v; want ErrUnavailable", err)
		}
	})
}

// random is what differs from run to run in an explanation.
var random = regexp.MustCompile(`"(id|hint)": "[^"]+"`)

// explained is what ExplainHandler answers, for programs that read it.
const explained = `{
    "summary": "The user is the cached copy, read 10s ago. The route takes a cached copy of up to 1m0s. Unless a change is announced, the cached copy is served until 2000-01-01T00:01:00Z.",
    "user_key": "1",
    "source": "cache",
    "loaded_at": "2000-01-01T00:00:00Z",
    "age_seconds": 10,
    "demand": "cached",
    "max_age_seconds": 60,
    "token": "in grace",
    "account": {
        "user_key": "1",
        "now": "2000-01-01T00:00:10Z",
        "cached": true,
        "loaded_at": "2000-01-01T00:00:00Z",
        "read_again_at": "2000-01-01T00:01:00Z",
        "outdated": false,
        "writers": [],
        "all_writers": [],
        "sessions": [
            {
                "id": "…",
                "hint": "…",
                "current": true,
                "created_at": "2000-01-01T00:00:00Z",
                "renewed_at": "2000-01-01T00:00:00Z",
                "signed_in_at": "2000-01-01T00:00:00Z",
                "expires_at": "2000-01-01T00:30:00Z",
                "dormant": false,
                "marked": false,
                "grace": [
                    "2000-01-01T00:01:00Z"
                ],
                "retired": 0
            }
        ]
    }
}`

func TestTheJSONFormOfAnExplanation(t *testing.T) {
	t.Parallel()
	explainedApp(t, nil, func(t *testing.T, a *app, _ *people) {
		a.syncs("/slow-grace", powgin.Grace(time.Minute))
		alice := a.reader()
		old := alice.clone()
		alice.post("/slow-grace").want(http.StatusOK)
		time.Sleep(10 * time.Second)
		got := random.ReplaceAllString(old.get("/explain").want(http.StatusOK).Body.String(), `"$1": "…"`)
		if got != explained {
			t.Errorf("GET /explain answers\n%s\nwant\n%s", got, explained)
		}
		res := old.get("/explain").Result()
		if got := res.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
			t.Errorf("Content-Type = %q; want JSON", got)
		}
	})
}
