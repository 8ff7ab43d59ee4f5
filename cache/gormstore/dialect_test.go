package gormstore

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/powgin/powgin/cache"
)

// The statements are what databases see of a Store: a change of one shows here.
func TestStatements(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		dialect *dialect
		table   table
		want    map[string]string
	}{
		{&sqlite, table{"", "powgin_accounts"}, map[string]string{
			"load": `SELECT julianday('now'),` +
				` a.version, a.data, a.expires, e.version, e.data, e.expires FROM (SELECT 1) AS one` +
				` LEFT JOIN "powgin_accounts" AS a ON a.id = ? LEFT JOIN "powgin_accounts" AS e ON e.id = ?`,
			"create": `INSERT INTO "powgin_accounts" AS r (id, version, data, expires) VALUES (?, ?, ?, ?)` +
				` ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data, expires = excluded.expires` +
				` WHERE r.expires <> 0 AND r.expires <= max(CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000000, ?)`,
			"revive": "",
			"replace": `UPDATE "powgin_accounts" SET version = ?, data = ?, expires = ? WHERE id = ? AND version = ?` +
				` AND (expires = 0 OR expires > max(CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000000, ?))`,
			"remove": `DELETE FROM "powgin_accounts" WHERE id = ? AND version = ?` +
				` AND (expires = 0 OR expires > max(CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000000, ?))`,
		}},
		{&postgres, table{"auth", "T"}, map[string]string{
			"load": `SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint * 1000,` +
				` a.version, a.data, a.expires, e.version, e.data, e.expires FROM (SELECT 1) AS one` +
				` LEFT JOIN "auth"."T" AS a ON a.id = $1 LEFT JOIN "auth"."T" AS e ON e.id = $2`,
			"create": `INSERT INTO "auth"."T" AS r (id, version, data, expires) VALUES ($1, $2, $3, $4)` +
				` ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data, expires = excluded.expires` +
				` WHERE r.expires <> 0 AND r.expires <= GREATEST((EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint * 1000, $5)`,
			"revive": "",
			"replace": `UPDATE "auth"."T" SET version = $1, data = $2, expires = $3 WHERE id = $4 AND version = $5` +
				` AND (expires = 0 OR expires > GREATEST((EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint * 1000, $6))`,
			"remove": `DELETE FROM "auth"."T" WHERE id = $1 AND version = $2` +
				` AND (expires = 0 OR expires > GREATEST((EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint * 1000, $3))`,
		}},
		{&mysql, table{"", "t"}, map[string]string{
			"load": "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) * 1000," +
				" a.version, a.data, a.expires, e.version, e.data, e.expires FROM (SELECT 1) AS one" +
				" LEFT JOIN `t` AS a ON a.id = ? LEFT JOIN `t` AS e ON e.id = ?",
			"create": "INSERT IGNORE INTO `t` (id, version, data, expires) VALUES (?, ?, ?, ?)",
			"revive": "UPDATE `t` SET version = ?, data = ?, expires = ? WHERE id = ?" +
				" AND expires <> 0 AND expires <= GREATEST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) * 1000, ?)",
			"replace": "UPDATE `t` SET version = ?, data = ?, expires = ? WHERE id = ? AND version = ?" +
				" AND (expires = 0 OR expires > GREATEST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) * 1000, ?))",
			"remove": "DELETE FROM `t` WHERE id = ? AND version = ?" +
				" AND (expires = 0 OR expires > GREATEST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) * 1000, ?))",
		}},
	} {
		var q queries
		q.write(tt.dialect, tt.table)
		for name, got := range map[string]string{
			"load": q.load.sql, "create": q.create.sql, "revive": q.revive.sql, "replace": q.replace.sql, "remove": q.remove.sql,
		} {
			if want := tt.want[name]; got != want {
				t.Errorf("%s of %s =\n%s\nwant\n%s", name, tt.table, got, want)
			}
		}
	}
}

func TestTableNames(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("x", 55)
	for name, want := range map[string]table{
		"":                      {"", "powgin_accounts"},
		"t":                     {"", "t"},
		"_T9":                   {"", "_T9"},
		"auth.sessions":         {"auth", "sessions"},
		longest + "." + longest: {longest, longest},
	} {
		if got, err := parseTable(name); err != nil || got != want {
			t.Errorf("parseTable(%q) = %+v, %v; want %+v", name, got, err, want)
		}
	}
	for _, name := range []string{
		".", "a.", ".b", "a.b.c", "9t", "a b", "a-b", `a"b`, "a`b", "a;b", "é", "a\n", "{table}", "a?", longest + "x", longest + "x.t",
	} {
		if got, err := parseTable(name); err == nil || !strings.Contains(err.Error(), "must be a name or schema.name") {
			t.Errorf("parseTable(%q) = %+v, %v; want an error that says the rule", name, got, err)
		}
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ dialect, table, want string }{
		{"sqlite", "", `CREATE TABLE IF NOT EXISTS "powgin_accounts" (
	id BLOB NOT NULL PRIMARY KEY,
	version BLOB NOT NULL,
	data BLOB NOT NULL,
	expires INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS "powgin_accounts_expires" ON "powgin_accounts" (expires);`},
		{"postgres", "auth.t", `CREATE TABLE IF NOT EXISTS "auth"."t" (
	id bytea NOT NULL PRIMARY KEY,
	version bytea NOT NULL,
	data bytea NOT NULL,
	expires bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS "t_expires" ON "auth"."t" (expires);`},
		{"mysql", "auth.t", "CREATE TABLE IF NOT EXISTS `auth`.`t` (\n" +
			"	id BINARY(32) NOT NULL PRIMARY KEY,\n" +
			"	version BINARY(16) NOT NULL,\n" +
			"	data MEDIUMBLOB NOT NULL,\n" +
			"	expires BIGINT NOT NULL,\n" +
			"	KEY `t_expires` (expires)\n" +
			") ENGINE = InnoDB;"},
	} {
		if got, err := Schema(tt.dialect, tt.table); err != nil || got != tt.want {
			t.Errorf("Schema(%q, %q) =\n%s\n%v\nwant\n%s", tt.dialect, tt.table, got, err, tt.want)
		}
	}
	got, err := Schema("oracle", "a b")
	if got != "" || err == nil {
		t.Fatalf("Schema of neither a dialect nor a name = %q, %v; want an error", got, err)
	}
	for _, part := range []string{`"oracle" is none of sqlite, postgres and mysql`, `"a b" must be a name`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("Schema of neither a dialect nor a name = %v; want %s in it", err, part)
		}
	}
}

// What a read makes of SQLite's clock and what its changes go by is one moment, or a
// session could be over for the one and not for the others.
func TestSQLiteTellsOneTime(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const at = "strftime('%Y-%m-%d %H:%M:%f', ? / 1000.0, 'unixepoch')"
	stmt, err := db.Prepare("SELECT " + strings.ReplaceAll(sqlite.julian+", "+sqlite.clock, "'now'", at))
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	for ms := int64(1_700_000_000_000); ms < 4_000_000_000_000; ms += 2_299_999_999 + ms%1_000 {
		var m moment
		var clock int64
		if err := stmt.QueryRow(ms, ms).Scan(m.scans(&sqlite), &clock); err != nil {
			t.Fatal(err)
		}
		if m.time() != cache.Time(clock) || clock != ms*1e6 {
			t.Fatalf("at %d ms a read is told %d and a change %d", ms, m.time(), clock)
		}
	}
}
