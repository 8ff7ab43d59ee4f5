package recipes

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/powgin/powgin"
)

// Job is the row of something that a worker has yet to do, in a table beside the
// users: an outbox.
type Job struct {
	ID      uint
	UserID  uint
	Credits int  // which the user is to be given
	Applied bool // they are given; the cache has yet to be told
}

// Upgrade changes the plan and enqueues what follows from it, in one transaction:
// no worker finds the job before the COMMIT, and none after a rollback.
func Upgrade(ctx context.Context, db *gorm.DB, id uint, plan string) error {
	return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&User{ID: id}).Update("plan", plan).Error; err != nil {
			return err
		}
		return tx.Create(&Job{UserID: id, Credits: 100}).Error
	})
}

// Work does the next job, and reports whether there was one. After an error the
// job is still there for the next call, and its credits are given once.
func Work(ctx context.Context, db *gorm.DB, auth *powgin.Auth[User]) (bool, error) {
	job, err := applyNext(ctx, db) // which commits
	if err != nil || job.ID == 0 {
		return false, err
	}
	if err := auth.Sync(ctx, User{ID: job.UserID}); err != nil {
		return true, err
	}
	return true, db.WithContext(ctx).Delete(&job).Error
}

func applyNext(ctx context.Context, db *gorm.DB) (job Job, err error) {
	err = db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		// Several workers take different jobs. SQLite, with one writer, needs no lock.
		free := clause.Locking{Strength: clause.LockingStrengthUpdate, Options: clause.LockingOptionsSkipLocked}
		err := tx.Clauses(free).Order("id").Limit(1).Find(&job).Error
		if err != nil || job.ID == 0 || job.Applied {
			return err
		}
		if err := giveCredits(tx, job); err != nil {
			return err
		}
		return tx.Model(&job).Update("applied", true).Error
	})
	return job, err
}

func giveCredits(tx *gorm.DB, job Job) error {
	return tx.Model(&User{ID: job.UserID}).Update("credits", gorm.Expr("credits + ?", job.Credits)).Error
}

// AnnouncedWork is Work without a moment between the COMMIT and the telling, and
// so without the column Applied.
func AnnouncedWork(ctx context.Context, db *gorm.DB, auth *powgin.Auth[User]) (bool, error) {
	job, err := nextJob(ctx, db)
	if err != nil || job.ID == 0 {
		return false, err
	}
	key := auth.Key(User{ID: job.UserID})
	return true, auth.Write(ctx, []string{key}, func(ctx context.Context) error {
		return finish(ctx, db, job)
	})
}

// FollowedWork is Work where the worker too has called db.Use(auth).
func FollowedWork(ctx context.Context, db *gorm.DB) (bool, error) {
	job, err := nextJob(ctx, db)
	if err != nil || job.ID == 0 {
		return false, err
	}
	return true, finish(ctx, db, job)
}

func nextJob(ctx context.Context, db *gorm.DB) (job Job, err error) {
	err = db.WithContext(ctx).Order("id").Limit(1).Find(&job).Error
	return job, err
}

// finish gives the credits and deletes the job in one transaction. Of workers who
// have found the same job one deletes it, and the others do nothing.
func finish(ctx context.Context, db *gorm.DB, job Job) error {
	return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		mine := tx.Delete(&Job{ID: job.ID})
		if mine.Error != nil || mine.RowsAffected == 0 {
			return mine.Error
		}
		return giveCredits(tx, job)
	})
}
