package pgfeed

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// An Option alters what [Schema] returns and what [Start] starts. Both have to be
// given the same Key, Columns and Channel.
type Option func(*options)

type options struct {
	table   name
	key     []string
	columns []string
	channel string
	migrate bool
	log     *slog.Logger
}

// Key sets the columns of the users' key, in the order of the model's fields; it
// is "id" where it is not given. The key of a user is what powgin makes of them:
// the text of one column, or what JoinKey makes of several. So a column must be of
// a type that PostgreSQL and the model write alike: an integer, text, varchar or
// uuid. Start refuses bytea, char(n) and times, which they do not.
func Key(columns ...string) Option { return func(o *options) { o.key = columns } }

// Columns sets the columns whose change counts, beside the key: those that the
// model caches. Without it every row that an UPDATE touches counts, also when it
// changes nothing. Values are compared byte by byte, so that one which only looks
// different counts, and NULL is a value as any.
func Columns(columns ...string) Option { return func(o *options) { o.columns = columns } }

// Channel sets the name of the channel: 1 to 63 bytes. It is "powgin_" and the
// table, as that is given, where it is not set. Feeds of one table with different
// channels have triggers of their own.
func Channel(name string) Option { return func(o *options) { o.channel = name } }

// Migrate has Start run what [Schema] returns where the triggers are missing, or
// made for other options. The user that connects must own the table. It waits for
// running transactions that use the table, and others wait for it meanwhile.
func Migrate() Option { return func(o *options) { o.migrate = true } }

// Logger sets where the feed says that a connection was lost, is back, or that the
// cache could not be told. nil is [slog.Default].
func Logger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// maxName is how many bytes of a name PostgreSQL keeps.
const maxName = 63

// settle returns what the options come to, or all that is wrong with them.
func settle(table string, opts []Option) (*options, error) {
	o := &options{key: []string{"id"}}
	for _, opt := range opts {
		opt(o)
	}
	if o.log == nil {
		o.log = slog.Default()
	}
	var wrong []error
	var ok bool
	if o.table, ok = parseName(table); !ok {
		wrong = append(wrong, fmt.Errorf(`the table %q must be "table" or "schema.table" (a name that holds a dot or a quote needs quotes, as in SQL)`, table))
	}
	if len(o.key) == 0 {
		wrong = append(wrong, errors.New("Key() needs the columns of the key"))
	}
	for _, column := range slices.Concat(o.key, o.columns) {
		if !isName(column) {
			wrong = append(wrong, fmt.Errorf("the column %q must be a name of 1 to %d bytes", column, maxName))
		}
	}
	if o.channel == "" {
		o.channel = short("powgin_" + table)
	}
	if !isName(o.channel) {
		wrong = append(wrong, fmt.Errorf("Channel(%q) must be a name of 1 to %d bytes", o.channel, maxName))
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("pgfeed: the options will not do: %w", errors.Join(wrong...))
	}
	return o, nil
}
