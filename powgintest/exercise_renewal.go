package powgintest

import (
	"errors"
	"net/http"
	"time"

	"github.com/powgin/powgin"
)

// renewalsThatFail lets every call fail that the renewal of a marked session
// makes to the store, one after another.
func renewalsThatFail(t *proof) {
	for _, f := range callFaults {
		for _, cached := range []bool{false, true} {
			c, store := t.flaky()
			r := &failingRenewal{c, store, f, c.signIn(left, "alice")}
			other := c.signIn(right, "alice")
			for n := 1; n <= mostCalls; n++ {
				r.mark(n)
				if cached {
					other.get(right + "/who").want(http.StatusOK)
				}
				r.renew(n)
				r.confirm(n)
			}
			c.wantSessions("alice", 2)
		}
	}
}

// dueRenewalsThatFail does the same to tokens that are as old as RenewAfter.
func dueRenewalsThatFail(t *proof) {
	for _, f := range callFaults {
		for _, cached := range []bool{false, true} {
			c, store := t.flaky()
			for n := 1; n <= mostCalls; n++ {
				r := &failingRenewal{c, store, f, c.signIn(left, "alice")}
				time.Sleep(15 * time.Minute)
				if cached {
					c.signIn(right, "alice").get(right + "/who").want(http.StatusOK)
				}
				r.renew(n)
				r.confirm(n)
				c.must("RevokeUser", c.left.RevokeUser(t.Context(), "alice"))
			}
		}
	}
}

// A callFault has the n-th call to a store fail.
type callFault struct {
	name    string
	what    fate
	onwards bool
}

var callFaults = []callFault{
	{"is refused", refused, false},
	{"and all that follow are refused", refused, true},
	{"is made, and its answer is lost", answerLost, false},
	{"and all that follow are made, and their answers are lost", answerLost, true},
}

// A failingRenewal is the renewal of alice's session while calls fail.
type failingRenewal struct {
	*cluster
	store *FlakyStore
	fault callFault
	alice *visitor
}

// mark has alice's next request give her another token, by calls that may fail:
// then it may be marked or not, and is anew.
func (r *failingRenewal) mark(n int) {
	r.Helper()
	sync := func() error { return r.right.Sync(r.Context(), resident{ID: "alice"}, powgin.Regenerate()) }
	r.store.failFrom(n, r.fault.what, r.fault.onwards)
	err := sync()
	r.store.Heal()
	if err != nil {
		if !errors.Is(err, powgin.ErrUnavailable) {
			r.Errorf("where call %d %s, Sync = %v; want nil or an ErrUnavailable", n, r.fault.name, err)
		}
		r.must("Sync", sync())
	}
}

// renew sends a request that is due to get a new token, and whose n-th call to
// the store fails.
func (r *failingRenewal) renew(n int) {
	r.Helper()
	before, token := r.alice.clone(), r.alice.token()
	r.answers(n, "a renewal", left+"/who")
	if r.alice.token() == token { // it comes with the next request
		r.alice.get(left + "/who").want(http.StatusOK).wantCookie(true)
	}
	if got := before.get(right + "/who").shows().User.ID; got != "alice" {
		r.Errorf("after call %d of a renewal %s, the old token is %q's; want alice's, as long as nobody has used the new one", n, r.fault.name, got)
	}
}

// confirm sends the first request with the new token, whose n-th call fails.
func (r *failingRenewal) confirm(n int) {
	r.Helper()
	token := r.alice.token()
	r.answers(n, "the first use of a new token", right+"/who")
	r.alice.wantUser("alice")
	if r.alice.token() != token {
		r.Errorf("where call %d of its first use %s, a new token is followed by another; want it to stay", n, r.fault.name)
	}
}

// answers sends a request whose n-th call to the store fails. It must be told
// whose it is, or that nobody can tell.
func (r *failingRenewal) answers(n int, what, path string) {
	r.Helper()
	r.store.failFrom(n, r.fault.what, r.fault.onwards)
	a := r.alice.get(path)
	r.store.Heal()
	id, ok := a.read()
	if ok && id.User.ID != "alice" || !ok && a.Status != http.StatusServiceUnavailable {
		r.Errorf("where call %d of %s %s, %s = %d %s; want alice or 503", n, what, r.fault.name, a.what, a.Status, a.Body)
	}
	if set := len(a.Header.Values("Set-Cookie")); set > 1 || set > 0 && !ok {
		r.Errorf("where call %d of %s %s, %s = %d sets %d cookies; want one at most, and none with 503", n, what, r.fault.name, a.what, a.Status, set)
	}
}
