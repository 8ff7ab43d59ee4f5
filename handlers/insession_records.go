package handlers

import (
	"slices"
	"strings"

	gorilla "github.com/gorilla/sessions"

	"github.com/powgin/powgin/cache"
)

// replacedKey is where a session remembers the records that it has left while
// their tokens still worked.
func (t *inSession) replacedKey() string { return t.Key + ".replaced" }

// maxReplaced is how many of them it remembers. Each takes some 200 bytes of a
// session's values, for which some stores have 4 KB.
const maxReplaced = 4

// put has the values next, of the session that m moves, carry the token. With
// keep the record that the session leaves stays for as long as its own token
// works; it is deleted when the session moves again after that, or when somebody
// comes with it. Without, it is deleted when the move has landed, with those
// left before.
func (t *inSession) put(s *State, m *move, values, next map[any]any, token *cache.Token, keep bool) {
	next[t.Key] = s.auth.Tokens.Format(*token)
	delete(next, t.replacedKey())
	known := s.carried()
	m.older = append(known.left, t.others(values, known.left)...)
	if !keep || m.old.id == "" {
		return
	}
	m.keep = true
	left := []record{m.old}
	// A renewal in this same request has replaced no token yet.
	if o := s.snapshot(); known.renewal != nil || !s.auth.Cache.Settled(&o.Access) {
		left = append(slices.Clone(m.older), m.old)
		m.older = nil
		if over := len(left) - maxReplaced; over > 0 {
			m.older, left = left[:over], left[over:]
		}
	}
	next[t.replacedKey()] = formatRecords(left)
	known.left = left
}

// others returns the records that values remember and that are not known.
func (t *inSession) others(values map[any]any, known []record) []record {
	return slices.DeleteFunc(t.replaced(values), func(r record) bool {
		return slices.ContainsFunc(known, func(k record) bool { return k.id == r.id })
	})
}

// replaced returns the records that values remember.
func (t *inSession) replaced(values map[any]any) (list []record) {
	text, _ := values[t.replacedKey()].(string)
	for line := range strings.SplitSeq(text, "\n") {
		if id, cookie, ok := strings.Cut(line, "\t"); ok && id != "" {
			list = append(list, record{id: id, cookie: cookie})
		}
	}
	return list
}

// formatRecords writes them as one string, which every serializer of a store
// takes. A store that lets IDs have a tab or line break in them has their
// records run out by themselves.
func formatRecords(list []record) string {
	var b strings.Builder
	for _, r := range list {
		if strings.ContainsAny(r.id+r.cookie, "\t\n") {
			continue
		}
		b.WriteString(r.id + "\t" + r.cookie + "\n")
	}
	return b.String()
}

// tokenIn returns the carrier where the session is the one that its tokens are
// in, else nil.
func (s *State) tokenIn(session *gorilla.Session) *inSession {
	t, _ := s.auth.carrier.(*inSession)
	if m := s.carried(); t == nil || m == nil || m.session != session {
		return nil
	}
	return t
}

// carried returns what the request knows of the session that its token is in,
// nil with other transports.
func (s *State) carried() *carried {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.some().mounted
}

// lastForOthers has a session's record last as long as the tokens in it that are
// none of this set-up's.
func (s *State) lastForOthers(session *gorilla.Session) {
	for o := stateIn(s.gin); o != nil; o = o.outer {
		if t := o.tokenIn(session); t != nil && o != s {
			lastFor(session, t.age(o))
		}
	}
}

// foreign returns the tokens in a session that are none of this set-up's: those
// of others in the chain, whose users stay signed in whatever becomes of ours.
func (s *State) foreign(session *gorilla.Session) map[any]any {
	kept := map[any]any{}
	for o := stateIn(s.gin); o != nil; o = o.outer {
		if t := o.tokenIn(session); t != nil && o != s {
			for _, key := range [...]any{t.Key, t.replacedKey()} {
				if value, ok := session.Values[key]; ok {
					kept[key] = value
				}
			}
		}
	}
	return kept
}
