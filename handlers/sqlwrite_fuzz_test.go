package handlers

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	plainWrite = regexp.MustCompile(`(?i)^\s*(update\s+(users|"users"|\[users\])\s+set\b|delete\s+from\s+users\s+where\b|truncate\s+users\b|(insert|replace)\s+into\s+users\s*\()`)
	writeVerb  = regexp.MustCompile(`(?i)` + strings.Join(writeVerbs[:], "|"))
	noMarks    = regexp.MustCompile(`^[\w\s=,.;<>?+]*$`)
)

// FuzzReadSQL reads any text. What is said to be certain has to be so for a
// naive look at the text too, and comments, case and spaces change nothing.
func FuzzReadSQL(f *testing.F) {
	for _, sql := range []string{
		"", ";", "SELECT 1", "UPDATE users SET plan = ? WHERE id = ?", `UPDATE "users" SET "plan"=$1,"b"=$2 WHERE "users"."id" IN ($3,$4) AND "b" IS NULL`,
		"UPDATE `users` SET `plan`='x' WHERE (id = 1 AND a BETWEEN 1 AND 2) OR b", "DELETE FROM users AS u WHERE u.id = 'a''b' RETURNING *",
		"INSERT INTO users (a) VALUES (?) ON CONFLICT DO NOTHING", "REPLACE INTO users VALUES (1)", "WITH x AS (SELECT 1) DELETE FROM users",
		"UPDATE users SET a = $$x$$", "UPDATE users SET a = 1 /*! WHERE */ -- x\n", `UPDATE U&"users" SET a = E'\''`, "UPDATE [users] SET a = CASE WHEN b THEN 1 END WHERE @p1 = id;",
		"((((((", "))", "'", "$", "$1$", "@", "::", "[", "/*", "--", "\\", "UPDATE", "DELETE FROM", "INSERT OR", "UPDATE users SET", "UPDATE users.", "DELETE FROM users WHERE", "UPDATE users SET a", "UPDATE users SET a = ", "UPDATE users SET a = 1 WHERE id IN (",
	} {
		f.Add(sql)
	}
	r := newSQLReader("users", []string{"id"})
	f.Fuzz(func(t *testing.T, sql string) {
		w := r.read(sql)
		text := strings.ToLower(sql)
		where := strings.Index(text, "where")
		switch {
		case !w.touches && (w.insert || w.exact || w.columns != nil || w.keys != nil):
			t.Errorf("%q touches nothing, but is %+v", sql, w)
		case w.touches && (!writeVerb.MatchString(sql) || !strings.Contains(text, "users") && !strings.Contains(text, `u&"`)):
			t.Errorf("%q touches, without a verb or the name", sql)
		case !w.touches && plainWrite.MatchString(sql):
			t.Errorf("%q touches nothing; want it to", sql)
		case w.exact && (where < 0 || !strings.Contains(text[where:], "id") || len(w.keys) != 1 || len(w.keys[0]) == 0):
			t.Errorf("%q is exact: %+v", sql, w)
		case w.insert && !strings.Contains(text, "insert"):
			t.Errorf("%q is an insert", sql)
		}
		for _, column := range w.columns {
			if set := strings.Index(text, "set"); set < 0 || !strings.Contains(strings.NewReplacer(`""`, `"`, "``", "`").Replace(sql[set:]), column) && !strings.ContainsAny(column, "\"`") {
				t.Errorf("%q sets %q", sql, column)
			}
		}
		checkSame(t, r, sql, w)
	})
}

// checkSame fails the test where a change that is none to a database is one to
// the reader.
func checkSame(t *testing.T, r *sqlReader, sql string, w sqlWrite) {
	t.Helper()
	if !noMarks.MatchString(sql) || strings.Contains(sql, "\r") {
		return
	}
	for _, same := range []string{
		strings.ToUpper(sql), strings.ToLower(sql), " \n" + sql + "\t", "/* UPDATE x */" + sql, "-- ; OR\n" + sql, sql + " -- OR 1\n",
		sql + "/* ' */;", strings.ReplaceAll(sql, " ", "\t/* OR ( */ -- '\n"), strings.ReplaceAll(sql, " ", "  "),
	} {
		got := r.read(same)
		if got.touches != w.touches || got.insert != w.insert || got.exact != w.exact || !slices.EqualFunc(got.columns, w.columns, strings.EqualFold) ||
			!slices.EqualFunc(got.keys, w.keys, func(a, b keyTerm) bool { return slices.Equal(a, b) }) {
			t.Errorf("%q is %+v, but %q is %+v", sql, w, same, got)
		}
	}
}
