package recipes

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
)

// delivery is a request of the payment provider's: no cookie, no Origin.
func delivery(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://shop.example/webhooks/payment", strings.NewReader(body))
	r.Header.Set("Webhook-Signature", Sign([]byte(body), paymentSecret, time.Now()))
	return r
}

func payment(id string, user uint, plan string) string {
	return fmt.Sprintf(`{"id":%q,"user":%d,"plan":%q}`, id, user, plan)
}

func (s *site) wantDelivered(r *http.Request, want int, what string) {
	s.Helper()
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	if w.Code != want || len(w.Result().Cookies()) > 0 {
		s.Errorf("%s: POST %s = %d with the cookies %q; want %d without", what, r.URL.Path, w.Code, w.Header().Values("Set-Cookie"), want)
	}
}

// stores are where the site may keep its accounts.
var stores = map[string]func(t testing.TB, db *gorm.DB) cache.Store{
	"in the process":  func(testing.TB, *gorm.DB) cache.Store { return nil },
	"in the database": sharedStore,
}

func TestAPaymentShowsInTheOpenBrowser(t *testing.T) {
	t.Parallel()
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, d gorm.Dialector) {
				db := filled(t, d)
				s := newSite(t, db, store(t, db))
				alice, bob := s.signedIn(1), s.signedIn(2)
				old := alice.token()
				s.wantDelivered(delivery(payment("1", 1, "pro")), http.StatusNoContent, "a payment")
				alice.wantMe("pro 0", "after the payment")
				if alice.token() == old {
					t.Error("after the payment the session has its old token; want a new one")
				}
				bob.wantMe("free 0", "after another user's payment")
			})
		})
	}
}

func TestWithThePluginNobodyTellsTheCacheOfAPayment(t *testing.T) {
	t.Parallel()
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, d gorm.Dialector) {
				db := filled(t, d)
				s := newSite(t, db, store(t, db))
				alice := s.signedIn(1)
				followed := func(id, plan string) *http.Request {
					r := delivery(payment(id, 1, plan))
					r.URL.Path = "/webhooks/followed"
					return r
				}
				s.wantDelivered(followed("1", "team"), http.StatusNoContent, "without db.Use")
				alice.wantMe("free 0", "without db.Use")
				must(t, db.Use(s.auth))
				s.wantDelivered(followed("2", "pro"), http.StatusNoContent, "with db.Use")
				alice.wantMe("pro 0", "with db.Use")
			})
		})
	}
}

func TestARepeatedDeliveryChangesNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		s := newSite(t, filled(t, d), nil)
		alice := s.signedIn(1)
		s.wantDelivered(delivery(payment("1", 1, "pro")), http.StatusNoContent, "the first time")
		must(t, s.db.Model(&User{ID: 1}).Update("plan", "team").Error) // she has changed it again
		s.wantDelivered(delivery(payment("1", 1, "pro")), http.StatusNoContent, "the second time")
		alice.wantMe("team 0", "after the second time")
		s.wantDelivered(delivery(payment("2", 1, "pro")), http.StatusNoContent, "another event")
		alice.wantMe("pro 0", "after another event")
	})
}

func TestDeliveriesAtOnceAllSucceed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		s := newSite(t, filled(t, d), nil)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { s.wantDelivered(delivery(payment("1", 1, "pro")), http.StatusNoContent, "one of eight") })
		}
		all.Wait()
		s.wantSeen(1, "eight deliveries at once")
	})
}

// wantSeen holds how many events are noted.
func (s *site) wantSeen(want int64, when string) {
	s.Helper()
	var seen int64
	must(s, s.db.Model(&SeenPayment{}).Count(&seen).Error)
	if seen != want {
		s.Errorf("%s: %d events are noted; want %d", when, seen, want)
	}
}

func TestARedeliveryHealsAFailedSync(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		store := &brittle{Store: cache.NewMemory(0)}
		s := newSite(t, filled(t, d), store)
		alice := s.signedIn(1)
		store.down.Store(true)
		s.wantDelivered(delivery(payment("1", 1, "pro")), http.StatusServiceUnavailable, "with the store down")
		if row := s.row(1); row != "pro 0" {
			t.Errorf("the row is %q; want what was committed", row)
		}
		store.down.Store(false)
		alice.wantMe("free 0", "before it is delivered again")
		s.wantDelivered(delivery(payment("1", 1, "pro")), http.StatusNoContent, "with the store back")
		alice.wantMe("pro 0", "after it was delivered again")
		s.wantSeen(1, "after it was delivered twice")
	})
}

func TestWithThePluginAPaymentThatCannotBeToldIsNone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		store := &brittle{Store: cache.NewMemory(0)}
		s := newSite(t, filled(t, d), store)
		alice := s.signedIn(1)
		must(t, s.db.Use(s.auth))
		followed := func() *http.Request {
			r := delivery(payment("1", 1, "pro"))
			r.URL.Path = "/webhooks/followed"
			return r
		}
		store.down.Store(true)
		s.wantDelivered(followed(), http.StatusServiceUnavailable, "with the store down")
		s.wantSeen(0, "with the store down")
		store.down.Store(false)
		alice.wantMe("free 0", "before it is delivered again")
		s.wantDelivered(followed(), http.StatusNoContent, "with the store back")
		alice.wantMe("pro 0", "after it was delivered again")
	})
}

func TestWhatIsNoPaymentIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, filled(t, ownSQLite(t)), nil)
	alice := s.signedIn(1)
	body := payment("1", 1, "pro")
	signature := func(b string, key []byte, at time.Time) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Webhook-Signature", Sign([]byte(b), key, at)) }
	}
	for name, row := range map[string]struct {
		body   string
		change func(*http.Request)
		want   int
	}{
		"no signature":           {body, func(r *http.Request) { r.Header.Del("Webhook-Signature") }, 401},
		"another secret":         {body, signature(body, []byte("guessed"), time.Now()), 401},
		"an empty secret":        {body, signature(body, nil, time.Now()), 401},
		"another body":           {body, signature(payment("1", 1, "basic"), paymentSecret, time.Now()), 401},
		"too old":                {body, signature(body, paymentSecret, time.Now().Add(-6*time.Minute)), 401},
		"too new":                {body, signature(body, paymentSecret, time.Now().Add(6*time.Minute)), 401},
		"another site's browser": {body, func(r *http.Request) { r.Header.Del("Webhook-Signature"); r.Header.Set("Sec-Fetch-Site", "cross-site") }, 401},
		"no JSON":                {"{", nil, 400},
		"no id":                  {payment("", 1, "pro"), nil, 400},
		"no plan":                {payment("1", 1, ""), nil, 400},
		"too long":               {strings.Repeat(" ", bodyLimit) + body, nil, 400},
		"nobody's":               {payment("1", 77, "pro"), nil, 404},
		"the key zero":           {payment("1", 0, "pro"), nil, 404},
	} {
		r := delivery(row.body)
		if row.change != nil {
			row.change(r)
		}
		s.wantDelivered(r, row.want, name)
	}
	alice.wantMe("free 0", "after what was refused")
	if row := s.row(1); row != "free 0" {
		t.Errorf("after what was refused the row is %q; want it untouched", row)
	}
	s.wantSeen(0, "after what was refused")
	s.wantDelivered(delivery(body), http.StatusNoContent, "after what was refused")
}

// A provider is no browser: the check of where requests come from lets it pass
// also inside of the session's group.
func TestTheOriginCheckLetsProvidersPass(t *testing.T) {
	t.Parallel()
	s := newSite(t, filled(t, ownSQLite(t)), nil)
	alice := s.signedIn(1)
	inside := func(site string) *http.Request {
		r := delivery(payment("1", 1, "pro"))
		r.URL.Path = "/webhooks/in-session"
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		return r
	}
	s.wantDelivered(inside("cross-site"), http.StatusForbidden, "from another site's page")
	alice.wantMe("free 0", "after what was refused")
	s.wantDelivered(inside(""), http.StatusNoContent, "from a program")
	alice.wantMe("pro 0", "after the payment")
}

func TestSigned(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_767_225_600, 0)
	body := []byte(`{"id":"1"}`)
	good := Sign(body, paymentSecret, now)
	sum := strings.TrimPrefix(good, "t=1767225600,v1=")
	old := Sign(body, []byte("the secret before"), now)
	for header, want := range map[string]bool{
		good:                          true,
		"v1=" + sum + ",t=1767225600": true,
		old + ",v1=" + sum:            true, // while the secret is replaced
		good + "," + strings.TrimPrefix(old, "t=1767225600,"): true, // in either order
		good + ",v2=later":                 true,
		old:                                false,
		"":                                 false,
		"t=1767225600":                     false,
		"v1=" + sum:                        false,
		"t=,v1=" + sum:                     false,
		"t=1767225601,v1=" + sum:           false,
		"t=1767225600,v1=":                 false,
		"t=1767225600,v1=" + sum[:62]:      false,
		"t=1767225600,v1=" + sum + "00":    false,
		"t=1767225600,v2=" + sum:           false,
		"t=-9223372036854775808,v1=" + sum: false,
		"t=99999999999999999999,v1=" + sum: false,
	} {
		if got := Signed(header, body, paymentSecret, now); got != want {
			t.Errorf("Signed(%q) = %t; want %t", header, got, want)
		}
	}
	for after, want := range map[time.Duration]bool{
		tolerance: true, -tolerance: true, tolerance + time.Second: false, -tolerance - time.Second: false,
	} {
		if got := Signed(good, body, paymentSecret, now.Add(after)); got != want {
			t.Errorf("Signed %v later = %t; want %t", after, got, want)
		}
	}
	if Signed(Sign(body, nil, now), body, nil, now) {
		t.Error("Signed with an empty secret = true; want false")
	}
}
