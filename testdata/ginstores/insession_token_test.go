package ginstores

var tokenStories = map[string]func(w *site, t trait){
	"a sync keeps values, under a new ID": func(w *site, _ trait) {
		b, before := w.signedIn("put", "apples")
		w.wantSets(b.post("/sync"), appSet, otherSet)
		b.wantNew(before, "after the sync")
		b.wantUser("alice", "after the sync")
		b.wantValues("put=apples", "after the sync")
		w.wantSessions("alice", 1, "after the sync")
	},
	"a cookie works within the grace of a sync, and is answered with none": func(w *site, t trait) {
		b, before := w.signedIn("put", "apples")
		b.post("/sync")
		w.wantSets(before.Get("/me"))
		w.wantSets(before.post("/put", "key", "late", "value", "1"))
		w.wantSets(before.post("/sync")) // no session changes by it
		before.wantUser("alice", "in grace")
		before.wantValues(t.kept("late=1 put=apples", "put=apples"), "in grace")
		b.wantValues("put=apples", "after a Save in grace")

		w.clock.Advance(afterGrace)
		w.wantSets(before.post("/put", "key", "late", "value", "2"))
		w.wantGone(before, t, "put=apples", "after the grace")
		before.wantUser("", "after the grace")
		w.wantAnew(before, t)
		b.wantUser("alice", "after the grace, under the new cookie,")
		b.wantValues("put=apples", "after the grace, under the new cookie,")
	},
	"a cookie ends with a sync without grace": func(w *site, t trait) {
		b, before := w.signedIn("put", "apples")
		b.post("/sync")
		second := b.clone()
		w.wantSets(b.post("/sync/now"), appSet, otherSet)
		for _, old := range []*browser{second, before} {
			w.wantGone(old, t, "put=apples", "after the sync")
			w.wantSets(old.Get("/me"))
			old.wantUser("", "under an old cookie")
			old.wantValues("", "under an old cookie")
			w.wantAnew(old, t)
		}
		b.wantUser("alice", "after the sync")
		b.wantValues("put=apples", "after the sync")
	},
	"of cookies replaced in quick succession the last four work": func(w *site, t trait) {
		b, first := w.signedIn("put", "apples")
		b.post("/sync")
		var old []*browser
		for range 4 {
			old = append(old, b.clone())
			b.post("/sync")
		}
		for _, o := range append(old, b) {
			w.wantSets(o.Get("/me"))
			o.wantUser("alice", "in grace")
			o.wantValues("put=apples", "in grace")
		}
		w.wantGone(first, t, "put=apples", "after five syncs")
		if !t.replays { // with values in the cookie there is no record that has to go
			first.wantUser("", "after five syncs")
		}
		w.clock.Advance(afterGrace)
		b.post("/sync/now")
		for _, o := range old {
			w.wantGone(o, t, "put=apples", "after the grace and another sync")
			o.wantUser("", "after the grace and another sync")
		}
		b.wantUser("alice", "after the grace and another sync")
		b.wantValues("put=apples", "after the grace and another sync")
	},
	"a renewal keeps values, under a new ID": func(w *site, t trait) {
		b, before := w.signedIn("put", "apples")
		w.clock.Advance(renewalDue)
		r := b.Get("/values")
		w.wantSets(r, appSet)
		if r.Body != "put=apples" {
			w.Errorf("GET /values = %q; want what the session kept", r.Body)
		}
		b.wantNew(before, "after the renewal")

		second := before.clone()
		again := second.Get("/me")
		if again.Body != "alice" {
			w.Errorf("a second request with the old cookie shows %q; want alice", again.Body)
		}
		if t.replays { // the cookie is all there is
			w.wantSets(again, appSet)
		} else {
			w.wantSets(again)
		}

		w.clock.Advance(afterGrace) // which has not begun
		before.clone().wantUser("alice", "before the new cookie was used, under the old one,")
		w.wantSets(b.Get("/me"))
		b.wantUser("alice", "after the renewal")
		b.wantValues("put=apples", "after the renewal")

		w.wantSets(before.Get("/me"))
		before.wantUser("alice", "once the new cookie was used, under the old one,")
		w.wantSets(before.post("/put", "key", "late", "value", "1"))
		w.clock.Advance(afterGrace)
		w.wantSets(before.Get("/me"))
		before.wantUser("", "after the grace")
		before.wantValues("", "after the grace")
		w.wantGone(before, t, "put=apples", "after the grace")
		b.wantUser("alice", "after the grace")
		b.wantValues("put=apples", "after the grace")
		w.wantSessions("alice", 1, "after the grace")
	},
	"a renewal whose answer was lost is made up for": func(w *site, _ trait) {
		b, before := w.signedIn("put", "apples")
		old := before.clone()
		w.clock.Advance(renewalDue)
		w.wantSets(b.Get("/me"), appSet)
		w.clock.Advance(repeatAfter)
		w.wantSets(before.Get("/me"), appSet)
		before.wantNew(old, "after the second renewal")
		before.wantUser("alice", "after the second renewal")
		before.wantValues("put=apples", "after the second renewal")
		b.wantUser("alice", "after the first renewal")
		b.wantValues("put=apples", "after the first renewal")
		w.wantSessions("alice", 1, "after two renewals")
	},
	"a Save in the request that renews lands, in one cookie": func(w *site, _ trait) {
		b, before := w.signedIn("put", "apples")
		w.clock.Advance(renewalDue)
		w.wantSets(b.post("/put", "key", "put", "value", "pears"), appSet)
		b.wantNew(before, "after the renewal")
		b.wantUser("alice", "after the renewal")
		b.wantValues("put=pears", "after the renewal")
		before.wantUser("alice", "under the old cookie")
		before.wantValues("put=apples", "under the old cookie")
	},
	"a session goes on through many renewals": func(w *site, t trait) {
		b, first := w.signedIn("put", "apples")
		for range 6 {
			before := b.clone()
			w.clock.Advance(renewalDue)
			w.wantSets(b.Get("/me"), appSet)
			b.wantNew(before, "after a renewal")
			b.wantUser("alice", "after a renewal")
			b.wantValues("put=apples", "after a renewal")
		}
		first.wantUser("", "under the first cookie")
		w.wantGone(first, t, "put=apples", "after the second renewal")
	},
	"a session that was idle for too long is nobody's": func(w *site, _ trait) {
		b, _ := w.signedIn("put", "apples")
		w.clock.Advance(2 * renewalDue)
		w.wantSets(b.Get("/me"))
		b.wantUser("", "after the idle time")
	},
}

// wantAnew fails the test unless a Save under a cookie that has been replaced, and
// whose record is gone, begins a session anew: no store can tell it from one that
// has run out. The cookie store can, since the old token is in the cookie.
func (w *site) wantAnew(b *browser, t trait) {
	w.Helper()
	r := b.post("/put", "key", "late", "value", "3")
	if t.replays {
		w.wantSets(r)
		return
	}
	w.wantSets(r, appSet)
	b.wantUser("", "in the session that begins anew")
	b.wantValues("late=3", "in the session that begins anew")
}
