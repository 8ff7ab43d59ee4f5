package handlers

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A sqlMaker writes random statements, most of them valid, with placeholders
// whose values it keeps.
type sqlMaker struct {
	*rand.Rand
	args []any
}

func (m *sqlMaker) pick(of ...string) string { return of[m.IntN(len(of))] }

func (m *sqlMaker) mark(v any) string {
	m.args = append(m.args, v)
	return "?"
}

func (m *sqlMaker) value() string {
	n := m.IntN(8)
	if m.IntN(3) == 0 {
		return m.mark(n)
	}
	return strconv.Itoa(n)
}

func (m *sqlMaker) column() string { return m.pick("id", "id", "users.id", "a", "b", "users.a") }

func (m *sqlMaker) space() string {
	return m.pick(" ", " ", " ", "\n", " /* OR 1=1 */ ", " -- it's OR\n", "\t")
}

// condition nests terms, with and without parentheses.
func (m *sqlMaker) condition(depth int) string {
	if depth == 0 {
		return m.term()
	}
	switch m.IntN(8) {
	case 0:
		return "(" + m.condition(depth-1) + ")"
	case 1:
		return "NOT " + m.condition(depth-1)
	case 2:
		return m.condition(depth-1) + m.space() + "OR" + m.space() + m.condition(depth-1)
	case 3:
		return m.term() + m.pick(" IS ", " = ", " + ", " BETWEEN ", " || ", " <> ") + m.condition(depth-1)
	case 4:
		return "CASE WHEN " + m.condition(depth-1) + " THEN " + m.condition(depth-1) + " ELSE 1 END"
	default:
		return m.condition(depth-1) + m.space() + "AND" + m.space() + m.condition(depth-1)
	}
}

func (m *sqlMaker) term() string {
	switch m.IntN(9) {
	case 0:
		return m.value() + " = " + m.column()
	case 1:
		return m.column() + " IN (" + m.value() + ", " + m.value() + ")"
	case 2:
		return m.column() + " BETWEEN " + m.value() + " AND " + m.value()
	case 3:
		return m.pick("plan = 'x OR y'", "a IS NULL", "a IS NOT NULL", "EXISTS (SELECT 1 WHERE 1 OR 0)", "id", "1", "plan <> 'it''s'")
	case 4:
		return m.column() + m.pick(" > ", " <> ", " != ", " IS ", " IS DISTINCT FROM ", " + ") + m.value()
	case 5:
		return "(" + m.column() + " = " + m.value() + ")"
	default:
		return m.column() + m.pick("=", " = ") + m.value()
	}
}

func (m *sqlMaker) statement() string {
	m.args = nil
	where := ""
	if m.IntN(12) > 0 {
		where = m.space() + "WHERE" + m.space() + m.condition(m.IntN(4))
	}
	// The marks of what is before the condition come first.
	args := m.args
	m.args = nil
	head := m.head()
	m.args = append(m.args, args...)
	return head + where + m.pick("", "", "", ";", " RETURNING id", " -- x")
}

func (m *sqlMaker) head() string {
	if m.IntN(3) == 0 {
		return m.pick("DELETE", "delete", "/* x */ Delete") + " FROM " + m.pick("users", `"users"`, "main.users", "[users]")
	}
	sets := []string{}
	for range 1 + m.IntN(2) {
		column := m.pick("a", "b", "plan", "`a`", `"b"`, "id", "rowid")
		sets = append(sets, column+" = "+m.pick(m.pick("7", "b", "a IS DISTINCT FROM b", "CASE WHEN a THEN 1 ELSE 2 END", "(SELECT max(b) FROM users)"), "a + 1"))
	}
	if m.IntN(3) == 0 {
		sets = append(sets, "plan = "+m.mark("y"))
	}
	return m.pick("UPDATE", "update") + m.pick(" ", " OR IGNORE ", " OR REPLACE ") + m.pick("users", `"users"`, "`users`", "main.users", "'users'", "others") +
		m.space() + "SET " + strings.Join(sets, ", ")
}

const (
	randomTable = "CREATE TABLE %s (id INTEGER PRIMARY KEY, a int, b int UNIQUE, plan text)"
	randomRows  = "INSERT INTO %s VALUES (1, 1, 10, 'x'), (2, 1, 20, 'x'), (3, 3, 30, 'y'), (4, 0, 40, 'it''s'), (5, 5, 50, ''), (6, NULL, 60, 'x OR y')"
)

// TestRandomStatementsChangeNoMoreThanIsRead runs statements against SQLite
// and looks at what they really changed.
func TestRandomStatementsChangeNoMoreThanIsRead(t *testing.T) {
	t.Parallel()
	pool, err := openTestDB(t).DB()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, table := range []string{"users", "others"} {
		mustExec(t, conn, fmt.Sprintf(randomTable, table))
		mustExec(t, conn, fmt.Sprintf(randomRows, table))
	}
	before := rowsOf(t, conn)
	r := newSQLReader("users", []string{"id"})
	const seed = 20
	m := &sqlMaker{Rand: rand.New(rand.NewPCG(seed, seed))}
	exact, changed := 0, 0
	statements := 3000
	if testing.Short() {
		statements = 300
	}
	for range statements {
		text := m.statement()
		w := r.read(text)
		mustExec(t, conn, "BEGIN")
		if _, err := conn.ExecContext(t.Context(), text, m.args...); err == nil {
			if after := rowsOf(t, conn); !slices.Equal(before, after) {
				changed++
				if w.exact {
					exact++
				}
				checkChange(t, text, m.args, w, before, after)
			}
		}
		mustExec(t, conn, "ROLLBACK")
	}
	if changed < statements/6 || exact < statements/60 {
		t.Errorf("%d statements changed rows, %d of them exact; want more to look at", changed, exact)
	}
}

type randomRow struct{ id, a, b, plan string }

func mustExec(t *testing.T, conn *sql.Conn, text string) {
	t.Helper()
	if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func rowsOf(t *testing.T, conn *sql.Conn) (rows []randomRow) {
	t.Helper()
	found, err := conn.QueryContext(t.Context(), "SELECT id, coalesce(a, 'NULL'), coalesce(b, 'NULL'), coalesce(plan, 'NULL') FROM users ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		var row randomRow
		if err := found.Scan(&row.id, &row.a, &row.b, &row.plan); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// checkChange compares what a statement changed with what was read.
func checkChange(t *testing.T, text string, args []any, w sqlWrite, before, after []randomRow) {
	t.Helper()
	if !w.touches || w.insert {
		t.Errorf("%s changed rows, but read as %q", text, w.describe())
	}
	for _, old := range before {
		i := slices.IndexFunc(after, func(row randomRow) bool { return row.id == old.id })
		if i >= 0 && after[i] == old {
			continue
		}
		if w.exact && !slices.ContainsFunc(w.keys[0], func(v keyValue) bool {
			return v.index >= 0 && fmt.Sprint(args[v.index]) == old.id || v.index < 0 && v.literal == old.id
		}) {
			t.Errorf("%s changed row %s, but read as %q", text, old.id, w.describe())
		}
		if w.columns == nil {
			continue
		}
		if i < 0 {
			if !slices.Contains(w.columns, "id") {
				t.Errorf("%s took row %s away, but read as %q", text, old.id, w.describe())
			}
			continue
		}
		for column, same := range map[string]bool{"a": after[i].a == old.a, "b": after[i].b == old.b, "plan": after[i].plan == old.plan} {
			if !same && !slices.Contains(w.columns, column) && !slices.Contains(w.columns, "id") {
				t.Errorf("%s changed column %s, but read as %q", text, column, w.describe())
			}
		}
	}
}
