package gormstore_test

import (
	"testing"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/cachetest"
	"github.com/powgin/powgin/powgintest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	cachetest.Exercise(t, func(t *testing.T) cache.Store { return newStore(t) })
}

func TestPromises(t *testing.T) {
	t.Parallel()
	powgintest.Exercise(t, func(t *testing.T) cache.Store { return newStore(t) })
}
