package cache

import (
	"testing"
	"time"
)

// A slow answer carries a successor that has been used since and has got a
// successor itself. The client would go back to it, and would be signed out
// once the grace is over.
func TestASuccessorThatHasASuccessorIsNotTheNewest(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		time.Sleep(testRules().RenewAfter)
		fast, slow := k.open(token), k.open(token)
		if fast.Successor == nil || slow.Successor == nil || *fast.Successor != *slow.Successor {
			t.Fatal("two requests with an old token got different successors")
		}
		if !k.cache.IsNewest(slow.Successor) {
			t.Error("a successor that was handed out is not the newest")
		}
		time.Sleep(testRules().RenewAfter)
		next := k.open(*fast.Successor)
		if next.Successor == nil {
			t.Fatal("a successor that was old at its first use got none itself")
		}
		if k.cache.IsNewest(slow.Successor) {
			t.Error("a token with a successor counts as the newest")
		}
		if !k.cache.IsNewest(next.Successor) {
			t.Error("the successor's successor is not the newest")
		}
	})
}
