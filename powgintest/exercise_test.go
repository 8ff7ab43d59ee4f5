package powgintest_test

import (
	"testing"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// stores are those that keep every promise.
var stores = map[string]func(*testing.T) cache.Store{
	"in-process": func(*testing.T) cache.Store { return cache.NewMemory(0) },
	"bytes":      func(*testing.T) cache.Store { return bytesOnly{cache.NewMemory(0)} },
}

// bytesOnly hides that a Memory can keep accounts decoded, so that powgin goes
// through their bytes as it does with a store outside the process.
type bytesOnly struct{ cache.Store }

func TestExercise(t *testing.T) {
	t.Parallel()
	for name, newStore := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			powgintest.Exercise(t, newStore)
		})
	}
}

func TestExerciseInBubble(t *testing.T) {
	t.Parallel()
	for name, newStore := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			powgintest.ExerciseInBubble(t, newStore)
		})
	}
}

// Stores may share their database, or be one.
func TestExerciseOfOneStore(t *testing.T) {
	t.Parallel()
	for name, newStore := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newStore(t)
			powgintest.Exercise(t, func(*testing.T) cache.Store { return store })
		})
	}
}
