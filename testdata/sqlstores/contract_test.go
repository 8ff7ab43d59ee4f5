package sqlstores

import (
	"slices"
	"testing"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/cachetest"
	"github.com/powgin/powgin/powgintest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	for _, k := range slices.Concat(mainKinds, ways) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t, k)
			cachetest.Exercise(t, func(t *testing.T) cache.Store { return d.store(t) })
		})
	}
}

// Many subtests share a Store, as nodes of an app do.
func TestPromises(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		s := d.store(t)
		powgintest.Exercise(t, func(*testing.T) cache.Store { return s })
	})
}
