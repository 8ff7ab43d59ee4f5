package main

import (
	"fmt"
	"log"
	"os"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// openDatabase opens the database that DATABASE names, creates its tables and
// adds the demo users that are missing, whose passwords are hashed at this cost.
func openDatabase(database string, cost int) (*gorm.DB, error) {
	dialect, err := dialect(database)
	if err != nil {
		return nil, err
	}
	db, err := gorm.Open(dialect, &gorm.Config{
		Logger: logger.New(log.New(os.Stderr, "", log.LstdFlags), logger.Config{
			LogLevel:                  logger.Warn,
			SlowThreshold:             time.Second,
			IgnoreRecordNotFoundError: true,
			// Values stay out of the log: among them are password hashes and,
			// with SESSIONS=gorm, session ids.
			ParameterizedQueries: true,
		}),
	})
	if err != nil {
		return nil, err
	}
	if err := prepare(db, database, cost); err != nil {
		closeDatabase(db)
		return nil, err
	}
	return db, nil
}

func prepare(db *gorm.DB, database string, cost int) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(8)
	if database == inMemory {
		// Each connection to :memory: is a database of its own.
		pool.SetMaxOpenConns(1)
	}
	if err := migrate(db); err != nil {
		return err
	}
	return seed(db, cost)
}

// migrate creates the table. Where two processes start at once the later one
// may be told that it exists, and finds it so.
func migrate(db *gorm.DB) error {
	err := db.AutoMigrate(&User{})
	if err != nil {
		err = db.AutoMigrate(&User{})
	}
	return err
}

func closeDatabase(db *gorm.DB) {
	if pool, err := db.DB(); err == nil {
		_ = pool.Close()
	}
}

// account is a demo user, as the sign-in page lists it.
type account struct {
	Name, Password string
	Admin          bool
}

const demoDomain = "@example.com"

func (a account) email() string { return a.Name + demoDomain }

var demoAccounts = []account{
	{Name: "alice", Password: "password-alice"},
	{Name: "bob", Password: "password-bob"},
	{Name: "admin", Password: "password-admin", Admin: true},
}

// seed adds the demo users that are missing and leaves the others as they are,
// the deleted ones too.
func seed(db *gorm.DB, cost int) error {
	for _, a := range demoAccounts {
		var found int64
		if err := db.Unscoped().Model(&User{}).Where("email = ?", a.email()).Count(&found).Error; err != nil {
			return err
		}
		if found > 0 {
			continue
		}
		hash, err := hashPassword(a.Password, cost)
		if err != nil {
			return err
		}
		user := User{Email: a.email(), Plan: plans[0].ID, Admin: a.Admin, PasswordHash: hash}
		// Another process may be doing the same: the one that is later adds nothing.
		if err := db.Clauses(clause.OnConflict{DoNothing: true}).Create(&user).Error; err != nil {
			return fmt.Errorf("add %s: %w", a.email(), err)
		}
	}
	return nil
}
