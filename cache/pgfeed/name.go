package pgfeed

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// A name is that of a table: its schema, if that was given, and its own.
type name struct{ schema, table string }

// parseName reads "table" or "schema.table". Names are taken as they stand, and
// may be quoted as in SQL.
func parseName(s string) (n name, ok bool) {
	if n.table, s, ok = cutName(s); !ok {
		return n, false
	}
	if s == "" {
		return n, true
	}
	if s[0] != '.' {
		return n, false
	}
	n.schema = n.table
	n.table, s, ok = cutName(s[1:])
	return n, ok && s == ""
}

// cutName takes the first name from s.
func cutName(s string) (first, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, `."`)
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], isName(s[:end])
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] == '"' {
			if !strings.HasPrefix(s[i+1:], `"`) {
				return b.String(), s[i+1:], isName(b.String())
			}
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

func isName(s string) bool {
	return s != "" && len(s) <= maxName && !strings.ContainsRune(s, 0) && utf8.ValidString(s)
}

// in is another name in the same schema.
func (n name) in(other string) name { return name{n.schema, other} }

func (n name) String() string {
	if n.schema == "" {
		return quote(n.table)
	}
	return quote(n.schema) + "." + quote(n.table)
}

// quote makes an identifier of a name, as it stands.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal makes a string of SQL, whatever standard_conforming_strings says.
func literal(s string) string {
	return `E'` + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + `'`
}

// short cuts a name that PostgreSQL would cut, in a way that keeps it apart.
func short(s string) string {
	if len(s) <= maxName {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "_" + digest(s)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}
