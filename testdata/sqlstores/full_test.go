package sqlstores

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// filler is a table of the test's own that takes all the room there is.
type filler struct {
	ID   int
	Data []byte
}

// fill makes rows until not even the smallest finds room.
func fill(t testing.TB, db *gorm.DB) {
	t.Helper()
	for size := 64 << 10; size > 0; size /= 2 {
		var err error
		for err == nil {
			err = db.Create(&filler{Data: make([]byte, size)}).Error
		}
		wantError(t, "a row in a full database", err, "full")
	}
}

// A full disk makes nobody anybody else: reads go on, what finds no room is
// refused as a whole, and with room everything works again.
func TestFullDatabase(t *testing.T) {
	t.Parallel()
	for _, journal := range []string{"WAL", "DELETE"} {
		t.Run(journal, func(t *testing.T) {
			t.Parallel()
			// SQLite says the same of this bound as of a full disk.
			k := journaled(journal)
			k.settings += "&_pragma=max_page_count(200)"
			s := newSite(t, newDatabase(t, k))
			must(t, s.db.AutoMigrate(&filler{}))
			s.meetsFullDisk(fullDisk{
				fill: func() { fill(t, s.db) },
				free: func() { run(t, s.db, "DELETE FROM fillers") },
				room: crowd / 2, // where a page has some bytes left
			})
		})
	}
}

// The same on a disk that is full.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, journal := range []string{"WAL", "DELETE"} {
		t.Run(journal, func(t *testing.T) {
			t.Parallel()
			dir := smallDisk(t)
			d := newDatabase(t, journaled(journal))
			d.dsn = "file:" + filepath.Join(dir, "app.db") + d.dsn[strings.Index(d.dsn, "?"):]
			name := filepath.Join(dir, "filler")
			newSite(t, d).meetsFullDisk(fullDisk{
				fill: func() { fillDisk(t, name) },
				free: func() { must(t, os.Remove(name)) },
			})
		})
	}
}

// A fullDisk is one on which some sign-ins may still find room.
type fullDisk struct {
	fill, free func()
	room       int
}

// crowd is how many sign in while the disk is full.
const crowd = 20

// fillDisk writes to a file until not a byte more finds room.
func fillDisk(t testing.TB, name string) {
	t.Helper()
	f, err := os.Create(name)
	must(t, err)
	defer f.Close()
	for size := 64 << 10; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, noSpace) {
			t.Fatalf("filling the disk: %v", err)
		}
	}
}

// meetsFullDisk has the site's users meet a full disk.
func (s *site) meetsFullDisk(disk fullDisk) {
	s.Helper()
	reader, due, syncing, leaving := s.signedIn(1), s.signedIn(2), s.signedIn(3), s.signedIn(4)
	must(s, s.auth.Sync(s.Context(), user{ID: 2}, powgin.Regenerate()))
	disk.fill()
	in := 0
	for range crowd {
		coming := s.visitor(5)
		if coming.worksOrRefused(coming.signIn) {
			coming.works(coming.who)
			in++
		} else {
			coming.nobody()
		}
		syncing.worksOrRefused(syncing.sync)
		due.worksOrRefused(due.who)
		for _, v := range []*visitor{reader, syncing} {
			v.works(v.who)
			v.works(v.reload)
		}
	}
	if in > disk.room {
		s.Errorf("%d of %d sign-ins find room on a full disk; want %d at most", in, crowd, disk.room)
	}
	gone := leaving.leavesOrStays()
	disk.free()
	counts := map[int]int{1: 1, 2: 1, 3: 1, 4: 1, 5: in}
	if gone {
		counts[4] = 0
	}
	s.wantSessions(counts)
	for _, v := range []*visitor{reader, due, syncing} {
		v.works(v.who)
		v.works(v.sync)
		v.works(v.reload)
	}
	if !gone {
		leaving.works(leaving.who)
	}
	leaving.leaves()
	again := s.signedIn(5)
	again.works(again.reload)
	counts[4], counts[5] = 0, in+1
	s.wantSessions(counts)
}

// leavesOrStays signs out, for which there may be room, and reports whether the
// visitor is nobody then. Otherwise they are who they were.
func (v *visitor) leavesOrStays() (gone bool) {
	v.Helper()
	copied := &visitor{v.site, v.Clone(), v.id}
	a := v.signOut()
	if a.Status == http.StatusServiceUnavailable {
		v.refused(func() *answer { return a })
		v.works(v.who)
		return false
	}
	v.shows(a, "nobody")
	v.nobody()
	copied.nobody()
	return true
}

// smallDisk mounts a disk of a megabyte for the test.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := mount(dir); err != nil {
		t.Skipf("a disk of a megabyte takes root, on Linux, to be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(dir); err != nil {
			t.Errorf("unmounting the disk: %v", err)
		}
	})
	return dir
}
