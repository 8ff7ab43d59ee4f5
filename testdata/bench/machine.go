package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// A machine is where, when and of what a run was made.
type machine struct {
	date      string
	processor string
	cores     int
	system    string
	compiler  string
	versions  []string // "module version", of the libraries that are measured
}

func thisMachine() machine {
	m := machine{
		date: time.Now().UTC().Format(time.DateOnly), processor: processor(), cores: runtime.GOMAXPROCS(0),
		system: runtime.GOOS + "/" + runtime.GOARCH, compiler: runtime.Version(),
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return m
	}
	versions := map[string]string{}
	for _, dep := range info.Deps {
		versions[dep.Path] = dep.Version
	}
	for _, module := range []string{
		"github.com/gin-gonic/gin", "gorm.io/gorm", "gorm.io/driver/sqlite", "modernc.org/sqlite",
		"gorm.io/driver/postgres", "github.com/jackc/pgx/v5",
		"github.com/gin-contrib/sessions", "github.com/gorilla/securecookie", "github.com/gomodule/redigo",
		"github.com/alexedwards/scs/v2", "github.com/alexedwards/scs/goredisstore", "github.com/redis/go-redis/v9",
		"github.com/golang-jwt/jwt/v5", "github.com/appleboy/gin-jwt/v2", "github.com/redis/rueidis",
	} {
		if version := versions[module]; version != "" {
			m.versions = append(m.versions, module+" "+version)
		}
	}
	return m
}

// processor returns the model's name, as far as Linux tells.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "a processor that does not tell its name"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "a processor that does not tell its name"
}
