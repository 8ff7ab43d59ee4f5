package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

func TestConfigHasDefaults(t *testing.T) {
	t.Parallel()
	got, err := loadConfig(environ())
	if err != nil {
		t.Fatal(err)
	}
	if got.addr != "127.0.0.1:8080" || got.database != "powgin-example.db" || got.sessions != "cookie" {
		t.Errorf("addr %q, database %q, sessions %q; want 127.0.0.1:8080, powgin-example.db, cookie", got.addr, got.database, got.sessions)
	}
	if got.hashCost != 10 {
		t.Errorf("bcrypt has cost %d; want 10", got.hashCost)
	}
	if got.reload || got.secure {
		t.Errorf("reload %v, secure %v; want both off", got.reload, got.secure)
	}
	if got.idle+got.renew+got.absolute+got.grace+got.maxAge != 0 {
		t.Errorf("a duration is set; want zero, which leaves powgin's defaults: %+v", got)
	}
	other, err := loadConfig(environ())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.secret) < minSecret || bytes.Equal(got.secret, other.secret) {
		t.Error("the secret is short, or the same twice; want a random one")
	}
}

func TestConfigReadsValues(t *testing.T) {
	t.Parallel()
	got, err := loadConfig(environ("ADDR=:0", "DATABASE=:memory:", "SESSIONS=gorm", "RELOAD=true", "COOKIE_SECURE=1",
		"TTL=3s", "RENEW=1s", "ABSOLUTE=7s", "GRACE=500ms", "MAXAGE=10s", "CACHE=gorm", "TRANSPORT=cookie",
		"AUTOSYNC=true", "FEED=false", "SESSION_SECRET="+strings.Repeat("x", minSecret)))
	if err != nil {
		t.Fatal(err)
	}
	if got.idle != 3*time.Second || got.renew != time.Second || got.absolute != 7*time.Second || got.grace != 500*time.Millisecond || got.maxAge != 10*time.Second {
		t.Errorf("durations are %+v", got)
	}
	if !got.reload || !got.secure || got.sessions != "gorm" {
		t.Errorf("reload %v, secure %v, sessions %q; want true, true, gorm", got.reload, got.secure, got.sessions)
	}
	for value, want := range map[string]powgin.Transport{
		"": powgin.Cookie{Insecure: true}, "cookie": powgin.Cookie{Insecure: true},
		"insession": powgin.InSession{Insecure: true}, "bearer": powgin.Bearer{},
	} {
		cfg, err := loadConfig(environ("TRANSPORT=" + value))
		if err != nil || cfg.transport() != want {
			t.Errorf("TRANSPORT=%s gives %#v, %v; want %#v", value, cfg.transport(), err, want)
		}
	}
	none, err := loadConfig(environ("GRACE=0s"))
	if err != nil || none.grace != powgin.NoGrace {
		t.Errorf("GRACE=0s gives %v, %v; want NoGrace", none.grace, err)
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	t.Parallel()
	faults := []string{
		"ADDR=localhost", "DATABASE=oracle://app:hunter2@db/app", "SESSIONS=redis://:hunter2@cache", "CACHE=files",
		"TRANSPORT=pigeon", "RELOAD=maybe", "COOKIE_SECURE=oui", "AUTOSYNC=perhaps", "FEED=true", "SESSION_SECRET=hunter2",
		"TTL=30", "RENEW=0s", "ABSOLUTE=-1h", "GRACE=-1s", "MAXAGE=soon",
	}
	for _, fault := range faults {
		name, _, _ := strings.Cut(fault, "=")
		_, err := loadConfig(environ(fault))
		if err == nil {
			t.Errorf("%s is taken; want a fault", fault)
			continue
		}
		if got := err.Error(); !strings.HasPrefix(got, name) || strings.Contains(got, "\n") {
			t.Errorf("%s: %q; want one sentence that begins with %s", fault, got, name)
		}
	}
	_, err := loadConfig(environ(faults...))
	if err == nil {
		t.Fatal("all of them together are taken")
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != len(faults) {
		t.Errorf("%d faults are told at once; want %d:\n%v", got, len(faults), err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a password is shown: %v", err)
	}
}

func TestKeysDifferByPurpose(t *testing.T) {
	t.Parallel()
	cfg := config{secret: []byte(strings.Repeat("x", minSecret))}
	a, err := cfg.key("tokens")
	if err != nil {
		t.Fatal(err)
	}
	b, err := cfg.key("gin session")
	if err != nil {
		t.Fatal(err)
	}
	if len(a) != 32 || bytes.Equal(a, b) {
		t.Errorf("keys of %d bytes, equal: %v; want 32 and different ones", len(a), bytes.Equal(a, b))
	}
}

// A password may be in what DATABASE holds: nothing shows it.
func TestDatabasesAreShownWithoutPasswords(t *testing.T) {
	t.Parallel()
	for database, want := range map[string]string{
		"app.db":   "app.db",
		":memory:": ":memory:",
		"postgres://app:hunter2@db:5432/app?sslmode=disable&password=hunter2": "postgres://app:xxxxx@db:5432/app",
		"mysql://app:hunter2@db/app":                                          "mysql://app:xxxxx@db/app",
		"mysql://app:hunter2@db/%zz":                                          "mysql://…",
	} {
		if got := redacted(database); got != want {
			t.Errorf("%s is shown as %s; want %s", database, got, want)
		}
	}
}

func TestMySQLDatabasesAreURLs(t *testing.T) {
	t.Parallel()
	got, err := mysqlDSN("mysql://app:p%40ss@db/shop")
	if want := "app:p@ss@tcp(db:3306)/shop?"; err != nil || !strings.HasPrefix(got, want) || !strings.Contains(got, "parseTime=true") {
		t.Errorf("mysqlDSN = %q, %v; want one that begins with %q and parses times", got, err, want)
	}
	for _, bad := range []string{"mysql://", "mysql:///shop", "mysql://db", "mysql://db/%zz"} {
		if got, err := mysqlDSN(bad); err == nil || strings.Contains(err.Error(), "db") && !strings.Contains(err.Error(), "database") {
			t.Errorf("mysqlDSN(%q) = %q, %v; want an error", bad, got, err)
		}
	}
}
