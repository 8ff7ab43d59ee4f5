package handlers

import (
	"context"
	"log/slog"

	"github.com/powgin/powgin/cache"
)

// eventLevels are the levels of the events that are not Info: what somebody has to
// look into, and what happens all the time.
var eventLevels = map[string]slog.Level{
	cache.EventReuse:         slog.LevelWarn,
	EventDuplicateCookie:     slog.LevelWarn,
	EventCrossOriginRefused:  slog.LevelWarn,
	cache.EventKeyMismatch:   slog.LevelWarn,
	cache.EventCorruptRecord: slog.LevelWarn,
	cache.EventTooLarge:      slog.LevelWarn,
	EventUnannounced:         slog.LevelWarn,
	EventDifference:          slog.LevelWarn,
	cache.EventStoreDown:     slog.LevelWarn,
	cache.EventDatabaseDown:  slog.LevelWarn,
	cache.EventRenewed:       slog.LevelDebug,
	cache.EventSynced:        slog.LevelDebug,
}

// LogEvents returns what writes events to a log; nil stands for slog's default
// one, as it is when an event comes.
func LogEvents(l *slog.Logger) func(Event) {
	return func(e Event) {
		log := l
		if log == nil {
			log = slog.Default()
		}
		attrs := append(make([]slog.Attr, 0, 4), slog.String("event", e.Name))
		for _, a := range []slog.Attr{
			slog.String("user_key", e.UserKey), slog.String("session", e.Session), slog.String("fields", e.Fields),
		} {
			if a.Value.String() != "" {
				attrs = append(attrs, a)
			}
		}
		log.LogAttrs(context.Background(), eventLevels[e.Name], "powgin: "+e.Name, attrs...)
	}
}
