package powgin_test

import (
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// owners says whom a tag concerns.
func owners(values []string) ([]string, error) {
	kind, id := values[0], values[1]
	values[0] = "changed by the app"
	switch kind {
	case "keeper":
		return []string{id}, nil
	case "pair":
		return []string{id, "3"}, nil
	case "door":
		return nil, nil
	case "empty":
		return []string{id, ""}, nil
	case "panic":
		panic("secret")
	}
	return []string{id}, errFn
}

func TestKeysSayWhomARowConcerns(t *testing.T) {
	t.Parallel()
	s := newTables(t, gorm.Config{}, func(c *powgin.Config[Keeper]) {
		c.WatchTables = map[string]powgin.WatchTable{"tags": {Columns: []string{"owner_type", "owner_id"}, Keys: owners}}
	})
	tagged := func(tags ...Tag) func(db *gorm.DB) error {
		return func(db *gorm.DB) error { return db.Create(tags).Error }
	}
	s.wantSeen("a keeper's", tagged(Tag{OwnerType: "keeper", OwnerID: 1}), 1)
	s.wantSeen("two keepers'", tagged(Tag{OwnerType: "pair", OwnerID: 1}, Tag{OwnerType: "keeper", OwnerID: 1}), 1, 3)
	s.wantSeen("nobody's", tagged(Tag{OwnerType: "door", OwnerID: 1}))
	s.wantSeen("nobody's, and a keeper's", tagged(Tag{OwnerType: "door", OwnerID: 1}, Tag{OwnerType: "keeper", OwnerID: 2}), 2)
	s.wantSeen("by both columns, raw", executed("UPDATE tags SET text = 'x' WHERE owner_type = 'keeper' AND owner_id IN (1, ?)", 2), 1, 2)
	s.wantSeen("by one column, raw", executed("UPDATE tags SET text = 'x' WHERE owner_id = 1"), everybody...)
	s.wantSeen("a text that may be another one, raw", executed("UPDATE tags SET text = 'x' WHERE owner_type = 'keeper ' AND owner_id = 1"), everybody...)
	s.wantSeen("by another column", func(db *gorm.DB) error {
		return db.Model(&Tag{}).Where("text = 'x' AND owner_id = 1").Where("owner_type <> 'door'").Update("text", "y").Error
	}, 1, 3)
	s.wantSeen("of a column", func(db *gorm.DB) error { return db.Model(&Tag{ID: 1}).Update("owner_type", "door").Error }, everybody...)
	if _, errs := s.told.take(); len(errs) > 0 {
		t.Errorf("OnError was told %v; want nothing", errs)
	}
	for _, kind := range []string{"panic", "empty", "error"} {
		s.wantSeen(kind, tagged(Tag{OwnerType: kind, OwnerID: 1}), everybody...)
		_, errs := s.told.take()
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), `Keys of Config.WatchTables["tags"] failed`) || strings.Contains(errs[0].Error(), "secret") {
			t.Errorf("%s: OnError was told %v; want that Keys failed, without what it panicked with", kind, errs)
		}
		if kind == "error" && !errors.Is(errs[0], errFn) {
			t.Errorf("OnError was told %v; want the error of Keys", errs[0])
		}
	}
}

func TestACompositeKeyOfAnotherTableIsExact(t *testing.T) {
	t.Parallel()
	type pairNote struct {
		ID       uint
		Org      string
		Nr       int
		PairText string
	}
	s := newKeyedWith(t, func(c *powgin.Config[pairUser]) {
		c.WatchTables = map[string]powgin.WatchTable{"pair_notes": {Columns: []string{"org", "nr"}}}
	}, func(u pairUser) string { return u.Plan }, pairUser{"a,b", 1, "free"}, pairUser{"a,b", 2, "free"}, pairUser{"5", 1, "free"})
	noError(t, s.db.AutoMigrate(&pairNote{}))
	s.wantAnnounced("Create", func(db *gorm.DB) error { return db.Create(&pairNote{Org: "a,b", Nr: 2}).Error }, 1)
	s.wantAnnounced("raw", executed("UPDATE pair_notes SET pair_text = 'x' WHERE org = ? AND nr = '01'", "a,b"), 0)
	s.wantAnnounced("raw, of a text that may be another one", executed("UPDATE pair_notes SET pair_text = 'x' WHERE org = '05' AND nr = 1"), 0, 1, 2)
	s.wantAnnounced("by half", func(db *gorm.DB) error {
		return db.Model(&pairNote{}).Where("org = ?", "a,b").Update("pair_text", "x").Error
	}, 1)
	s.wantAnnounced("by half, raw", executed("DELETE FROM pair_notes WHERE org = 'a,b'"), 0, 1, 2)
}

// TestAColumnThatFoldsCountsAsAll has a column that takes "Ann" for "ann".
func TestAColumnThatFoldsCountsAsAll(t *testing.T) {
	t.Parallel()
	type foldedNote struct {
		ID    uint
		Owner string `gorm:"type:text collate nocase"`
	}
	s := newKeyedWith(t, func(c *powgin.Config[textUser]) {
		c.WatchTables = map[string]powgin.WatchTable{"folded_notes": {Columns: []string{"owner"}}}
	}, func(u textUser) string { return u.Plan }, textUser{"ann", "free"}, textUser{"ben", "free"})
	noError(t, s.db.AutoMigrate(&foldedNote{}))
	s.wantAnnounced("Create", func(db *gorm.DB) error { return db.Create(&foldedNote{Owner: "ANN"}).Error }, 0, 1)
	s.wantAnnounced("Delete", func(db *gorm.DB) error { return db.Where("owner = 'ann'").Delete(&foldedNote{}).Error }, 0, 1)
}
