package pgfeed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/powgin/powgin/cache/pgfeed"
)

// A telling is a statement and the keys that it is to tell.
type telling struct {
	sql  string
	want []string
}

// mark is the key of a row that is changed after each statement.
const mark = "1"

// wantTold runs statements on the table users.
func (d *database) wantTold(r *recorder, markWith string, rows ...telling) {
	d.Helper()
	r.since(d, everybody)
	for _, row := range rows {
		d.sql(row.sql)
		if slices.Contains(row.want, everybody) {
			// A mark that came up beside it would be part of it.
			eventually(d, everybody+" is told", func() bool { return r.has(everybody) })
		}
		d.sql(markWith)
		if got := r.since(d, mark); !slices.Equal(got, row.want) {
			d.Errorf("%s tells %q; want %q", row.sql, got, row.want)
		}
	}
}

const touch = "UPDATE users SET plan = plan || 'x' WHERE id = 1"

func ids(from, to int) (keys []string) {
	for id := from; id <= to; id++ {
		keys = append(keys, fmt.Sprint(id))
	}
	slices.Sort(keys)
	return keys
}

func TestWhatAStatementTells(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]pgfeed.Option{"all columns": nil, "columns": {pgfeed.Columns("plan", "seen")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, r := newDatabase(t), &recorder{}
			d.users()
			d.feed(r, "users", opts...)
			d.wantTold(r, touch,
				telling{"UPDATE users SET seen = seen + 1 WHERE id BETWEEN 101 AND 200", ids(101, 200)},
				telling{"UPDATE users SET seen = seen + 1 WHERE id BETWEEN 101 AND 201", []string{everybody}},
				telling{"DELETE FROM users WHERE id BETWEEN 101 AND 200", ids(101, 200)},
				telling{"INSERT INTO users SELECT n, 'new' FROM generate_series(101, 200) n", nil},
				telling{"DELETE FROM users WHERE id BETWEEN 101 AND 201", []string{everybody}},
				telling{"UPDATE users SET plan = 'x' WHERE id > 1000", nil},
				telling{"DELETE FROM users WHERE id > 1000", nil},
				telling{"UPDATE users SET plan = NULL WHERE id = 7", []string{"7"}},
				telling{"UPDATE users SET plan = '' WHERE id = 7", []string{"7"}},
				telling{"UPDATE users SET id = 1007 WHERE id = 7", []string{"1007", "7"}},
				telling{"UPDATE users SET id = id + 2000 WHERE id IN (8, 9)", []string{"2008", "2009", "8", "9"}},
				telling{"BEGIN; UPDATE users SET seen = 7 WHERE id = 10; DELETE FROM users WHERE id = 11; COMMIT", []string{"10", "11"}},
				telling{"TRUNCATE users; INSERT INTO users VALUES (1, 'free', 0)", []string{everybody}},
			)
		})
	}
}

// What a column compares as equal may read differently.
func TestColumnsAreComparedByteByByte(t *testing.T) {
	t.Parallel()
	d, r := newDatabase(t), &recorder{}
	d.sql(`CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
		CREATE TABLE users (id int, gone int, plan text COLLATE blind, data json, price numeric, k text);
		ALTER TABLE users DROP COLUMN gone;
		INSERT INTO users SELECT n, 'pro', '{"a":1}', 1.0, 'x' FROM generate_series(1, 9) n;
		INSERT INTO users VALUES (NULL, 'free'), (9, 'twice')`)
	d.feed(r, "users", pgfeed.Columns("plan", "data", "price"))
	d.wantTold(r, touch,
		telling{"UPDATE users SET plan = 'PRO' WHERE id = 2", []string{"2"}},
		telling{`UPDATE users SET data = '{"a": 1}' WHERE id = 3`, []string{"3"}},
		telling{"UPDATE users SET price = 1.00 WHERE id = 4", []string{"4"}},
		telling{`UPDATE users SET plan = plan || '', data = '{"a":1}', price = 1.0, k = 'y' WHERE id = 5`, nil},
		telling{"UPDATE users SET plan = 'x' WHERE id IS NULL", nil},
		telling{"UPDATE users SET plan = 'one' WHERE plan = 'twice'", []string{"9"}},
	)
}

// A key is told as it is, however long it may be, or stands for all.
func TestLongKeysAndThoseThatLookLikeOthers(t *testing.T) {
	t.Parallel()
	d, r := newDatabase(t), &recorder{}
	d.sql(`CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
		CREATE TABLE users (told text COLLATE blind, d text COLLATE blind, "TG_OP" int)`)
	d.sql("INSERT INTO users VALUES ('1', '', 0), ('a', '', 0), ('', '', 0), ('b', '', 0), ('Bob', '', 0), (repeat('ü', 3999), '', 0), (repeat('ü', 4000), '', 0)")
	d.feed(r, "users", pgfeed.Key("told"), pgfeed.Columns("TG_OP", "d"))
	all := []string{everybody}
	d.wantTold(r, `UPDATE users SET "TG_OP" = "TG_OP" + 1 WHERE told = '1'`,
		telling{"UPDATE users SET d = 'x' WHERE told = 'a'", []string{"a"}},
		telling{"UPDATE users SET d = 'x' WHERE told = 'b'", []string{"b"}},
		telling{"UPDATE users SET d = 'x' WHERE told = ''", nil},
		telling{"UPDATE users SET told = 'BOB' WHERE told = 'bob'", []string{"BOB", "Bob"}},
		telling{"UPDATE users SET d = 'x' WHERE octet_length(told) = 7998", []string{strings.Repeat("ü", 3999)}},
		telling{"UPDATE users SET d = 'x' WHERE octet_length(told) = 8000", all},
		telling{"NOTIFY " + d.schema + ", 'a'", all},
		telling{"NOTIFY " + d.schema, all},
		telling{"NOTIFY " + d.schema + ", 'something else'", all},
	)
}

func TestPartsOfAKeyAreEscapedInAnyCollation(t *testing.T) {
	t.Parallel()
	d, r := newDatabase(t), &recorder{}
	d.sql(`CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
		CREATE TABLE users (id int, name text COLLATE blind, plan text); INSERT INTO users VALUES (2, 'a,\b', ''), (1, '', '')`)
	d.feed(r, "users", pgfeed.Key("name", "id"))
	r.since(t, everybody)
	d.sql("SET standard_conforming_strings = off; UPDATE users SET plan = 'x' WHERE id = 2")
	d.sql("UPDATE users SET plan = 'x' WHERE id = 1")
	if got, want := r.since(t, ",1"), []string{`a\,\\b,2`}; !slices.Equal(got, want) {
		t.Errorf("told %q; want %q", got, want)
	}
}
