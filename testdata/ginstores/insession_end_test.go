package ginstores

var endStories = map[string]func(w *site, t trait){
	"a sign-out drops everything": func(w *site, t trait) {
		b, before := w.signedIn("put", "private")
		w.wantSets(b.post("/signout"), appDeleted, otherDeleted)
		if got := b.cookie("app"); got != "" {
			w.Errorf("after the sign-out the browser has the cookie %q; want none", got)
		}
		b.wantUser("", "after the sign-out")
		b.wantValues("", "after the sign-out")
		w.wantGone(before, t, "put=private", "after the sign-out")
		before.wantUser("", "under the old cookie")
		before.wantValues(t.old("put=private"), "under the old cookie")
		w.wantSessions("alice", 0, "after the sign-out")
	},
	"a sign-out drops what replaced cookies read": func(w *site, t trait) {
		b, first := w.signedIn("put", "private")
		b.post("/sync")
		second := b.clone()
		b.post("/sync")
		w.wantSets(b.post("/signout"), appDeleted, otherDeleted)
		for _, old := range []*browser{first, second} {
			w.wantGone(old, t, "put=private", "after the sign-out")
			old.wantUser("", "under an old cookie")
		}
	},
	"a Save behind the sign-out begins anew": func(w *site, t trait) {
		b, before := w.signedIn("put", "private")
		w.wantSets(b.post("/signout", "put", "bye"), appSet, otherDeleted)
		b.wantNew(before, "after the sign-out")
		b.wantValues("put=bye", "after the sign-out")
		b.wantUser("", "after the sign-out")
		w.wantGone(before, t, "put=private", "after the sign-out")
	},
	"Clear and Save sign out, on the server too": func(w *site, t trait) {
		for path, line := range map[string]string{"/clear": appSet, "/leave": appDeleted} {
			b, before := w.signedIn("put", "private")
			w.wantSets(b.post(path), line)
			w.wantSessions("alice", 0, "after POST "+path)
			b.wantUser("", "after POST "+path)
			b.wantValues("", "after POST "+path)
			w.wantGone(before, t, "put=private", "after POST "+path)
			before.wantUser("", "under the old cookie")
		}
	},
	"Clear and Save behind the sign-out change nothing": func(w *site, t trait) {
		b, before := w.signedIn("put", "private")
		w.wantSets(b.post("/signout/leave"), appDeleted, otherDeleted)
		b.wantUser("", "after the sign-out")
		b.wantValues("", "after the sign-out")
		w.wantGone(before, t, "put=private", "after the sign-out")
		w.wantSessions("alice", 0, "after the sign-out")
	},
	"a Save without the token signs out, and keeps the rest": func(w *site, t trait) {
		b, before := w.signedIn("put", "apples")
		w.wantSets(b.post("/drop", "key", "powgin"), appSet)
		w.wantSessions("alice", 0, "after the Save")
		b.wantUser("", "after the Save")
		b.wantValues("put=apples", "after the Save")
		before.wantUser("", "under the old cookie")
	},
}
