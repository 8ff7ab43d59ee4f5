package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/powgin/powgin"
	"gorm.io/gorm"
)

// queryTimeout bounds each query of the app's own.
const queryTimeout = 2500 * time.Millisecond

// users holds the app's own queries. They tell three outcomes apart: found,
// absent (false), and could not tell: an error that powgin.Abort answers with
// 503, because a database that is down is no reason to sign anyone out.
//
// Pass them a request's context, never the *gin.Context: Gin uses that again
// for another request while the database driver may still look at it.
type users struct{ db *gorm.DB }

func (u users) byEmail(ctx context.Context, email string) (User, bool, error) {
	return u.one(ctx, "email = ?", email)
}

func (u users) byID(ctx context.Context, id uint) (User, bool, error) {
	return u.one(ctx, "id = ?", id)
}

func (u users) one(ctx context.Context, where string, value any) (User, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var user User
	err := u.db.WithContext(ctx).Where(where, value).Take(&user).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return User{}, false, nil
	case err != nil:
		return User{}, false, unavailable("read a user", err)
	}
	return user, true, nil
}

// list returns the first users, without their password hashes.
func (u users) list(ctx context.Context) ([]User, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var all []User
	err := u.db.WithContext(ctx).Omit("password_hash").Order("id").Limit(100).Find(&all).Error
	if err != nil {
		return nil, unavailable("list users", err)
	}
	return all, nil
}

// setPlan writes one column. Saving a whole user that came from the cache
// (db.Save) would put old values back into the columns that someone else has
// changed meanwhile.
func (u users) setPlan(ctx context.Context, id uint, plan string) error {
	return u.set(ctx, id, "plan", plan)
}

func (u users) setPasswordHash(ctx context.Context, id uint, hash string) error {
	return u.set(ctx, id, "password_hash", hash)
}

func (u users) set(ctx context.Context, id uint, column, value string) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	err := u.db.WithContext(ctx).Model(&User{}).Where("id = ?", id).Update(column, value).Error
	if err != nil {
		return unavailable("write "+column, err)
	}
	return nil
}

func unavailable(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, powgin.ErrUnavailable, err)
}
