package sqlstores

import (
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
)

// A session's time zone changes nothing.
func TestTimeZones(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind  kind
		zones []string
	}{
		"postgres": {mainKinds[1], []string{"&timezone=UTC", "&timezone=Pacific/Kiritimati", "&timezone=Pacific/Pago_Pago"}},
		"mysql":    {mainKinds[2], []string{"&time_zone=%27%2B00:00%27", "&time_zone=%27%2B13:00%27", "&time_zone=%27-12:00%27", "&loc=Local&parseTime=true"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t, tt.kind)
			first := d.store(t)
			r := put(t, first, key(1), "there")
			for _, zone := range tt.zones {
				db, _ := d.openConfig(t, zone, gorm.Config{})
				s := storeOn(t, db)
				want(t, s, key(1), r)
				before, there, after := load(t, first, key(1)).Now, load(t, s, key(1)).Now, load(t, first, key(1)).Now
				// A server's clock may be set while this runs, by less than an hour.
				if there < before.Add(-time.Hour/2) || there > after.Add(time.Hour/2) {
					t.Errorf("with %s it is %v; want %v", zone, there.Std(), before.Std())
				}
			}
		})
	}
}

// hands has a test move the database's clock: those of several servers that take
// over from one another, or one that is set.
type hands struct {
	set  func(at time.Time)
	open func(t testing.TB) *gorm.DB
}

// withHands returns PostgreSQL with a clock_timestamp of the test's own.
func withHands(t *testing.T) hands {
	t.Helper()
	d := newDatabase(t, mainKinds[1])
	admin := d.open(t)
	run(t, admin, "CREATE TABLE hands (at timestamptz)")
	run(t, admin, "INSERT INTO hands VALUES ('2030-01-01T12:00:00Z')")
	run(t, admin, "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT at FROM hands'")
	return hands{
		set: func(at time.Time) {
			t.Helper()
			run(t, admin, "UPDATE hands SET at = '%s'", at.Format(time.RFC3339Nano))
		},
		open: d.open,
	}
}

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func TestTimeIsTheDatabases(t *testing.T) {
	t.Parallel()
	h := withHands(t)
	s, other := storeOn(t, h.open(t)), storeOn(t, h.open(t))
	wantNow := func(s cache.Store, at time.Time) {
		t.Helper()
		// A Store's time flows a little between two looks at a clock that stands
		// still.
		if got := load(t, s, key(1)).Now.Sub(cache.TimeOf(at)); got < 0 || got > time.Minute {
			t.Errorf("it is %v later than %v; want at most the time that this test takes", got, at)
		}
	}
	wantNow(s, noon)
	r, at := record(t, s, "for an hour"), noon.Add(time.Hour)
	r.Expires = cache.TimeOf(at)
	land(t, s, key(1), cache.ID{}, r)
	want(t, other, key(1), r)

	h.set(at.Add(-time.Millisecond))
	want(t, other, key(1), r)
	h.set(at)
	for _, s := range []cache.Store{s, other} {
		want(t, s, key(1), cache.Record{})
		lose(t, s, key(1), r.Version, record(t, s, "too late"), cache.Record{})
		lose(t, s, key(1), r.Version, cache.Record{}, cache.Record{})
	}
	h.set(at.Add(24 * time.Hour))
	wantNow(s, at.Add(24*time.Hour))
	next := put(t, other, key(1), "in its place")
	want(t, s, key(1), next)
}

// A server whose clock is behind by some seconds takes over.
func TestClockThatStepsBack(t *testing.T) {
	t.Parallel()
	h := withHands(t)
	s := storeOn(t, h.open(t))
	r := record(t, s, "short")
	r.Expires = cache.TimeOf(noon.Add(time.Hour))
	land(t, s, key(1), cache.ID{}, r)
	h.set(noon.Add(time.Hour))
	want(t, s, key(1), cache.Record{})
	last := load(t, s, key(1)).Now

	h.set(noon.Add(time.Hour - 30*time.Second))
	if now := load(t, s, key(1)).Now; now < last {
		t.Errorf("time went back by %v", last.Sub(now))
	}
	want(t, s, key(1), cache.Record{})
	lose(t, s, key(1), r.Version, record(t, s, "too late"), cache.Record{})
	next := put(t, s, key(1), "in its place") // the clock says that there is one
	want(t, s, key(1), next)
}

// A clock that was wrong by a day, for a while.
func TestClockThatWasADayAhead(t *testing.T) {
	t.Parallel()
	h := withHands(t)
	s := storeOn(t, h.open(t))
	r := put(t, s, key(1), "for an hour")
	h.set(noon.Add(24 * time.Hour))
	want(t, s, key(1), cache.Record{})
	next := record(t, s, "next")
	h.set(noon)
	// Nobody has told the Store yet: the swap finds out.
	land(t, s, key(1), r.Version, next)
	want(t, s, key(1), next)
	if got := load(t, s, key(1)).Now.Sub(cache.TimeOf(noon)); got < 0 || got > time.Minute {
		t.Errorf("it is %v after noon; want noon", got)
	}
}

// With MySQL the test has a session's clock stand still: UTC_TIMESTAMP follows
// it. Two sessions are then as two servers.
func TestTimeIsTheDatabasesWithMySQL(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, mainKinds[2])
	at := func(at time.Time) cache.Store {
		db, _ := d.openConfig(t, fmt.Sprintf("&timestamp=%d.25", at.Unix()), gorm.Config{})
		return storeOn(t, db)
	}
	s, later := at(noon), at(noon.Add(2*time.Hour))
	if got := load(t, s, key(1)).Now.Sub(cache.TimeOf(noon)); got < time.Second/4 || got > time.Minute {
		t.Errorf("it is %v after noon; want 250ms, and the time that this test takes", got)
	}
	r := put(t, s, key(1), "for an hour")
	want(t, s, key(1), r)
	want(t, later, key(1), cache.Record{})
	lose(t, later, key(1), r.Version, record(t, later, "too late"), cache.Record{})
	next := put(t, later, key(1), "in its place")
	want(t, s, key(1), next)
}
