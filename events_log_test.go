package powgin_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// A logbook is what a logger wrote, without the time.
type logbook struct {
	mu    sync.Mutex
	lines []string // guarded by mu
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, strings.TrimSpace(string(p)))
	return len(p), nil
}

func (b *logbook) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// want fails the test where the lines since it was last asked are others.
func (b *logbook) want(t *testing.T, when string, lines ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if got, want := strings.Join(b.lines, "\n\t"), strings.Join(lines, "\n\t"); got != want {
		t.Errorf("%s: logged\n\t%s; want\n\t%s", when, got, want)
	}
	b.lines = nil
}

func TestLogEventsLogsWhatHappensToASession(t *testing.T) {
	t.Parallel()
	var log logbook
	agedApp(t, func(c *powgin.Config[User]) { c.OnEvent = powgin.LogEvents(log.logger(slog.LevelDebug)) }, func(t *testing.T, a *app, _ *people) {
		a.handleSync("/sync")
		alice := a.signIn(1)
		id := alice.get("/me").identity().Session.ID
		line := func(level, name string) string {
			return fmt.Sprintf(`level=%s msg="powgin: %s" event=%s user_key=1 session=%s`, level, name, name, id)
		}
		log.want(t, "a sign-in", line("INFO", "signed_in"))
		old := alice.clone()
		alice.post("/sync").want(http.StatusOK)
		log.want(t, "SyncUser", line("DEBUG", "synced"))
		time.Sleep(grace)
		old.get("/me").want(http.StatusUnauthorized)
		log.want(t, "a replaced token that came back", line("WARN", "reuse"))
		alice.get("/me").want(http.StatusOK)
		time.Sleep(renew)
		alice.get("/me").want(http.StatusOK)
		log.want(t, "a renewal", line("DEBUG", "renewed"))
		alice.post("/signout").want(http.StatusOK)
		log.want(t, "a sign-out", line("INFO", "signed_out"))
	})
}

func TestLogEventsLeavesOutWhatIsEmptyAndBelowItsLevel(t *testing.T) {
	t.Parallel()
	var log logbook
	tell := powgin.LogEvents(log.logger(slog.LevelInfo))
	tell(powgin.Event{Name: "renewed", UserKey: "1", Session: "s"})
	log.want(t, "a renewal")
	tell(powgin.Event{Name: "revoked"})
	log.want(t, "everyone revoked", `level=INFO msg="powgin: revoked" event=revoked`)
	tell(powgin.Event{Name: "difference", UserKey: "1\nlevel=ERROR", Fields: "Plan Role"})
	log.want(t, "a difference", `level=WARN msg="powgin: difference" event=difference user_key="1\nlevel=ERROR" fields="Plan Role"`)
}

func TestEachEventHasTheLevelThatItIsSaidToHave(t *testing.T) {
	t.Parallel()
	levels := map[string]string{"renewed": "DEBUG", "synced": "DEBUG"}
	for name := range strings.FieldsSeq("reuse duplicate_cookie cross_origin_refused key_mismatch corrupt_record too_large" +
		" unannounced difference store_down database_down") {
		levels[name] = "WARN"
	}
	var log logbook
	tell := powgin.LogEvents(log.logger(slog.LevelDebug))
	for _, name := range documented(t) {
		level := levels[name]
		if level == "" {
			level = "INFO"
		}
		delete(levels, name)
		tell(powgin.Event{Name: name, UserKey: "1"})
		log.want(t, name, fmt.Sprintf(`level=%s msg="powgin: %s" event=%s user_key=1`, level, name, name))
	}
	if len(levels) > 0 {
		t.Errorf("%v have levels and are no events", levels)
	}
}

// The default logger is the process's: this test runs while no other does. It is
// often set after the Config is made.
func TestLogEventsOfNoLoggerGoToTheDefaultOne(t *testing.T) { //nolint:paralleltest // see above
	tell := powgin.LogEvents(nil)
	before := slog.Default()
	defer slog.SetDefault(before)
	var log logbook
	slog.SetDefault(log.logger(slog.LevelInfo))
	tell(powgin.Event{Name: "store_down"})
	log.want(t, "a store that is down", `level=WARN msg="powgin: store_down" event=store_down`)
}

// lockedWriter writes what a log says to what a telltale has heard.
type lockedWriter struct{ *telltale }

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heard.Write(p)
}

func TestNothingThatIsLoggedHoldsASecret(t *testing.T) {
	t.Parallel()
	l := newTelltale()
	agedApp(t, func(c *powgin.Config[User]) {
		l.config(&storyStore{Store: cache.NewMemory(0)})(c)
		options := &slog.HandlerOptions{Level: slog.LevelDebug}
		text := powgin.LogEvents(slog.New(slog.NewTextHandler(lockedWriter{l}, options)))
		json := powgin.LogEvents(slog.New(slog.NewJSONHandler(lockedWriter{l}, options)))
		c.OnEvent = func(e powgin.Event) { text(e); json(e) }
		c.OnError = func(context.Context, error) {}
	}, func(t *testing.T, a *app, p *people) {
		l.everything(t, a, p)
		l.want(t)
		for _, name := range []string{"event=reuse", `"event":"key_mismatch"`, "level=WARN", `"level":"DEBUG"`} {
			if !bytes.Contains(l.heard.Bytes(), []byte(name)) {
				t.Errorf("a story in which everything happens logs no %s", name)
			}
		}
	})
}
