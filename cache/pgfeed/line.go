package pgfeed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// beat is after about how long a silence the feed says something to itself, and
	// silences how many of them it bears.
	beat     = time.Second
	silences = 3
)

var (
	errConnString = errors.New(`pgfeed: the connection string cannot be read: want postgres://user:password@host:port/database, the password percent-encoded, or "host=… user=… dbname=…"`)
	errSilent     = fmt.Errorf("nothing was heard for about %v", silences*beat)
	errDeaf       = errors.New("a NOTIFY does not come back (a pooler that shares connections cannot be used)")
)

// parse reads a connection string. What is wrong with it is not told: it might be
// the password.
func parse(connString string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(connString)
	if err != nil {
		return nil, errConnString
	}
	// With a "/", "?" or "#" in a password what stands before it is read as a host.
	if u, err := url.Parse(connString); err == nil && u.Scheme != "" && u.User == nil && strings.Contains(connString, "@") && !u.Query().Has("user") {
		return nil, errConnString
	}
	// The feed asks each question once, and some poolers take no prepared ones.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "pgfeed"
	}
	return config, nil
}

// A line is a connection that listens.
type line struct {
	*pgx.Conn
	cut context.CancelFunc // closes what was dialled for it
}

// connect makes a line that hears what is told from now on.
func (f *Feed) connect(ctx context.Context) (*line, error) {
	config := f.config.Copy()
	life, cut := context.WithCancel(context.Background())
	dial := config.DialFunc
	// When pgx gives a connection up it goes on for a while to tell the server so.
	// Whatever it dials for that ends with the line.
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(life, cancel)()
		c, err := dial(ctx, network, address)
		if err == nil {
			context.AfterFunc(life, func() { _ = c.Close() })
		}
		return c, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		cut()
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	l := &line{conn, cut}
	if err := f.open(ctx, l); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// open begins to listen. What is heard before that is known to work need not be
// told: all users are invalidated then.
func (f *Feed) open(ctx context.Context, l *line) error {
	if err := f.prepare(ctx, l.Conn); err != nil {
		return err
	}
	if err := l.exec(ctx, "LISTEN "+quote(f.channel)); err != nil {
		return fmt.Errorf("listen to changes: %w", err)
	}
	if err := f.beat(ctx, l); err != nil {
		return fmt.Errorf("listen to changes: %w", err)
	}
	within, cancel := context.WithTimeout(ctx, silences*beat)
	defer cancel()
	if _, err := l.WaitForNotification(within); err != nil {
		if within.Err() != nil && ctx.Err() == nil {
			err = errDeaf
		}
		return fmt.Errorf("listen to changes: %w", err)
	}
	return nil
}

// listen takes what is told, until the connection is lost or ctx ends.
func (f *Feed) listen(ctx context.Context, l *line) error {
	for silent := 0; ; {
		// Feeds of one channel hear each other. Whose patience ends first speaks
		// for all.
		within, cancel := context.WithTimeout(ctx, beat*4/5+rand.N(beat*2/5))
		n, err := l.WaitForNotification(within)
		over := within.Err() != nil
		cancel()
		switch {
		case n != nil:
			silent = 0
			f.hear()
			f.changes.take(n.Payload)
		case ctx.Err() != nil:
			return ctx.Err()
		case !over || l.IsClosed():
			return err
		default:
			// It is counted, not measured: a process that was stopped for a
			// while may find all it missed.
			if silent++; silent == silences {
				return errSilent
			}
			if err := f.beat(ctx, l); err != nil {
				return err
			}
		}
	}
}

// beat has the feed hear something.
func (f *Feed) beat(ctx context.Context, l *line) error {
	ctx, cancel := context.WithTimeout(ctx, (silences-1)*beat)
	defer cancel()
	return l.exec(ctx, "NOTIFY "+quote(f.channel)+", '"+payloadBeat+"'")
}

func (l *line) exec(ctx context.Context, sql string) error {
	_, err := l.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// close ends the connection, and waits until nothing is left of it.
func (l *line) close() {
	ctx, cancel := context.WithTimeout(context.Background(), beat)
	defer cancel()
	_ = l.Conn.Close(ctx)
	l.cut()
	<-l.PgConn().CleanupDone()
}
