package sqlstores

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/powgin/powgin"
)

// The variables that make this program the other process, which holds a lock.
const (
	lockedDSN = "SQLSTORES_LOCKED_DSN"
	lockWith  = "SQLSTORES_LOCK_WITH"
)

// hold takes SQLite's lock, begins a change of a user, says so, and keeps it
// until its input ends.
func hold(dsn, begin string) error {
	db := sql.OpenDB(sqliteConnector(nil, dsn))
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	for _, statement := range []string{begin, "UPDATE users SET plan = 'half done'"} {
		if _, err := conn.ExecContext(context.Background(), statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_, err = conn.ExecContext(context.Background(), "ROLLBACK")
	return err
}

// A holder is another process that holds the lock of a SQLite file.
type holder struct {
	testing.TB
	cmd   *exec.Cmd
	input io.Closer
	gone  bool
}

// lockElsewhere starts another process that locks the database, and returns when
// it has.
func lockElsewhere(t testing.TB, d *database, begin string) *holder {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	h := &holder{TB: t, cmd: exec.Command(program)}
	h.cmd.Env = append(os.Environ(), lockedDSN+"="+d.dsn, lockWith+"="+begin)
	h.cmd.Stderr = os.Stderr
	h.input, err = h.cmd.StdinPipe()
	must(t, err)
	output, err := h.cmd.StdoutPipe()
	must(t, err)
	must(t, h.cmd.Start())
	t.Cleanup(func() {
		if !h.gone {
			h.kill()
		}
	})
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q, %v; want held", line, err)
	}
	return h
}

// letGo has the other process give up the lock and end.
func (h *holder) letGo() {
	h.Helper()
	h.gone = true
	must(h, h.input.Close())
	must(h, h.cmd.Wait())
}

// kill ends the other process while it holds the lock.
func (h *holder) kill() {
	h.Helper()
	h.gone = true
	must(h, h.cmd.Process.Kill())
	_ = h.cmd.Wait() // it tells of the signal
}

// Another process keeps the app's file locked: a backup, a migration, a shell
// that somebody forgot. Nobody is made anybody else by that, nothing is done by
// halves, and with the lock it is over.
func TestLockOfAnotherProcess(t *testing.T) {
	t.Parallel()
	for _, journal := range []string{"WAL", "DELETE"} {
		for _, begin := range []string{"BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"} {
			for end, release := range map[string]func(*holder){"let go": (*holder).letGo, "killed": (*holder).kill} {
				t.Run(journal+" "+begin+" "+end, func(t *testing.T) {
					t.Parallel()
					d := newDatabase(t, journaled(journal))
					l := &locked{site: newSite(t, d), readersGoOn: journal == "WAL" || begin == "BEGIN IMMEDIATE"}
					l.meet(func() func() {
						h := lockElsewhere(t, d, begin)
						return func() { release(h) }
					})
				})
			}
		}
	}
}

// SQLite looks at no context while it waits, for up to its busy_timeout: a second,
// where that is what doc.go of gormstore asks for. Answers are in time all the same.
func TestLockOfAnotherProcessAndALongBusyTimeout(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, journaled("WAL"))
	d.dsn = strings.Replace(d.dsn, "busy_timeout(50)", "busy_timeout(1000)", 1)
	l := &locked{site: newSite(t, d), readersGoOn: true}
	l.meet(func() func() { return lockElsewhere(t, d, "BEGIN IMMEDIATE").letGo })
}

func journaled(mode string) kind {
	return kind{name: "sqlite", server: "sqlite", connector: sqliteConnector, settings: "&_pragma=journal_mode(" + mode + ")"}
}

// locked is a site whose database is locked for a while.
type locked struct {
	*site
	readersGoOn bool
}

// meet has the site's users meet the lock.
func (l *locked) meet(lock func() (unlock func())) {
	reader, due, syncing, leaving := l.signedIn(1), l.signedIn(2), l.signedIn(3), l.signedIn(4)
	again, coming, stranger := l.signedIn(1), l.visitor(5), l.visitor(5)
	must(l, l.auth.Sync(l.Context(), user{ID: 2}, powgin.Regenerate()))
	unlock := lock()
	stranger.nobody() // of whom nothing has to be asked
	during := []func(){
		func() { coming.refused(coming.signIn) },
		func() { again.refused(again.signIn) },
		func() { syncing.refused(syncing.sync) },
		func() { leaving.refused(leaving.signOut) },
		func() { due.worksOrRefused(due.who) },
	}
	if l.readersGoOn {
		reader.works(reader.who)
		reader.works(reader.reload)
		atOnce(append(during, func() {
			for range 5 { // beside those who wait
				reader.works(reader.who)
			}
		})...)
		reader.works(reader.who) // the store is not down because others wait
	} else {
		atOnce(append(during, func() { reader.refused(reader.who) }, func() { reader.refused(reader.reload) })...)
	}
	unlock()
	reader.soonWorks(reader.who)
	reader.soonWorks(reader.reload)
	for _, v := range []*visitor{reader, again, due, syncing, leaving} {
		v.works(v.who)
		v.works(v.reload)
	}
	coming.nobody()
	l.wantSessions(map[int]int{1: 2, 2: 1, 3: 1, 4: 1, 5: 0})
	coming.works(coming.signIn)
	again.works(again.signIn)
	syncing.works(syncing.sync)
	leaving.leaves()
	for _, v := range []*visitor{reader, again, due, syncing, coming} {
		v.works(v.who)
	}
	l.wantSessions(map[int]int{1: 2, 2: 1, 3: 1, 4: 0, 5: 1})
}
