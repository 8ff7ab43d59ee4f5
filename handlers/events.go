package handlers

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/powgin/powgin/cache"
)

// Names of events that arise here; package cache has the others.
const (
	EventDuplicateCookie    = "duplicate_cookie"
	EventCrossOriginRefused = "cross_origin_refused"
)

// Event is something that happened to a user's sessions. It never holds a
// token, a cookie or a user. Package powgin documents its fields.
type Event struct {
	Name    string
	UserKey string
	Session string
	Fields  string
}

// Events passes events on. Those that a client can cause as often as it likes
// pass once a minute for each user.
type Events struct {
	to func(Event)

	mu   sync.Mutex
	seen map[Event]time.Time // guarded by mu
}

const (
	eventPause = time.Minute
	eventsSeen = 1024 // what is remembered is bounded; it starts anew when full
)

// limited are the events that cost their cause nothing.
var limited = map[string]bool{
	EventDuplicateCookie:     true,
	EventCrossOriginRefused:  true,
	EventDifference:          true,
	EventUnannounced:         true,
	cache.EventReuse:         true,
	cache.EventInactive:      true,
	cache.EventKeyMismatch:   true,
	cache.EventCorruptRecord: true,
	cache.EventTooLarge:      true,
}

// NewEvents returns Events that go to to; nil stands for nowhere.
func NewEvents(to func(Event)) *Events {
	return &Events{to: to, seen: make(map[Event]time.Time)}
}

// FromCache passes on an event of package cache.
func (e *Events) FromCache(ev cache.Event) {
	if e.to == nil {
		return
	}
	out := Event{Name: ev.Name, UserKey: ev.UserKey}
	if ev.Session != (cache.Handle{}) {
		out.Session = ev.Session.String()
	}
	e.Emit(out)
}

// Emit passes an event on.
func (e *Events) Emit(ev Event) {
	if e.to == nil || limited[ev.Name] && !e.due(ev) {
		return
	}
	e.to(ev)
}

func (e *Events) due(ev Event) bool {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if last, ok := e.seen[ev]; ok && now.Sub(last) < eventPause {
		return false
	}
	if len(e.seen) >= eventsSeen {
		clear(e.seen)
	}
	e.seen[ev] = now
	return true
}

// LogErrors returns what becomes of errors where an app does not say: a line
// in the log, at most one a second, so that an outage does not drown it.
func LogErrors() func(context.Context, error) {
	var mu sync.Mutex
	var last time.Time
	var held int
	return func(ctx context.Context, err error) {
		mu.Lock()
		if now := time.Now(); now.Sub(last) < time.Second {
			held++
			mu.Unlock()
			return
		} else {
			last = now
		}
		similar := held
		held = 0
		mu.Unlock()
		slog.ErrorContext(ctx, "powgin: something failed for a request", "error", err, "not_logged", similar)
	}
}
