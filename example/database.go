package main

import (
	"fmt"
	"log"
	"net/url"
	"os"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite" // the driver "sqlite", in pure Go
)

const inMemory = ":memory:"

// openDatabase opens the SQLite database at path, creates its tables and adds
// the demo users that are missing, whose passwords are hashed at this cost.
func openDatabase(path string, cost int) (*gorm.DB, error) {
	db, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: dsn(path)}, &gorm.Config{
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
	if err := prepare(db, path, cost); err != nil {
		closeDatabase(db)
		return nil, err
	}
	return db, nil
}

func prepare(db *gorm.DB, path string, cost int) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(8)
	if path == inMemory {
		// Each connection to :memory: is a database of its own.
		pool.SetMaxOpenConns(1)
	}
	if err := db.AutoMigrate(&User{}); err != nil {
		return err
	}
	return seed(db, cost)
}

// dsn adds the settings that every connection needs. With the write-ahead log
// readers and the writer do not wait for each other. A writer waits for another
// at most 2 s, so that an answer is out within 3; it takes its lock when its
// transaction begins, where waiting still helps.
func dsn(path string) string {
	settings := url.Values{
		"_pragma": {"busy_timeout(2000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}
	if path != inMemory {
		path = "file:" + (&url.URL{Path: path}).EscapedPath()
	}
	return path + "?" + settings.Encode()
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
