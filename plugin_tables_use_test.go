package powgin_test

import (
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

func TestWatchTablesAreCheckedAtSetUp(t *testing.T) {
	t.Parallel()
	type tables = map[string]powgin.WatchTable
	keys := func([]string) ([]string, error) { return nil, nil }
	columns := func(names ...string) powgin.WatchTable { return powgin.WatchTable{Columns: names} }
	for name, tt := range map[string]struct {
		tables tables
		want   []string // in the error; none for a Config that is fine
	}{
		"one":               {tables{"memberships": columns("user_id")}, nil},
		"of a schema":       {tables{"app.memberships": columns("user_id"), "duties": {}}, nil},
		"with Keys":         {tables{"tags": {Columns: []string{"owner_type", "owner_id"}, Keys: keys}}, nil},
		"no name":           {tables{"": columns("user_id")}, []string{`Config.WatchTables[""] has no name`}},
		"a name of spaces":  {tables{" ": columns("user_id")}, []string{`Config.WatchTables[" "] has no name`}},
		"a quoted name":     {tables{`"tags"`: columns("user_id")}, []string{`must be a table's name without quotes`}},
		"a schema's alone":  {tables{"app.": columns("user_id")}, []string{`must be a table's name without quotes`}},
		"the users' own":    {tables{"users": columns("id")}, []string{`Config.WatchTables["users"] is the users' own table, which is followed already`}},
		"theirs, qualified": {tables{"app.Users": columns("id")}, []string{`is the users' own table`}},
		"a column twice":    {tables{"tags": {Columns: []string{"a", "b", "A"}, Keys: keys}}, []string{`Config.WatchTables["tags"].Columns (A) is there twice`}},
		"an empty column":   {tables{"tags": columns("")}, []string{`Config.WatchTables["tags"].Columns has an empty name`}},
		"a quoted column":   {tables{"tags": columns("`a`")}, []string{"(`a`) must be a column's name without quotes and table"}},
		"a table's column":  {tables{"tags": columns("tags.a")}, []string{`(tags.a) must be a column's name without quotes and table`}},
		"Keys of nothing":   {tables{"tags": {Keys: keys}}, []string{`Config.WatchTables["tags"].Keys (a function) goes with Columns`}},
		"too many columns":  {tables{"tags": columns("a", "b")}, []string{`Config.WatchTables["tags"].Columns (a, b) are not as many as the primary key has`}},
		"all at once": {tables{"": {Keys: keys}, "users": {}, "tags": columns("a", "", "a")}, []string{
			`[""] has no name`, `[""].Keys`, `["users"] is the users' own`, `["tags"].Columns has an empty name`, `["tags"].Columns (a) is there twice`,
		}},
	} {
		auth, err := powgin.New(powgin.Config[User]{DB: openDB(t), WatchTables: tt.tables})
		if (err == nil) != (len(tt.want) == 0) {
			t.Errorf("%s: New = %v; want %q", name, err, tt.want)
		}
		for _, want := range tt.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: New = %v; want %q", name, err, want)
			}
		}
		if auth != nil {
			_ = auth.Close()
		}
	}
	auth, err := powgin.New(powgin.Config[User]{Users: &people{}, WatchTables: tables{"users": columns("id"), "tags": columns("a", "b")}})
	if err != nil {
		t.Fatalf("with Users any table may be listed: New = %v; want nil", err)
	}
	_ = auth.Close()
}

func TestTheConfigsTablesAreCopied(t *testing.T) {
	t.Parallel()
	columns := []string{"keeper_id"}
	tables := map[string]powgin.WatchTable{"memberships": {Columns: columns}}
	s := newTables(t, gorm.Config{}, func(c *powgin.Config[Keeper]) { c.WatchTables = tables })
	columns[0] = "id"
	delete(tables, "memberships")
	s.wantSeen("Update", executed("UPDATE memberships SET role = 'new' WHERE keeper_id = 2"), 2)
}

func TestAWriteToAnotherTableThatCannotBeAnnounced(t *testing.T) {
	t.Parallel()
	write := func(db *gorm.DB) error {
		return db.Create(&Membership{ID: 50, KeeperID: new(uint(1)), Role: "new"}).Error
	}
	for name, config := range map[string]gorm.Config{"as it comes": {}, "SkipDefaultTransaction": {SkipDefaultTransaction: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTables(t, config, nil)
			s.store.Down(true)
			if err := write(s.db); !errors.Is(err, powgin.ErrUnavailable) {
				t.Errorf("StrictWrites: Create with the store down = %v; want an ErrUnavailable", err)
			}
			s.store.Heal()
			if err := s.beside.First(&Membership{}, 50).Error; !errors.Is(err, gorm.ErrRecordNotFound) {
				t.Errorf("StrictWrites: the row is read with %v; want that it is rolled back", err)
			}
			s.wantSeen("with the store back", write, 1)

			lax := newTables(t, config, func(c *powgin.Config[Keeper]) { c.Writes = powgin.LaxWrites })
			lax.store.Down(true)
			noError(t, write(lax.db))
			lax.store.Heal()
			if _, errs := lax.told.take(); len(errs) == 0 || !errors.Is(errors.Join(errs...), powgin.ErrUnavailable) {
				t.Errorf("LaxWrites: OnError was told %v; want an ErrUnavailable", errs)
			}
			noError(t, lax.beside.First(&Membership{}, 50).Error)
		})
	}
}

func TestARowOfATenantConcernsItsOwnUser(t *testing.T) {
	t.Parallel()
	f := follow(t, openFollowed(t, gorm.Config{}, &Tag{}), func(c *powgin.Config[User]) {
		c.Tenant = tenantOf
		c.WatchTables = map[string]powgin.WatchTable{"tags": {Columns: []string{"owner_id"}}}
	})
	misses := func(tenant string, b *browser) uint64 {
		before := f.auth.Stats().Misses
		b.get("/", "Tenant", tenant).want(200)
		return f.auth.Stats().Misses - before
	}
	f.mount(tenantByHeader)
	red, green := f.browser(), f.browser()
	for tenant, b := range map[string]*browser{"red": red, "green": green} {
		b.post("/signin/1", "Tenant", tenant).want(200)
		b.get("/", "Tenant", tenant).want(200)
	}
	noError(t, f.db.WithContext(inTenant(t.Context(), "red")).Create(&Tag{OwnerID: 1}).Error)
	if n := misses("red", red); n != 1 {
		t.Errorf("after a write in red, red's user is read %d times; want 1", n)
	}
	if n := misses("green", green); n != 0 {
		t.Errorf("after a write in red, green's user is read %d times; want 0", n)
	}
}
