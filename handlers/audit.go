package handlers

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/powgin/powgin/cache"
)

// EventDifference is the name of the event of a cached user who differed from the
// row although no change was announced.
const EventDifference = "difference"

// chooseAudit has one in Audit requests that are served a cached user compare it
// with the row when they have been answered. Nobody else knows the state yet.
func (s *State) chooseAudit(o *cache.Opened) {
	if n := s.auth.Audit; n > 0 && o.From == cache.FromCache && rand.IntN(n) == 0 {
		served := *o
		s.more().audit = &served
	}
}

// audit starts the comparison that was chosen, unless one is under way.
func (s *State) audit() {
	a := s.auth
	if a.Audit <= 0 {
		return
	}
	s.mu.Lock()
	o := s.some().audit
	s.mu.Unlock()
	if o == nil || !a.auditing.CompareAndSwap(false, true) {
		return
	}
	ctx, cancel := cache.Bounded(s.Context, cache.Budget)
	go func() {
		defer a.auditing.Store(false)
		defer cancel()
		var fields []string
		row, differs, err := a.Cache.Audit(ctx, o, func(cached, row any) bool {
			fields = differences(reflect.ValueOf(cached), reflect.ValueOf(row))
			return len(fields) == 0
		})
		switch {
		case err != nil:
			a.OnError(ctx, fmt.Errorf("powgin: compare a cached user with the row: %w", err))
		case differs && row == nil:
			a.Events.Emit(Event{Name: EventDifference, UserKey: o.UserKey()})
		case differs:
			a.Events.Emit(Event{Name: EventDifference, UserKey: o.UserKey(), Fields: strings.Join(fields, " ")})
		}
	}()
}

// differences names the fields in which two values of a struct type differ.
func differences(a, b reflect.Value) (fields []string) {
	for i := range a.NumField() {
		f := a.Type().Field(i)
		x, y := a.Field(i), b.Field(i)
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			fields = append(fields, differences(x, y)...)
		case !f.IsExported():
		case !equal(x.Interface(), y.Interface()):
			fields = append(fields, f.Name)
		}
	}
	return fields
}

func equal(a, b any) bool {
	if x, ok := a.(time.Time); ok {
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	return reflect.DeepEqual(a, b)
}
