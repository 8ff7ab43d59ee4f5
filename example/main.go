// Command example is a small site that shows powgin at work: pages that serve
// the signed-in user from the credentials cache, a group of routes that reads
// the user from the database, a plan page that syncs the user and regenerates
// the session, and a change that is made from outside the user's own requests.
//
//	go run ./example
//
// It needs nothing else. config.go tells which environment variables it reads.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/gin-gonic/gin"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run starts the site and serves it until ctx ends.
func run(ctx context.Context, getenv func(string) string, out io.Writer) error {
	cfg, err := loadConfig(getenv)
	if err != nil {
		return err
	}
	db, err := openDatabase(cfg.database, cfg.hashCost)
	if err != nil {
		return fmt.Errorf("DATABASE=%s: %w", redacted(cfg.database), err)
	}
	defer closeDatabase(db)
	site, err := newSite(cfg, db)
	if err != nil {
		return err
	}
	defer site.close()
	listener, err := net.Listen("tcp", cfg.addr)
	if err != nil {
		return fmt.Errorf("ADDR=%s: %w", cfg.addr, err)
	}
	if _, err := fmt.Fprintf(out, "database: %s\nlistening on http://%s\n", redacted(cfg.database), listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	return site.serve(ctx, listener)
}
