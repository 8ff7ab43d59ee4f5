package main

import (
	"crypto/rand"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// postgresSchema returns the URL of a schema of the test's own.
func postgresSchema(t *testing.T) string {
	t.Helper()
	address := os.Getenv("POWGIN_TEST_POSTGRES")
	if address == "" {
		address = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	admin, err := gorm.Open(postgres.Open(address), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no PostgreSQL answers (POWGIN_TEST_POSTGRES names another one): %v", err)
		}
		t.Skipf("no PostgreSQL answers (POWGIN_TEST_POSTGRES names another one): %v", err)
	}
	schema := "example_" + strings.ToLower(rand.Text())
	if err := admin.Exec("CREATE SCHEMA " + schema).Error; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := admin.Exec("DROP SCHEMA " + schema + " CASCADE").Error; err != nil {
			t.Errorf("dropping the test's schema: %v", err)
		}
		closeDatabase(admin)
	})
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// With FEED what plain SQL changes shows on the page; without, the cached copy
// stays.
func TestFeed(t *testing.T) {
	t.Parallel()
	for _, cache := range []string{"memory", "gorm"} {
		t.Run("CACHE="+cache, func(t *testing.T) {
			t.Parallel()
			app := setup(t, "DATABASE="+postgresSchema(t), "FEED=true", "CACHE="+cache, "MAXAGE=1h")
			v := app.signedIn(t, "alice")
			for _, plan := range []string{"team", "pro"} {
				app.setPlanSQL(t, "alice@example.com", plan)
				for end := time.Now().Add(20 * time.Second); v.mustProfile().Plan != plan; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("/profile does not show the plan %q within 20 seconds", plan)
					}
				}
			}
		})
	}
	t.Run("FEED=false", func(t *testing.T) {
		t.Parallel()
		app := setup(t, "DATABASE="+postgresSchema(t), "MAXAGE=1h")
		v := app.signedIn(t, "alice")
		v.mustProfile()
		app.setPlanSQL(t, "alice@example.com", "team")
		if got := v.mustProfile().Plan; got != "free" {
			t.Errorf("without the feed /profile shows %q at once; want the cached free", got)
		}
	})
}

// The columns that count are those of the table, but for the key and the hash.
func TestFeedKnowsTheColumns(t *testing.T) {
	t.Parallel()
	app := setup(t)
	columns, err := app.users.db.Migrator().ColumnTypes(&User{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"id", "password_hash"}
	want = append(want, cachedColumns...)
	var got []string
	for _, column := range columns {
		got = append(got, column.Name())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the table has the columns %q; want %q", got, want)
	}
}

func TestFeedNeedsPostgreSQL(t *testing.T) {
	t.Parallel()
	for database, ok := range map[string]bool{
		"": false, "app.db": false, ":memory:": false, "mysql://app@db/app": false,
		"postgres://app@db/app": true, "postgresql://app@db/app": true,
	} {
		cfg, err := loadConfig(environ("FEED=true", "DATABASE="+database))
		if (err == nil) != ok || cfg.feed != true {
			t.Errorf("FEED=true with DATABASE=%s = %v, %v; want a fault: %v", database, cfg.feed, err, !ok)
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "FEED=") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("the fault is %q; want one sentence that begins with FEED", err)
		}
	}
}
