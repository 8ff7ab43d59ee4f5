package writes

import (
	"testing"

	"gorm.io/gorm"
)

// triggers make a new card change user 1.
var triggers = map[string][]string{
	"sqlite": {"CREATE TRIGGER paid AFTER INSERT ON cards BEGIN UPDATE users SET plan = 'pro' WHERE id = 1; END"},
	"mysql":  {"CREATE TRIGGER paid AFTER INSERT ON cards FOR EACH ROW UPDATE users SET plan = 'pro' WHERE id = 1"},
	"postgres": {
		"CREATE FUNCTION pay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE users SET plan = 'pro' WHERE id = 1; RETURN NULL; END $$",
		"CREATE TRIGGER paid AFTER INSERT ON cards FOR EACH ROW EXECUTE FUNCTION pay()",
	},
}

// TestWhatIsNotSeen holds what README.md says of writes that the plugin cannot
// know: the cached copy stays, and Invalidate helps.
func TestWhatIsNotSeen(t *testing.T) {
	t.Parallel()
	const text = "UPDATE users SET plan = 'pro' WHERE id = 1"
	for server, own := range servers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, own(t), gorm.Config{}, false, nil)
			for _, row := range []struct {
				name  string
				write func() error
			}{
				{"database/sql, with GORM's own pool", func() error {
					pool, err := s.db.DB()
					if err != nil {
						return err
					}
					_, err = pool.Exec(text)
					return err
				}},
				{"another *gorm.DB", func() error { return s.beside.Exec(text).Error }},
				{"a trigger", func() error {
					for _, create := range triggers[server] {
						must(t, s.beside.Exec(create).Error)
					}
					return s.db.Create(&Card{Number: "1"}).Error
				}},
			} {
				s.ready()
				must(t, row.write())
				if fromCache, plan := s.look(1); !fromCache || plan != "free" || s.row(1) != "pro" {
					t.Errorf("%s: user 1 sees %q, from the cache: %v, and the row is %q; want the copy from before", row.name, plan, fromCache, s.row(1))
				}
				must(t, s.auth.Invalidate(t.Context(), "1"))
				s.wantSeen(one)
			}
		})
	}
}
