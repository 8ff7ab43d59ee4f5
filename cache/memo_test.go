package cache

import "testing"

// A load that began before a swap must not take back what the swap has left:
// the token of a sign-in would be unknown, and its cookie not sent.
func TestALateLoadForgetsNoSwap(t *testing.T) {
	t.Parallel()
	m, id := new(memo), AccountID{1}
	older, newer := &Account{}, &Account{}
	first, second := &Record{Version: NewID()}, &Record{Version: NewID()}
	before := m.place(id).Load()
	m.put(id, second, newer)
	m.keep(before, id, first, older)
	if e := m.find(id); e == nil || e.account != newer {
		t.Errorf("after a late load the memo has %+v; want what the swap has left", e)
	}
	m.keep(m.place(id).Load(), id, first, older)
	if got := m.of(id, first); got != older {
		t.Errorf("after a load the memo has %p; want what it brought, %p", got, older)
	}
	if got := m.of(id, &Record{Version: first.Version, Data: []byte("damaged")}); got != nil {
		t.Errorf("of a damaged record the memo knows %p; want nothing", got)
	}
	if e := m.find(AccountID{2}); e != nil {
		t.Errorf("of another account the memo knows %+v; want nothing", e)
	}
}
