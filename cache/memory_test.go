package cache_test

import (
	"testing"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/cachetest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	newMemory := func(*testing.T) cache.Store { return cache.NewMemory(0) }
	cachetest.Exercise(t, newMemory)
	t.Run("to the nanosecond", func(t *testing.T) {
		t.Parallel()
		cachetest.ExerciseInBubble(t, newMemory)
	})
}

// The suite keeps to spaces of its own, so that one store serves all of it.
func TestOneMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	m := cache.NewMemory(0)
	cachetest.Exercise(t, func(*testing.T) cache.Store { return m })
}
