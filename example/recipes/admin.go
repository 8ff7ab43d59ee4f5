package recipes

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache/gormstore"
)

// AdminTool changes users from a program of its own: a command, a cron job.
type AdminTool struct {
	pool *sql.DB
	auth *powgin.Auth[User]
}

// OpenAdminTool returns a tool that shares the store of the site, which has its
// accounts in the same database. It leaves db open when it is closed.
func OpenAdminTool(db *gorm.DB) (*AdminTool, error) {
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	store, err := gormstore.New(db) // without Migrate: an error where the site's table is not there
	if err != nil {
		return nil, err
	}
	auth, err := powgin.New(Settings(db, store))
	if err != nil {
		return nil, err
	}
	return &AdminTool{pool, auth}, nil
}

// Close lets go of what OpenAdminTool took. The sessions stay in the store.
func (t *AdminTool) Close() error { return t.auth.Close() }

// SetPlan changes a user's plan, for all of their sessions.
func (t *AdminTool) SetPlan(ctx context.Context, id uint, plan string) error {
	return t.write(ctx, id, "UPDATE users SET plan = $1 WHERE id = $2", plan, id)
}

// Lock locks an account and ends its sessions. The column comes first: nobody can
// sign in again once the sessions are ended. After an error it may be called again.
func (t *AdminTool) Lock(ctx context.Context, id uint) error {
	if err := t.write(ctx, id, "UPDATE users SET locked = true WHERE id = $1", id); err != nil {
		return err
	}
	return t.auth.RevokeUser(ctx, t.auth.Key(User{ID: id}))
}

// write announces the change, commits it and concludes it.
func (t *AdminTool) write(ctx context.Context, id uint, query string, args ...any) error {
	key := t.auth.Key(User{ID: id})
	return t.auth.Write(ctx, []string{key}, func(ctx context.Context) error {
		_, err := t.pool.ExecContext(ctx, query, args...)
		return err
	})
}
