package powgin_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

var errFn = errors.New("fn has failed")

// besidePlan writes alice's row in a way that the plugin does not see.
func (f *followed) besidePlan(id uint, plan string) {
	f.Helper()
	noError(f, f.opened.beside.WithContext(context.Background()).Model(&User{}).Where("id = ?", id).Update("plan", plan).Error)
}

func TestWriteIsAnnouncedBeforeAndConcludedAfter(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		keys []string
		bob  bool // he counts as changed too
	}{
		"one user":               {[]string{"1"}, false},
		"several users":          {[]string{"1", "2"}, true},
		"the same user twice":    {[]string{"1", "1"}, false},
		"somebody without a row": {[]string{"1", "77"}, false},
		"no keys":                {nil, true},
		"a hundred keys":         {numbered(100), false},
		"more than a hundred":    {numbered(101), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFollowed(t, nil)
			noError(t, f.auth.Write(t.Context(), tt.keys, func(context.Context) error {
				for _, plan := range []string{"free", "pro"} {
					f.besidePlan(1, plan)
					for range 2 {
						f.wantLook("while fn runs", f.alice, false, plan)
						f.wantLook("while fn runs", f.bob, !tt.bob, "free")
					}
				}
				return nil
			}))
			f.wantLook("after it", f.alice, false, "pro")
			f.wantLook("after it", f.bob, !tt.bob, "free")
			f.wantCached("after it", f.alice, f.bob)
		})
	}
}

// numbered returns alice's key and n-1 others that are not bob's.
func numbered(n int) []string {
	keys := []string{"1"}
	for i := range n - 1 {
		keys = append(keys, fmt.Sprint(100+i))
	}
	return keys
}

func TestAWriteWhoseFnFailsIsUncachedForHalfAMinute(t *testing.T) {
	t.Parallel()
	for name, fn := range map[string]func() error{
		"an error": func() error { return errFn },
		"a panic":  func() error { panic(errFn) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openFollowed(t, gorm.Config{})
			synctest.Test(t, func(t *testing.T) {
				f := follow(t, o, nil)
				err := func() (err error) {
					defer func() {
						if v := recover(); v != nil {
							err = v.(error)
						}
					}()
					return f.auth.Write(t.Context(), []string{"1"}, func(context.Context) error {
						f.besidePlan(1, "pro")
						return fn()
					})
				}()
				if err != errFn { //nolint:errorlint // it is to be passed on as it is
					t.Errorf("Write = %v; want the error of fn as it is", err)
				}
				f.besidePlan(1, "later")
				for range 29 {
					f.wantLook("within half a minute", f.alice, false, "later")
					f.wantLook("within half a minute", f.bob, true, "free")
					time.Sleep(time.Second)
				}
				time.Sleep(2 * time.Second)
				f.wantCached("after half a minute", f.alice)
			})
		})
	}
}

func TestWriteDoesNotRunWhereTheCacheCannotBeTold(t *testing.T) {
	t.Parallel()
	o := openFollowed(t, gorm.Config{})
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, o, func(c *powgin.Config[User]) { c.Writes = powgin.LaxWrites }) // which is for the plugin
		for name, fault := range map[string]func(bool){"down": f.store.Down, "hanging": f.store.Hang} {
			for _, keys := range [][]string{{"1"}, {"1", "2"}, nil} {
				fault(true)
				ran := false
				err := f.auth.Write(t.Context(), keys, func(context.Context) error {
					ran = true
					return nil
				})
				if !errors.Is(err, powgin.ErrUnavailable) || ran {
					t.Errorf("Write of %q with the store %s = %v, fn ran: %t; want an ErrUnavailable and false", keys, name, err, ran)
				}
				if err := f.auth.InvalidateAll(t.Context()); !errors.Is(err, powgin.ErrUnavailable) {
					t.Errorf("InvalidateAll with the store %s = %v; want an ErrUnavailable", name, err)
				}
				f.store.Heal()
				time.Sleep(time.Minute)
				f.wantCached("with the store back", f.alice, f.bob)
			}
		}
	})
}

func TestALongWriteStaysAnnounced(t *testing.T) {
	t.Parallel()
	o := openFollowed(t, gorm.Config{})
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, o, nil)
		for _, keys := range [][]string{{"1"}, nil} {
			f.besidePlan(1, "free")
			noError(t, f.auth.InvalidateAll(t.Context()))
			f.wantCached("at first", f.alice)
			noError(t, f.auth.Write(t.Context(), keys, func(ctx context.Context) error {
				for range 60 {
					time.Sleep(5 * time.Second)
					f.wantLook("while fn runs", f.alice, false, "free")
				}
				f.besidePlan(1, "pro")
				f.wantLook("while fn runs", f.alice, false, "pro")
				return ctx.Err()
			}))
			f.wantLook("after it", f.alice, false, "pro")
			f.wantCached("after it", f.alice, f.bob)
		}
		f.told.wantTold(t, 0, "a write of minutes")
	})
}

func TestAWriteThatCannotBeKeptUpIsCancelledInTime(t *testing.T) {
	t.Parallel()
	o := openFollowed(t, gorm.Config{})
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, o, nil)
		for _, fault := range []func(bool){f.store.Down, f.store.Hang} {
			begun := time.Now()
			err := f.auth.Write(t.Context(), []string{"1"}, func(ctx context.Context) error {
				time.Sleep(time.Second)
				fault(true)
				<-ctx.Done()
				return context.Cause(ctx)
			})
			// It was announced at the start, once, and counts for half a minute.
			if took := time.Since(begun); took < 20*time.Second || took > 29*time.Second {
				t.Errorf("the context of fn ended after %v; want shortly before half a minute", took)
			}
			if err == nil || errors.Is(err, context.Canceled) {
				t.Errorf("Write = %v; want the cause: that the announcement could not be kept up", err)
			}
			if _, errs := f.told.take(); len(errs) != 1 || !errors.Is(errs[0], powgin.ErrUnavailable) {
				t.Errorf("OnError was told %v; want once that the announcement could not be kept up", errs)
			}
			f.store.Heal()
			time.Sleep(time.Minute)
			f.wantCached("with the store back", f.alice)
		}
	})
}

func TestTheContextOfFnIsTheCallers(t *testing.T) {
	t.Parallel()
	f := newFollowed(t, nil)
	type key struct{}
	outer, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	var kept context.Context
	err := f.auth.Write(outer, []string{"1"}, func(ctx context.Context) error {
		kept = ctx //nolint:fatcontext // to be looked at after it has ended
		if ctx.Value(key{}) != "value" || ctx.Err() != nil {
			t.Errorf("the context of fn has the value %v and the error %v; want the caller's", ctx.Value(key{}), ctx.Err())
		}
		f.besidePlan(1, "pro")
		cancel()
		<-ctx.Done()
		return nil // it was committed before
	})
	if err != nil {
		t.Errorf("Write = %v; want nil, as fn says", err)
	}
	if kept.Err() == nil {
		t.Error("the context of fn lives on after Write")
	}
	f.wantLook("after it", f.alice, false, "pro")
	f.wantCached("after it", f.alice)
}

func TestInvalidateAllSignsNobodyOut(t *testing.T) {
	t.Parallel()
	f := newFollowed(t, nil)
	f.besidePlan(1, "pro")
	f.besidePlan(2, "pro")
	f.wantLook("beside the plugin", f.alice, true, "free")
	tokens := f.alice.token() + f.bob.token()
	noError(t, f.auth.InvalidateAll(t.Context()))
	for _, b := range []*browser{f.alice, f.bob} {
		f.wantLook("after InvalidateAll", b, false, "pro")
		f.wantLook("after that", b, true, "pro")
	}
	if f.alice.token()+f.bob.token() != tokens {
		t.Error("InvalidateAll has replaced a token")
	}
}
