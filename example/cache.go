package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
	"github.com/powgin/powgin/cache/redisstore"
	"github.com/redis/rueidis"
	"gorm.io/gorm"
)

// openCache opens the store that CACHE names, where powgin keeps sessions and
// cached users. A nil store stands for powgin's own, in the process: it forgets
// everything when the app stops, and serves one process. The others keep sessions
// over restarts and share them between any number of processes, without another
// line of the app being changed. The function it returns closes the store.
func openCache(cfg config, db *gorm.DB) (cache.Store, func(), error) {
	switch cfg.cache {
	case "gorm":
		store, err := gormstore.New(db, gormstore.Migrate())
		if err != nil {
			return nil, nil, fmt.Errorf("CACHE=gorm: %w", err)
		}
		return store, func() {}, nil
	case "redis":
		store, err := openRedisCache(cfg.cacheServers)
		if err != nil {
			return nil, nil, fmt.Errorf("CACHE=redis://…: no Redis to use at %s: %w", addresses(cfg.cacheServers), err)
		}
		return store, func() { _ = store.Close() }, nil
	}
	return nil, func() {}, nil
}

// openRedisCache takes several addresses for a cluster's.
func openRedisCache(servers []redisServer) (*redisstore.Store, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	option := rueidis.ClientOption{
		Username: servers[0].username, Password: servers[0].password, SelectDB: servers[0].database,
		ForceSingleClient: len(servers) == 1,
	}
	for _, s := range servers {
		option.InitAddress = append(option.InitAddress, s.address)
	}
	return redisstore.Open(ctx, option)
}

func addresses(servers []redisServer) string {
	list := make([]string, len(servers))
	for i, s := range servers {
		list[i] = s.address
	}
	return strings.Join(list, ", ")
}
