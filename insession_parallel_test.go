package powgin_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
)

// handed returns the different cookies that answers set, which must all be 200.
func handed(answers []*response) (cookies []string) {
	for _, r := range answers {
		r.b.Helper()
		r.want(http.StatusOK)
		for _, c := range r.Result().Cookies() {
			if !slices.Contains(cookies, c.Value) {
				cookies = append(cookies, c.Value)
			}
		}
	}
	return cookies
}

// onlySetter returns the one browser whose answer set a cookie.
func onlySetter(t *testing.T, answers []*response) *browser {
	t.Helper()
	var list []*browser
	for _, r := range answers {
		r.want(http.StatusOK)
		if len(r.setCookies()) > 0 {
			list = append(list, r.b)
		}
	}
	if len(list) != 1 {
		t.Fatalf("%d answers set a cookie; want one", len(list))
	}
	return list[0]
}

func TestRenewalsAtOnce(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/me", "/reload", "/refresh"} {
		t.Run("of GET "+path+" make one record and hand out one cookie", func(t *testing.T) {
			shopBubble(t, nil, func(s *inShop) {
				b := s.arrive()
				b.post("/put/cart/apples").want(http.StatusOK)
				time.Sleep(renew)
				s.store.took()
				answers := b.all(20, "GET", path)
				next := onlySetter(t, answers)
				s.wantAsked(21, "to load 20 times and save once")
				s.wantRecords("id1 id2", "after the renewals")
				for _, r := range answers {
					r.b.wantIn("alice", "under whichever cookie")
				}
				next.wantKept("cart=apples", "under the new cookie")
				time.Sleep(grace)
				next.wantIn("alice", "under the new cookie, after the grace")
				s.wantErrors()
				if n := s.count("1"); n != 1 {
					t.Errorf("alice has %d sessions; want 1", n)
				}
			})
		})
	}
	t.Run("of values in the cookie hand out the one token", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.inCookies()
			b := s.arrive()
			time.Sleep(renew)
			answers := b.all(20, "GET", "/me")
			if cookies := handed(answers); len(cookies) == 0 {
				t.Error("20 renewals at once hand out no cookie")
			}
			hints := map[string]bool{}
			for _, r := range answers {
				hints[r.b.session().Hint] = true
			}
			time.Sleep(grace)
			for _, r := range answers {
				r.b.wantIn("alice", "after the grace")
			}
			if len(hints) != 1 {
				t.Errorf("the session has %d tokens; want one", len(hints))
			}
		})
	})
}

func TestSyncsAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("make one record that stays", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			next := onlySetter(t, b.all(20, "POST", "/sync"))
			s.wantRecords("id1 "+next.cookies["shop"], "after 20 syncs at once")
			b.wantIn("alice", "in grace")
			next.wantKept("cart=apples", "under the new cookie")
			time.Sleep(grace)
			b.wantIn("", "after the grace")
			next.wantIn("alice", "after the grace")
			s.wantRecords(next.cookies["shop"], "after the grace")
			s.wantErrors()
		})
	})
	t.Run("with Grace(0) let one through", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			answers := b.all(20, "POST", "/sync/0")
			var winner *browser
			for _, r := range answers {
				switch r.Code {
				case http.StatusOK:
					winner = r.b
				case http.StatusConflict, http.StatusUnauthorized:
					r.wantNoCookie()
				default:
					t.Errorf("POST /sync/0 = %d; want 200, 409 or, where the session was there no more, 401", r.Code)
				}
			}
			if winner == nil {
				t.Fatal("none of 20 syncs succeeded")
			}
			s.wantRecords(winner.cookies["shop"], "after them")
			winner.wantIn("alice", "after them")
			b.wantIn("", "under the old cookie")
		})
	})
	t.Run("of values in the cookie", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.inCookies()
			b := s.arrive()
			next := onlySetter(t, b.all(20, "POST", "/sync"))
			time.Sleep(grace)
			next.wantIn("alice", "after the grace")
			b.wantIn("", "after the grace")
		})
	})
}

func TestSavesAtOnceWithARenewal(t *testing.T) {
	t.Parallel()
	inBoth(t, "set no cookie with a token that was replaced", nil, func(s *inShop) {
		b := s.arrive()
		time.Sleep(renew)
		for round := range 3 {
			answers := make([]*response, 20)
			var wg sync.WaitGroup
			for i := range answers {
				c := b.clone()
				wg.Go(func() { answers[i] = c.post("/put/cart/apples") })
			}
			wg.Wait()
			var next *browser
			for _, r := range answers {
				r.want(http.StatusOK)
				if len(r.setCookies()) > 0 {
					next = r.b
				}
			}
			if next == nil {
				t.Fatalf("round %d: nobody was given a cookie", round)
			}
			next.wantKept("cart=apples", "under the new cookie")
			next.wantIn("alice", "under the new cookie")
			time.Sleep(renew)
			b = next
		}
	})
}

func TestARenewalWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	t.Run("is repeated after a while", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			time.Sleep(renew)
			lost := b.clone()
			lost.get("/me").want(http.StatusOK).wantLines(inLine("id2"))
			time.Sleep(2*time.Second - 1)
			b.get("/me").want(http.StatusOK).wantLines()
			b.post("/put/cart/pears").want(http.StatusOK).wantLines() // kept where it was
			time.Sleep(time.Nanosecond)
			s.store.took()
			b.get("/me").want(http.StatusOK).wantLines(inLine("id3"))
			s.wantAsked(2, "to load and save")
			s.wantRecords("id1 id2 id3", "after the repetition")
			b.wantKept("cart=pears", "under the new cookie")
			lost.wantIn("alice", "under the cookie that was lost") // it is the same token
			time.Sleep(renew)
			b.get("/me").want(http.StatusOK).wantLines(inLine("id4"))
			s.wantRecords("id2 id3 id4", "after the next renewal") // id2 runs out by itself
			s.wantErrors()
		})
	})
	t.Run("is repeated at once where no record is made", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.inCookies()
			b := s.arrive()
			time.Sleep(renew)
			b.clone().get("/me").want(http.StatusOK)
			r := b.get("/me").want(http.StatusOK)
			if len(r.setCookies()) != 1 {
				t.Errorf("the repetition sets %q; want one cookie", r.setCookies())
			}
			time.Sleep(grace)
			b.wantIn("alice", "later")
		})
	})
	t.Run("signs nobody out before the idle time is over", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			time.Sleep(renew)
			b.clone().get("/me").want(http.StatusOK)
			time.Sleep(renew - 1)
			b.wantIn("alice", "shortly before its record runs out")
		})
	})
}

func TestParallelRequestsOfAPage(t *testing.T) {
	t.Parallel()
	inBoth(t, "all see alice, and one is given what comes next", nil, func(s *inShop) {
		s.handle("POST", "/flash", func(c *Context) {
			sessions.Default(c.Context).AddFlash("saved")
			answer(c, c.SyncUser(person(1)))
		})
		requests := []string{"GET /me", "POST /flash", "POST /put/cart/apples"}
		b := s.arrive()
		for round := range 5 {
			time.Sleep(renew)
			answers := make([]*response, 12)
			var wg sync.WaitGroup
			for i := range answers {
				method, path, _ := strings.Cut(requests[i%len(requests)], " ")
				c := b.clone()
				wg.Go(func() { answers[i] = c.do(method, path) })
			}
			wg.Wait()
			time.Sleep(grace)
			b = nil
			for _, r := range answers {
				if r.want(http.StatusOK); len(r.setCookies()) > 0 && r.b.get("/me").Code == http.StatusOK {
					b = r.b
				}
			}
			if b == nil {
				t.Fatalf("round %d: nobody was given a cookie that works", round)
			}
		}
	})
}
