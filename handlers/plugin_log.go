package handlers

import (
	"slices"
	"strings"

	"github.com/powgin/powgin/cache"
)

// A writeLog is what a transaction has changed so far, in order, so that what is
// rolled back to a savepoint can be taken back.
type writeLog struct {
	noted []noted
	marks []mark
}

// noted is a change of some users of a tenant, or of all of them.
type noted struct {
	tenant string
	keys   []string // nil: all users
}

// A mark is a savepoint.
type mark struct {
	name  string
	noted int // how much was noted before it
}

func (l *writeLog) note(n noted) {
	l.noted = append(l.noted, n)
	l.compact()
}

// maxNoted is how many entries a log has before it is all users: one transaction
// may run millions of statements.
const maxNoted = 1024

// writes returns what is to be announced of all that.
func (l *writeLog) writes(p *Plugin) []*cache.Write {
	if len(l.noted) == 0 {
		return nil
	}
	byTenant, order, total := make(map[string][]string, 1), []string(nil), 0
	for _, n := range l.noted {
		if n.keys == nil {
			return p.everyone()
		}
		known, ok := byTenant[n.tenant]
		if !ok {
			order = append(order, n.tenant)
		}
		for _, key := range n.keys {
			if !slices.Contains(known, key) {
				known = append(known, key)
				total++
			}
		}
		byTenant[n.tenant] = known
		if total > cache.MaxWriteKeys {
			return p.everyone()
		}
	}
	writes := make([]*cache.Write, 0, len(order))
	for _, tenant := range order {
		writes = append(writes, p.auth.Cache.NewWrite(tenant, byTenant[tenant]...))
	}
	return writes
}

// compact keeps a log from growing without end. What a savepoint takes back later
// stays in it then, which costs a read of all users.
func (l *writeLog) compact() {
	if len(l.noted) > maxNoted {
		l.noted, l.marks = []noted{{}}, nil
	}
}

// savepoint follows a statement that sets a savepoint or goes back to one.
func (l *writeLog) savepoint(sql string) {
	verb, rest := cutWord(sql)
	switch verb {
	case "SAVEPOINT":
		l.marks = append(l.marks, mark{identifier(rest), len(l.noted)})
	case "ROLLBACK":
		// ROLLBACK [WORK | TRANSACTION] TO [SAVEPOINT] name
		for _, optional := range []string{"WORK", "TRANSACTION"} {
			if word, after := cutWord(rest); word == optional {
				rest = after
			}
		}
		word, name := cutWord(rest)
		if word != "TO" {
			return
		}
		if word, after := cutWord(name); word == "SAVEPOINT" && after != "" {
			name = after
		}
		l.backTo(identifier(name))
	}
}

func (l *writeLog) backTo(name string) {
	for i, m := range slices.Backward(l.marks) {
		if m.name == name {
			l.noted, l.marks = l.noted[:min(m.noted, len(l.noted))], l.marks[:i+1]
			return
		}
	}
}

// cutWord returns the first word in capitals, and what follows it.
func cutWord(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, " \t\r\n"); i >= 0 {
		return strings.ToUpper(s[:i]), strings.TrimSpace(s[i:])
	}
	return strings.ToUpper(s), ""
}

// identifier returns a name as it counts: without quotes, in one case.
func identifier(s string) string {
	return strings.ToLower(strings.Trim(strings.TrimSuffix(strings.TrimSpace(s), ";"), "\"`[] "))
}
