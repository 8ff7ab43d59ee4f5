package pgfeed_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/powgin/powgin/cache/pgfeed"
)

func TestStartTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.users()
	d.sql("CREATE TABLE odd (id bytea, pad char(9), at timestamptz, plan text); CREATE VIEW seen AS SELECT * FROM users; CREATE TABLE bare (id int)")
	for _, row := range []struct {
		name, dsn, table, want string
		opts                   []pgfeed.Option
	}{
		{"no table of that name", d.dsn, "user", `no table "user"`, nil},
		{"no schema of that name", d.dsn, "elsewhere.users", `no table "elsewhere"."users"`, nil},
		{"no column of the key", d.dsn, "users", `no column "uid"`, []pgfeed.Option{pgfeed.Key("uid")}},
		{"no column that counts", d.dsn, "users", `no column "Plan"`, []pgfeed.Option{pgfeed.Columns("plan", "Plan")}},
		{"a key of bytes", d.dsn, "odd", "the text of a bytea", nil},
		{"a padded key", d.dsn, "odd", "the text of a bpchar", []pgfeed.Option{pgfeed.Key("pad")}},
		{"a time as a key", d.dsn, "odd", "the text of a timestamp", []pgfeed.Option{pgfeed.Key("at")}},
		{"no triggers", d.dsn, "bare", "pgfeed.Schema", nil},
		{"a view", d.dsn, "seen", "is a view", []pgfeed.Option{pgfeed.Migrate()}},
		{"no key", d.dsn, "users", "Key()", []pgfeed.Option{pgfeed.Key()}},
		{"a channel that is too long", d.dsn, "users", "Channel(", []pgfeed.Option{pgfeed.Channel(strings.Repeat("x", 64))}},
		{"a table without a name", d.dsn, "shop.", "the table", nil},
		{"three names", d.dsn, "a.b.c", "the table", nil},
		{"a quote too many", d.dsn, `"users`, "the table", nil},
		{"nobody at that address", "postgres://app:hunter2@127.0.0.1:1/app", "users", "connect", nil},
		{"no connection string", "postgres://app:hunter2@127.0.0.1:port/app", "users", "connection string", nil},
		{"a password with a slash", "postgres://app:hunter2/x@127.0.0.1/app", "users", "connection string", nil},
		{"a password with a hash", "postgres://app:hunter2#x@127.0.0.1/app", "users", "connection string", nil},
		{"a password of digits with a question mark", "postgres://app:2?hunter2@127.0.0.1/app", "users", "connection string", nil},
		{"words", "host=127.0.0.1 password=hunter2 hunter2", "users", "connection string", nil},
		{"a database that is not there", d.dsn + "&database=nowhere&password=hunter2", "users", "nowhere", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{}
			feed, err := pgfeed.Start(t.Context(), row.dsn, r, row.table, append(row.opts, quiet)...)
			if err == nil {
				_ = feed.Close()
				t.Fatal("Start = nil error")
			}
			got := fmt.Sprintf("%v %+v", err, err)
			if !strings.HasPrefix(got, "pgfeed: ") || !strings.Contains(got, row.want) || strings.Contains(got, "hunter2") {
				t.Errorf("Start = %q; want one that holds %q and no password", got, row.want)
			}
			if r.has(everybody) {
				t.Error("the cache was told although Start failed")
			}
		})
	}
	if _, err := pgfeed.Start(t.Context(), d.dsn, nil, "users"); err == nil {
		t.Error("Start without a cache = nil error")
	}
	failing := &recorder{fails: true}
	if _, err := pgfeed.Start(t.Context(), d.dsn, failing, "users", pgfeed.Migrate()); err == nil || !strings.Contains(err.Error(), "the store is down") {
		t.Errorf("Start with a cache that fails = %v; want its error", err)
	}
}

// Triggers that do something else, or nothing, are as good as none.
func TestStartFindsTriggersThatWillNotDo(t *testing.T) {
	t.Parallel()
	d, r := newDatabase(t), &recorder{}
	d.users()
	schema, err := pgfeed.Schema("users")
	must(t, err)
	d.sql(schema)
	trigger := `(SELECT tgname FROM pg_trigger WHERE tgrelid = 'users'::regclass AND tgname LIKE '%delete')`
	for _, row := range []struct {
		before, want string
		opts         []pgfeed.Option
	}{
		{"", "", nil},
		{"", "is made for other options", []pgfeed.Option{pgfeed.Columns("plan")}},
		{"", "is missing", []pgfeed.Option{pgfeed.Channel("elsewhere")}},
		{"ALTER TABLE users DISABLE TRIGGER USER", "is disabled", nil},
		{"DO $$ BEGIN EXECUTE format('DROP TRIGGER %I ON users', " + trigger + "); END $$; ALTER TABLE users ENABLE TRIGGER USER", "is missing", nil},
		{"", "", []pgfeed.Option{pgfeed.Migrate()}},
		{"", "", nil},
	} {
		if row.before != "" {
			d.sql(row.before)
		}
		feed, err := pgfeed.Start(t.Context(), d.dsn, r, "users", append(row.opts, quiet)...)
		if err == nil {
			must(t, feed.Close())
		}
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("Start = %v; want an error that holds %q, or none", err, row.want)
		}
	}
}

func TestSchemaMayRunTwice(t *testing.T) {
	t.Parallel()
	d, r := newDatabase(t), &recorder{}
	d.users()
	schema, err := pgfeed.Schema("users", pgfeed.Channel(d.schema))
	must(t, err)
	d.sql(schema)
	d.sql(schema)
	d.sql("BEGIN; " + schema + " ROLLBACK") // as a part of a migration
	d.feed(r, "users")
	d.wantTold(r, touch, telling{"UPDATE users SET plan = 'x' WHERE id = 2", []string{"2"}})
	if schema, err := pgfeed.Schema("a.b.c", pgfeed.Key("")); err == nil || schema != "" {
		t.Errorf("Schema of what makes no sense = %q, %v; want an error", schema, err)
	}
}

// Nodes that start at once, each with Migrate, do not trip over each other.
func TestNodesStartTogether(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.users()
	d.sql("BEGIN; LOCK TABLE users IN EXCLUSIVE MODE") // none is done before all have begun
	failed := make(chan error)
	recorders := make([]recorder, 5)
	for i := range recorders {
		go func() {
			feed, err := pgfeed.Start(t.Context(), d.dsn, &recorders[i], "users", pgfeed.Channel(d.schema), pgfeed.Migrate(), quiet)
			if err == nil {
				d.Cleanup(func() { _ = feed.Close() })
			}
			failed <- err
		}()
	}
	other := newConn(t, d.dsn)
	eventually(t, "all nodes wait", func() bool {
		var n int
		must(t, other.conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = $1", d.schema).Scan(&n))
		return n == len(recorders)
	})
	d.sql("COMMIT")
	var errs []error
	for range recorders {
		errs = append(errs, <-failed)
	}
	must(t, errors.Join(errs...))
	d.sql(touch)
	for i := range recorders {
		if got := recorders[i].since(t, mark); !slices.Equal(got, []string{everybody}) {
			t.Errorf("node %d was told %q beside the change; want all, at its start", i, got)
		}
	}
}

func TestTwoFeedsOnOneTable(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.users()
	var byID, byPlan recorder
	d.feed(&byID, "users", pgfeed.Columns("seen"))
	d.feed(&byPlan, "users", pgfeed.Channel(d.schema+"-2"), pgfeed.Key("plan", "id"), pgfeed.Columns("plan"))
	byID.since(t, everybody)
	byPlan.since(t, everybody)
	d.sql("UPDATE users SET seen = 5 WHERE id = 2; UPDATE users SET plan = 'pro' WHERE id = 3; UPDATE users SET plan = 'x', seen = 9 WHERE id = 1")
	if got, want := byID.since(t, mark), []string{"2"}; !slices.Equal(got, want) {
		t.Errorf("the feed of seen is told %q; want %q", got, want)
	}
	if got, want := byPlan.since(t, "x,1"), []string{"free,1", "free,3", "pro,3"}; !slices.Equal(got, want) {
		t.Errorf("the feed of plan is told %q; want %q", got, want)
	}
}

func TestOddNames(t *testing.T) {
	t.Parallel()
	d, r := newDatabase(t), &recorder{}
	odd := d.schema + ` "Ünd$body$.x`
	quotedSchema := `"` + strings.ReplaceAll(odd, `"`, `""`) + `"`
	d.sql("CREATE SCHEMA " + quotedSchema)
	t.Cleanup(func() { d.sql("DROP SCHEMA " + quotedSchema + " CASCADE") })
	table := quotedSchema + `."User's $powgin$ ""table"""`
	d.sql(`CREATE TABLE ` + table + ` ("Key, \ 'it''s'" text, "%s ""select""" int)`)
	d.sql(`INSERT INTO ` + table + ` VALUES ('1', 0), ('2', 0)`)
	d.feed(r, table, pgfeed.Channel(`it's \ "`+d.schema), pgfeed.Key(`Key, \ 'it''s'`), pgfeed.Columns(`%s "select"`))
	d.wantTold(r, `UPDATE `+table+` SET "%s ""select""" = "%s ""select""" + 1 WHERE "Key, \ 'it''s'" = '1'`,
		telling{`UPDATE ` + table + ` SET "%s ""select""" = 7 WHERE "Key, \ 'it''s'" = '2'`, []string{"2"}},
		telling{`DELETE FROM ` + table + ` WHERE "Key, \ 'it''s'" = '2'`, []string{"2"}},
		telling{`TRUNCATE ` + table + `; INSERT INTO ` + table + ` VALUES ('1', 0)`, []string{everybody}},
	)
	d.sql(`CREATE TABLE "Plain" (id int); INSERT INTO "Plain" VALUES (1)`)
	plain := &recorder{}
	d.feed(plain, d.schema+".Plain", pgfeed.Channel(d.schema+"-plain"))
	d.sql(`UPDATE "Plain" SET id = 1`)
	plain.since(t, mark)
}

// Who asks before the feed was started is told that nothing is heard.
func TestANilFeedIsNotAlive(t *testing.T) {
	t.Parallel()
	var feed *pgfeed.Feed
	if feed.Alive() {
		t.Error("a nil Feed is alive")
	}
}
