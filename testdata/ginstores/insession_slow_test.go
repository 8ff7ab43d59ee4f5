package ginstores

// Each holds what a request does that has read the session before something
// happened, and saves it after. The clones of a browser stand for its other
// requests.
var slowStories = map[string]func(w *site, t trait){
	"a slow Save across a sign-out": func(w *site, t trait) {
		b, slow := w.signedIn("put", "private")
		finish := w.start(slow)
		b.post("/signout")
		w.wantSets(finish())
		w.wantGone(slow, t, "put=private", "after the slow Save")
		slow.wantUser("", "after the slow Save")
		b.wantUser("", "after the slow Save")
		b.wantValues("", "after the slow Save")
		w.wantSessions("alice", 0, "after the slow Save")
	},
	"a slow Save across Clear and Save": func(w *site, t trait) {
		b, slow := w.signedIn("put", "private")
		finish := w.start(slow)
		b.post("/leave")
		w.wantSets(finish())
		w.wantGone(slow, t, "put=private", "after the slow Save")
		slow.wantUser("", "after the slow Save")
	},
	"a slow Save across another user's sign-in": func(w *site, t trait) {
		b, slow := w.signedIn("put", "private")
		finish := w.start(slow)
		b.post("/signin", "user", "bob")
		w.wantSets(finish())
		w.wantGone(slow, t, "put=private", "after the slow Save")
		slow.wantUser("", "after the slow Save")
		b.wantUser("bob", "after the slow Save")
		b.wantValues("", "after the slow Save")
	},
	"a slow Save across a sync without grace": func(w *site, t trait) {
		b, slow := w.signedIn("put", "apples")
		finish := w.start(slow)
		b.post("/sync/now")
		w.wantSets(finish())
		w.wantGone(slow, t, "put=apples", "after the slow Save")
		slow.wantUser("", "after the slow Save")
		b.wantUser("alice", "after the slow Save")
		b.wantValues("put=apples", "after the slow Save")
	},
	"a slow Save across a sync": func(w *site, t trait) {
		b, slow := w.signedIn("put", "apples")
		finish := w.start(slow)
		b.post("/sync")
		w.wantSets(finish())
		b.wantUser("alice", "after the slow Save")
		b.wantValues("put=apples", "after the slow Save")
		slow.wantValues(t.kept("note=slow put=apples", "put=apples"), "in grace, under the old cookie,")
		w.clock.Advance(afterGrace)
		slow.wantUser("", "after the grace")
		w.wantGone(slow, t, "put=apples", "after the grace")
	},
	"a slow Save across a sync and its grace": func(w *site, t trait) {
		b, slow := w.signedIn("put", "apples")
		finish := w.start(slow)
		b.post("/sync")
		w.clock.Advance(afterGrace)
		w.wantSets(finish())
		slow.wantUser("", "after the slow Save")
		w.wantGone(slow, t, "put=apples", "after the slow Save")
		b.wantUser("alice", "after the slow Save")
		b.wantValues("put=apples", "after the slow Save")
	},
	"a slow Save across a renewal": func(w *site, t trait) {
		b, slow := w.signedIn("put", "apples")
		finish := w.start(slow)
		w.clock.Advance(renewalDue)
		b.Get("/me")
		w.wantSets(finish())
		b.wantUser("alice", "after the slow Save")
		b.wantValues("put=apples", "after the slow Save")
		slow.wantValues(t.kept("note=slow put=apples", "put=apples"), "in grace, under the old cookie,")
		w.clock.Advance(afterGrace)
		slow.wantUser("", "after the grace")
		w.wantGone(slow, t, "put=apples", "after the grace")
		w.wantSessions("alice", 1, "after the slow Save")
	},
	"a slow Save across a sign-in": func(w *site, t trait) {
		b := w.browser()
		b.post("/put", "key", "cart", "value", "apples")
		slow := b.clone()
		finish := w.start(slow)
		b.post("/signin", "user", "alice")
		r := finish()
		slow.wantUser("", "after the slow Save")
		b.wantUser("alice", "after the slow Save")
		b.wantValues("cart=apples", "after the slow Save")
		if t.comesBack { // it puts the old session into the place of the new one
			w.wantSets(r, appSet)
			slow.wantValues("cart=apples note=slow", "after the slow Save")
			return
		}
		w.wantSets(r)
		w.wantGone(slow, t, "cart=apples", "after the slow Save")
	},
	"a slow first Save across a sign-in": func(w *site, _ trait) {
		b := w.browser()
		slow := b.clone()
		finish := w.start(slow)
		b.post("/signin", "user", "alice")
		w.wantSets(finish(), appSet) // nothing tells that it is the same browser
		slow.wantUser("", "after the slow Save")
		slow.wantValues("note=slow", "after the slow Save")
		b.wantUser("alice", "after the slow Save")
	},
}
