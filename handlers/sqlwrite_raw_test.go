package handlers

import "testing"

func TestTheConditionIsExactOnlyWhereTheKeyMustHold(t *testing.T) {
	t.Parallel()
	var rows []sqlRow
	add := func(keys string, conditions ...string) {
		for _, c := range conditions {
			rows = append(rows, sqlRow{"UPDATE users SET plan = 'x' WHERE " + c, "plan of " + keys},
				sqlRow{"DELETE FROM users WHERE " + c, "? of " + keys})
		}
	}
	add("5", "id = 5", "id=5", "5 = id", "(id = 5)", "((id = 5) AND (a = 1))", "(id IN (5))", "users.id = 5", "[id] = 5",
		"a BETWEEN 1 AND 2 AND id = 5", "(a OR b) AND id = 5", "NOT a AND id = 5", "id = 5 ORDER BY a LIMIT 3",
		"a IS DISTINCT FROM b AND id = 5", "id = 5 AND id = a", "id = 5 AND a IN (SELECT 1 WHERE x OR y)",
		"id IN (1,5,6) AND id = 5", "id = 5 AND a = 'x OR y'", "id = 5 -- OR a\n", "id = 5 /* OR a */ AND b", "id = 5 AND data ? 'a'")
	add("#0", "id = ?", "id = ? AND a = ?", "? = id", "id = $1", "id = $1 AND a = $2", "id = $1 AND b = $1", "id = @p1")
	add("'eve'", "id = 'eve'", "id = 'eve' AND a = 'it''s'")
	add("?",
		"id = 5 OR a", "id = 5 XOR a", "(id = 5 OR a)", "((id = 5) OR (id = 6))", "NOT id = 5", "NOT (id = 5)", "id = 5 AND a || b",
		"a OR b AND id = 5", "a BETWEEN 1 AND id = 5", "CASE WHEN x AND id = 5 AND y THEN 1 ELSE 1 END", "id = 5 || 1",
		"id > 5", "id >= 5", "id <> 5", "id != 5", "id <=> 5", "id := 5", "id IS 5", "id = NULL", "id NOT IN (5)", "id LIKE 5",
		"id = 5 + 1", "id = -5", "id = 5.0", "id = 0x5", "id = 5e1", "id = .5", "id = 5::int", "id = lower(?)", "id = (SELECT 5)",
		"id = 5 IS FALSE", "id = 5 = 0", "id + 1 = 5", "lower(id) = 5", "id = 'a' COLLATE NOCASE", "id = E'a'", "id = 'a' 'b'",
		"id = 'it''s'", `id = 'a\b'`, `id = "a"`, "id = `a`", "id = a", "other.id = 5", "a.users.id = 5", "(id, a) = (5, 1)",
		"id IN ()", "id IN (5, a)", "id IN (5,)", "id IN (5 6)", "id IN ((5))", "id IN (5) IS FALSE", "id IN (VALUES (5))",
		"id = $2", "a = $2 AND id = $1", "id = ? AND a = $1", "id = ? AND a = :a", "id = ?1", "id = :id", "id = @id", "id = $id",
		"a = @x AND id = ?", "id = $1 AND a = @p1", "id = @p2", "id[1] = 5", "x[5] = 5",
		`"id" = 5`, "1 = 1",
		"CURRENT OF c")
	for _, c := range []string{ // one cannot even tell where the condition begins or ends
		"id = 5--1", "id = 5 # 2", "id = 5 -- a\r OR b", "id = 5 /* /* */ OR 1=1 -- */", "id = 5 /*! OR 1=1 */", "id = 5 /*M! OR 1=1 */",
		"WHERE id = 5", "id = 5 AND a = 'x", `id = 5 AND a = 'x\' OR b`, "{x id = 5}", "id = 5 AND returning OR a",
	} {
		rows = append(rows, sqlRow{"UPDATE users SET plan = 'x' WHERE " + c, "? of ?"}, sqlRow{"DELETE FROM users WHERE " + c, "? of ?"})
	}
	checkSQL(t, "users", []string{"id"}, rows)
}

func TestColumnsAreKnownOnlyWhereEachIsPlain(t *testing.T) {
	t.Parallel()
	checkSQL(t, "users", []string{"id"}, []sqlRow{
		{"UPDATE users SET plan = 1", "plan of ?"},
		{"UPDATE users SET a = 1, `b`=f(1, 2), \"c\" = (SELECT x, y FROM z WHERE q), [d] = CASE WHEN a THEN b ELSE c END WHERE id = 1", "a,b,c,d of 1"},
		{"UPDATE users u SET u.plan = 1, x = u.y WHERE u.id = 1", "plan,x of 1"},
		{"UPDATE users SET users.plan = 1 WHERE users.id = 1", "plan of 1"},
		{"UPDATE users SET addr.city = 1 WHERE id = 1", "? of ?"},
		{"UPDATE users SET (a, b) = (1, 2) WHERE id = 1", "? of ?"},
		{"UPDATE users SET tags[1] = 2 WHERE id = 1", "? of ?"},
		{"UPDATE users SET a = b IS DISTINCT FROM c, plan = 2 WHERE id = 1", "? of ?"},
		{"UPDATE users SET a = returning, plan = 2 WHERE id = 1", "? of ?"},
		{"UPDATE users SET a := 1 WHERE id = 1", "? of ?"},
		{"UPDATE users SET a += 1 WHERE id = 1", "? of ?"},
		{"UPDATE users SET a = 1, WHERE id = 1", "? of ?"},
		{"UPDATE users SET WHERE id = 1", "? of ?"},
		{"UPDATE users SET rowid = 2 WHERE id = 1", "? of ?"},
		{"UPDATE users SET id = 2 WHERE id = 1", "id of ?"},
		{"UPDATE users SET plan = 1, ID = 2 WHERE id = 1", "plan,ID of ?"},
		{"UPDATE users SET plan = x.plan FROM x WHERE users.id = 1", "plan of ?"},
		{"UPDATE OR IGNORE users SET email = 1 WHERE id = 1", "email of 1"},
		{"UPDATE OR REPLACE users SET email = 1 WHERE id = 1", "? of ?"},
		{"UPDATE LOW_PRIORITY IGNORE users SET plan = 1 WHERE id = 1", "plan of 1"},
	})
}

func TestWhatIsNotPlainTouchesAnyRow(t *testing.T) {
	t.Parallel()
	var rows []sqlRow
	for _, sql := range []string{
		"TRUNCATE TABLE users", "ALTER TABLE users ADD x int", "DROP TABLE IF EXISTS users", "MERGE INTO users USING x ON a WHEN MATCHED THEN DELETE",
		"COPY users FROM STDIN", "LOAD DATA INFILE 'x' INTO TABLE users", "RENAME TABLE users TO x", "REPLACE INTO users VALUES (1)", "REPLACE users SET id = 1",
		"INSERT OR REPLACE INTO users VALUES (1)", "INSERT INTO users VALUES (1) ON CONFLICT (id) DO UPDATE SET plan = 1", "UPDATE users, x SET plan = 1 WHERE id = 1",
		"UPDATE x, users SET plan = 1", "UPDATE users JOIN x ON x.id = users.id SET plan = 1 WHERE users.id = 1", "UPDATE (users) SET plan = 1",
		"DELETE users FROM users JOIN x ON x.id = users.id", "DELETE FROM users USING x WHERE users.id = 1", "DELETE FROM u USING users AS u JOIN x",
		"DELETE FROM x, users USING x JOIN users", "UPDATE users INDEXED BY i SET plan = 1 WHERE id = 1", "UPDATE users PARTITION (p0) SET plan = 1 WHERE id = 1",
		"WITH x AS (SELECT 1) UPDATE users SET plan = 1 WHERE id = 1", "WITH x AS (DELETE FROM users RETURNING *) SELECT * FROM x",
		"INSERT INTO users WITH x AS (SELECT 1) SELECT * FROM x", "EXPLAIN ANALYZE UPDATE users SET plan = 1 WHERE id = 1", "EXPLAIN (ANALYZE) DELETE FROM users",
		"ANALYZE UPDATE users SET plan = 1", "SELECT 1; UPDATE users SET plan = 1 WHERE id = 1", "UPDATE users SET plan = 1 WHERE id = 1; UPDATE users SET plan = 2",
		"INSERT INTO users VALUES (1); DELETE FROM users", "PREPARE p AS UPDATE users SET plan = 1", "SET STATEMENT max_statement_time = 1 FOR UPDATE users SET plan = 1",
		"CREATE OR REPLACE TABLE users (id int)", "/*!50000UPDATE users SET plan = 1*/", "SELECT 1 /*! ; UPDATE users SET plan = 1 */", `UPDATE U&"us\0065rs" SET plan = 1`,
		"UPDATE users SET plan = $$it's$$ WHERE id = 1", "UPDATE users SET plan = $a$ WHERE $a$ WHERE id = 1", `UPDATE users SET plan = 'a\' WHERE id = 1 -- '`,
		"UPDATE users SET plan = 1 /*\x00*/ WHERE id = 1", "UPDATE users SET plan = 1 /* WHERE id = 1", "UPDATE users SET a = ARRAY['b'] WHERE id = 1",
		"UPDATE users SET plan = '\xbf' WHERE id = 1", "UPDATE users SET plan = (1 WHERE id = 1", "UPDATE users SET plan = 1) WHERE id = 1", "DO $$ BEGIN UPDATE users SET a = 1; END $$",
		"REFRESH MATERIALIZED VIEW users", "# a\nUPDATE users SET plan = 1 WHERE id = 1", "UPDATE a SET x = 1; SELECT * FROM users",
	} {
		rows = append(rows, sqlRow{sql, "? of ?"})
	}
	checkSQL(t, "users", []string{"id"}, rows)
}

func TestWhatOnlyReadsOrWritesElsewhereTouchesNothing(t *testing.T) {
	t.Parallel()
	var rows []sqlRow
	for _, sql := range []string{
		"SELECT * FROM users", "  select 1 FROM users", "/* x */ -- y\n SELECT * FROM users FOR UPDATE;", "SELECT ';update' FROM users", "SELECT data #>> '{a}' FROM users",
		"SELECT * INTO users FROM x", "WITH x AS (SELECT * FROM users) SELECT replace(a, 'b', 'c') FROM x FOR UPDATE", "VALUES (1)", "SHOW CREATE TABLE users",
		"PRAGMA table_info(users)", "BEGIN", "COMMIT", "SET search_path = users", "EXPLAIN UPDATE users SET plan = 1", "EXPLAIN QUERY PLAN DELETE FROM users", "ANALYZE users",
		"VACUUM users", "CREATE TABLE users (id int REFERENCES x ON DELETE CASCADE)", "CREATE INDEX i ON users (update)", "CALL change_users()", "EXECUTE p",
		"UPDATE orders SET x = (SELECT plan FROM users WHERE id = 1)", "UPDATE orders SET x = u.plan FROM users u WHERE u.id = user_id", "DELETE FROM orders WHERE user_id IN (SELECT id FROM users)",
		"INSERT INTO orders SELECT * FROM users", "REPLACE INTO orders SELECT * FROM users", "INSERT INTO logs VALUES ('UPDATE users SET plan = 1')",
		"TRUNCATE orders", "SELECT 1; UPDATE orders SET x = 1", "DELETE FROM orders USING people", "-- UPDATE users\n", "INSERT INTO users_archive VALUES (1)",
		"UPDATE orders SET note = 'users;' WHERE id = 1", "selected FROM users",
	} {
		rows = append(rows, sqlRow{sql, "no"})
	}
	checkSQL(t, "users", []string{"id"}, rows)
	checkSQL(t, "users", []string{"id"}, []sqlRow{
		{"INSERT INTO users (a) VALUES ('x')", "insert"}, {"INSERT IGNORE INTO users VALUES (1)", "insert"}, {"INSERT users SET a = 1", "insert"},
		{"INSERT OR IGNORE INTO users VALUES (1)", "insert"}, {"INSERT INTO users AS u (a) SELECT b FROM x ON CONFLICT (a) DO NOTHING", "insert"},
		{"INSERT INTO users (a) VALUES (replace(?, 'x', 'y'))", "insert"},
	})
}
