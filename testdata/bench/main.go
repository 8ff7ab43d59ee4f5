package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"github.com/gin-gonic/gin"
)

func main() {
	o := options{}
	only := flag.String("only", "", "measure only contenders whose part and name, with a slash between, match this expression; the floor always is")
	flag.IntVar(&o.rounds, "rounds", 40, "how often each contender has its turn")
	flag.DurationVar(&o.turn, "turn", 30*time.Millisecond, "about how long a turn takes")
	flag.BoolVar(&o.loopback, "loopback", true, "measure over HTTP too")
	flag.IntVar(&o.connections, "connections", 4, "how many connections the client over HTTP has")
	flag.BoolVar(&o.quick, "quick", false, "one round of three requests each, whose figures mean nothing")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "decides in which order contenders have their turns")
	flag.StringVar(&o.out, "out", "", "the directory for RESULTS.md and the pictures; that of this program's README for a run of everything, none for others")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		log.Fatalf("-only: %v", err)
	}
	if o.out == "" && *only == "" && !o.quick && o.loopback {
		o.out = home()
	}
	gin.SetMode(gin.ReleaseMode)
	slog.SetLogLoggerLevel(slog.LevelError) // a Redis that may evict sessions is none of this run's worries
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	_, err = run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// options say what a run does.
type options struct {
	rounds      int
	turn        time.Duration
	only        *regexp.Regexp
	loopback    bool
	connections int
	quick       bool
	seed        uint64
	out         string // empty: no file is written
}

// home returns the directory of this program's README, "" where it is neither this
// one nor below.
func home() string {
	for _, dir := range []string{".", filepath.Join("testdata", "bench")} {
		if _, err := os.Stat(filepath.Join(dir, "contenders_floor.go")); err == nil {
			return dir
		}
	}
	return ""
}

// run measures everything, prints the tables, and writes the files.
func run(ctx context.Context, o options, stdout io.Writer) (r *results, err error) {
	w, err := newWorld(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	r, err = measure(w, o)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(stdout, r.markdown(false)); err != nil {
		return nil, err
	}
	if o.out == "" {
		return r, nil
	}
	for name, picture := range r.pictures() {
		if err := picture.write(filepath.Join(o.out, name)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r, os.WriteFile(filepath.Join(o.out, "RESULTS.md"), []byte(r.markdown(true)), 0o644)
}
