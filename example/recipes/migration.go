package recipes

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// RenamePlan gives another plan to all users of one, size rows at a time, and has
// everybody read anew in the end. After an error it may be called again. size must
// be positive; db is not the one that the cache follows.
func RenamePlan(ctx context.Context, db *gorm.DB, auth *powgin.Auth[User], from, to string, size int) error {
	err := inBatches(ctx, db, size, func(ctx context.Context, after, upTo uint) error {
		return renameBatch(ctx, db, from, to, after, upTo)
	})
	// What was committed counts, also where a later batch has failed.
	return errors.Join(err, auth.InvalidateAll(ctx))
}

// AnnouncedRenamePlan is RenamePlan with each batch announced: nobody is served
// an old copy, at the price of a database that is asked by every request meanwhile.
func AnnouncedRenamePlan(ctx context.Context, db *gorm.DB, auth *powgin.Auth[User], from, to string, size int) error {
	return inBatches(ctx, db, size, func(ctx context.Context, after, upTo uint) error {
		return auth.Write(ctx, nil, func(ctx context.Context) error {
			return renameBatch(ctx, db, from, to, after, upTo)
		})
	})
}

// inBatches calls change for one range of ids after the other. It goes on from
// the last id that it saw, so that the last batch costs what the first one did.
func inBatches(ctx context.Context, db *gorm.DB, size int, change func(ctx context.Context, after, upTo uint) error) error {
	for after := uint(0); ; {
		var ids []uint
		page := db.WithContext(ctx).Model(&User{}).Where("id > ?", after).Order("id").Limit(size)
		if err := page.Pluck("id", &ids).Error; err != nil || len(ids) == 0 {
			return err
		}
		upTo := ids[len(ids)-1]
		if err := change(ctx, after, upTo); err != nil {
			return err
		}
		after = upTo
	}
}

// renameBatch is one statement, and so one transaction: its locks are short.
func renameBatch(ctx context.Context, db *gorm.DB, from, to string, after, upTo uint) error {
	return db.WithContext(ctx).Model(&User{}).
		Where("id > ? AND id <= ? AND plan = ?", after, upTo, from).Update("plan", to).Error
}
