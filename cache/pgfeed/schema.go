package pgfeed

import (
	"fmt"
	"strconv"
	"strings"
)

// What a payload stands for is its first letter, so that no key looks like one
// that stands for all.
const (
	payloadKey  = "k" // the user with the key that follows
	payloadAll  = "a" // all users
	payloadBeat = "b" // nobody: the feed speaks to itself
)

// maxRows is how many keys a statement tells one by one.
const maxRows = 100

// maxPayload is how many bytes NOTIFY takes.
const maxPayload = 7999

// Schema returns the migration that gives a table its triggers: one statement of
// SQL, for psql or any migration tool, which does all of it or nothing. It may be
// run again, and has to be after an update of powgin or of the options which Start
// then asks for. The table is "table", found by the search_path, or
// "schema.table"; names are taken as they stand, with the case of their letters.
//
// The function and the triggers have names that begin with powgin_feed_; to drop
// the function with CASCADE is to undo it. Schema asks no server. It fails where
// the table or an option makes no sense, and is safe for concurrent use.
func Schema(table string, opts ...Option) (string, error) {
	o, err := settle(table, opts)
	if err != nil {
		return "", err
	}
	return o.schema(), nil
}

// prefix is what the names of the function and of the triggers begin with. It
// depends on what tells two feeds of a database apart.
func (o *options) prefix() string {
	return "powgin_feed_" + digest(o.table.table+"\x00"+o.channel)
}

// triggers are the names of the triggers.
func (o *options) triggers() []string {
	p := o.prefix()
	return []string{p + "_update", p + "_delete", p + "_truncate"}
}

// A DO is one statement, so it is whole outside a transaction, and can be part of
// one. Nodes that start together take turns: PostgreSQL cannot replace a function
// twice at once.
const schemaForm = `DO %[1]s
BEGIN
PERFORM pg_catalog.pg_advisory_xact_lock(%[2]s);
CREATE OR REPLACE FUNCTION %[3]s() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS %[4]s%[5]s%[4]s;
DROP TRIGGER IF EXISTS %[6]s ON %[9]s;
DROP TRIGGER IF EXISTS %[7]s ON %[9]s;
DROP TRIGGER IF EXISTS %[8]s ON %[9]s;
CREATE TRIGGER %[6]s AFTER UPDATE ON %[9]s REFERENCING OLD TABLE AS powgin_old NEW TABLE AS powgin_new FOR EACH STATEMENT EXECUTE FUNCTION %[3]s();
CREATE TRIGGER %[7]s AFTER DELETE ON %[9]s REFERENCING OLD TABLE AS powgin_old FOR EACH STATEMENT EXECUTE FUNCTION %[3]s();
CREATE TRIGGER %[8]s AFTER TRUNCATE ON %[9]s FOR EACH STATEMENT EXECUTE FUNCTION %[3]s();
END
%[1]s;
`

func (o *options) schema() string {
	body := o.body()
	inner := dollar("body", body)
	lock, _ := strconv.ParseUint(digest(o.prefix()), 16, 64)
	t := o.triggers()
	fill := func(outer string) string {
		return fmt.Sprintf(schemaForm, outer, strconv.FormatInt(int64(lock>>1), 10), o.table.in(o.prefix()), inner, body,
			quote(t[0]), quote(t[1]), quote(t[2]), o.table)
	}
	return fill(dollar("powgin", fill("")))
}

// dollar is a quote that does not occur in a text.
func dollar(tag, text string) string {
	for strings.Contains(text, "$"+tag+"$") {
		tag += "_"
	}
	return "$" + tag + "$"
}

const bodyForm = `
DECLARE
  told text[];
BEGIN
  IF TG_OP = 'UPDATE' THEN
    told := ARRAY(%[1]s);
  ELSIF TG_OP = 'DELETE' THEN
    told := ARRAY(%[2]s);
  END IF;
  IF TG_OP = 'TRUNCATE' OR cardinality(told) > %[3]d
    OR EXISTS (SELECT FROM unnest(told) AS f(k) WHERE octet_length(f.k) >= %[4]d) THEN
    PERFORM pg_notify(%[5]s, '` + payloadAll + `');
  ELSE
    PERFORM pg_notify(%[5]s, '` + payloadKey + `' || f.k) FROM unnest(told) AS f(k);
  END IF;
  RETURN NULL;
END
`

// body is that of the function. It finds out no more than that there are too many
// keys. A column has its table's alias before it everywhere, or one that has the
// name of a variable would be ambiguous.
func (o *options) body() string {
	key := keyText("r", o.key)
	deleted := fmt.Sprintf(`SELECT DISTINCT d.k FROM (SELECT %s AS k FROM powgin_old AS r) AS d WHERE d.k IS NOT NULL LIMIT %d`, key, maxRows+1)
	updated := fmt.Sprintf(`SELECT d.k FROM (SELECT %[1]s AS k FROM powgin_old AS r
      UNION SELECT %[1]s FROM powgin_new AS r) AS d WHERE d.k IS NOT NULL LIMIT %[2]d`, key, maxRows+1)
	if len(o.columns) > 0 {
		// *<> compares any type, and tells apart what is equal in a collation.
		updated = fmt.Sprintf(`SELECT DISTINCT d.k FROM
      (SELECT %[1]s AS k, ROW(%[2]s) AS v FROM powgin_old AS r) AS o
      FULL JOIN (SELECT %[1]s AS k, ROW(%[2]s) AS v FROM powgin_new AS r) AS n ON o.k = n.k
      CROSS JOIN LATERAL (VALUES (o.k), (n.k)) AS d(k)
      WHERE d.k IS NOT NULL AND (o.k IS NULL OR n.k IS NULL OR o.v OPERATOR(pg_catalog.*<>) n.v) LIMIT %[3]d`,
			key, columnsOf("r", o.columns), maxRows+1)
	}
	return fmt.Sprintf(bodyForm, updated, deleted, maxRows, maxPayload, literal(o.channel))
}

// keyText is the user key as powgin writes it: the text of a column, or those of
// several as JoinKey joins them. It is NULL, and nobody's, where one of them is.
func keyText(alias string, columns []string) string {
	// Under "C" two keys are one only where their bytes are the same.
	text := func(column string) string {
		return fmt.Sprintf(`%s.%s::text COLLATE "C"`, alias, quote(column))
	}
	if len(columns) == 1 {
		return text(columns[0])
	}
	parts := make([]string, len(columns))
	for i, column := range columns {
		parts[i] = fmt.Sprintf(`replace(replace(%s, E'\\', E'\\\\'), ',', E'\\,')`, text(column))
	}
	return strings.Join(parts, ` || ',' || `)
}

func columnsOf(alias string, columns []string) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = alias + "." + quote(column)
	}
	return strings.Join(list, ", ")
}
