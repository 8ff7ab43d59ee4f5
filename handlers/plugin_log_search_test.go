package handlers

import (
	"slices"
	"testing"
)

// A savepoints is what a database does with savepoints: which of a transaction's
// changes are there after each statement. replaces tells MySQL's way, where a name
// has one savepoint, from the standard's, where a later one hides the others.
type savepoints struct {
	replaces bool
	changed  []string
	set      []mark
}

// run makes a statement, and reports false for one that is an error.
func (s *savepoints) run(statement string) bool {
	switch verb, name := statement[:1], statement[1:]; verb {
	case "w":
		s.changed = append(s.changed, name)
	case "s":
		if s.replaces {
			s.set = slices.DeleteFunc(s.set, func(m mark) bool { return m.name == name })
		}
		s.set = append(s.set, mark{name, len(s.changed)})
	default:
		at := -1
		for i, m := range s.set {
			if m.name == name {
				at = i
			}
		}
		switch {
		case at < 0:
			return false
		case verb == "r": // RELEASE
			s.set = s.set[:at]
		default: // ROLLBACK TO
			s.changed, s.set = s.changed[:s.set[at].noted], s.set[:at+1]
		}
	}
	return true
}

// savepointText is how the statement reaches the log.
var savepointText = map[string]func(name string) string{
	"s": func(name string) string { return "SAVEPOINT " + name },
	"r": func(name string) string { return "RELEASE SAVEPOINT " + name },
	"b": func(name string) string { return "ROLLBACK TO SAVEPOINT " + name },
}

// Every transaction of up to six writes and savepoints of two names: what is there
// in the end is in the log. More may be: a read costs less than a stale user.
func TestTheLogMissesNothingOfAnyTransaction(t *testing.T) {
	t.Parallel()
	statements := []string{"wa", "wb", "sx", "sy", "rx", "ry", "bx", "by"}
	for name, replaces := range map[string]bool{"as the standard has it": false, "as MySQL has it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var transactions, exact int
			var extend func(made []string)
			extend = func(made []string) {
				real, log := &savepoints{replaces: replaces}, new(writeLog)
				for _, statement := range made {
					switch ok := real.run(statement); {
					case !ok: // the log is not told of what failed
					case statement[:1] == "w":
						log.note(noted{keys: []string{statement[1:]}})
					default:
						log.savepoint(savepointText[statement[:1]](statement[1:]))
					}
				}
				transactions++
				got := log.keys()
				for _, key := range real.changed {
					if !slices.Contains(got, key) {
						t.Fatalf("after %v the log has %v; but %v are changed", made, got, real.changed)
					}
				}
				if len(got) == len(real.changed) {
					exact++
				}
				if len(made) < 6 {
					for _, statement := range statements {
						extend(append(slices.Clip(made), statement))
					}
				}
			}
			extend(nil)
			t.Logf("%d transactions, of which the log has exactly what is changed in %d", transactions, exact)
			if exact < transactions*3/4 {
				t.Errorf("the log is exact for %d of %d transactions only", exact, transactions)
			}
		})
	}
}
