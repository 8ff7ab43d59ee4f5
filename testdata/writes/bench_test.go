package writes

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"gorm.io/gorm"
)

// BenchmarkFollowed reports how many times as long a statement takes where the
// plugin follows it. Both take turns, so that whatever else the machine has to do
// hits both; the ratio is the median of the rounds'.
func BenchmarkFollowed(b *testing.B) {
	n := 0
	for server, own := range servers {
		for _, st := range []struct {
			name string
			run  func(db *gorm.DB) error
		}{
			{"SELECT", func(db *gorm.DB) error { return db.First(&User{}, 1).Error }},
			{"raw SELECT", func(db *gorm.DB) error {
				var plan string
				return db.Raw("SELECT plan FROM users WHERE id = ?", 1).Scan(&plan).Error
			}},
			{"UPDATE by id", func(db *gorm.DB) error {
				n++
				return db.Model(&User{ID: 1}).UpdateColumn("plan", strconv.Itoa(n)).Error
			}},
			{"UPDATE in bulk", func(db *gorm.DB) error {
				return db.Model(&User{}).Where("email LIKE ?", "user%").UpdateColumn("plan", "pro").Error
			}},
		} {
			b.Run(server+" "+st.name, func(b *testing.B) {
				s := newSite(b, own(b), gorm.Config{}, false, nil)
				s.ready()
				var ratios []float64
				var plain, followed time.Duration
				for b.Loop() {
					p, f := takes(b, s.beside, st.run), takes(b, s.db, st.run)
					plain, followed = plain+p, followed+f
					ratios = append(ratios, float64(f)/float64(p))
				}
				slices.Sort(ratios)
				b.ReportMetric(ratios[len(ratios)/2], "ratio")
				b.ReportMetric(float64(plain.Microseconds())/float64(rounds*len(ratios)), "plain-µs")
				b.ReportMetric(float64(followed.Microseconds())/float64(rounds*len(ratios)), "followed-µs")
			})
		}
	}
}

const rounds = 20

func takes(b *testing.B, db *gorm.DB, f func(*gorm.DB) error) time.Duration {
	start := time.Now()
	for range rounds {
		must(b, f(db))
	}
	return time.Since(start)
}
