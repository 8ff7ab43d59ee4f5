// Command scale measures how powgin's costs grow with accounts, sessions,
// goroutines and storms, and draws it. README.md says how to read the pictures.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
)

// A part is one of the things that are measured.
type part struct {
	name string
	run  func(*sizes, *report) error
}

var parts = []part{
	{"accounts", overAccounts},
	{"sessions", overSessions},
	{"goroutines", overGoroutines},
	{"storms", storms},
	{"growth", growth},
	{"reloads", reloads},
}

func main() {
	child, err := prepare()
	if err == nil && !child {
		err = command(os.Args[1:], os.Stdout, os.Stderr)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// prepare is for every process, tests included. It reports whether this one is
// a crowd's, which has done its work by then.
func prepare() (child bool, err error) {
	gin.SetMode(gin.ReleaseMode)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // a storm is told of by its figures
	if spec := os.Getenv(childVariable); spec != "" {
		return true, beChild(spec, os.Stdin, os.Stdout)
	}
	return false, nil
}

func command(args []string, out, progress io.Writer) error {
	flags := flag.NewFlagSet("scale", flag.ContinueOnError)
	small := flags.Bool("quick", false, "small numbers, in seconds: shows that it works")
	dir := flags.String("out", "testdata/scale", "where RESULTS.md and the pictures go; with -quick or -only nowhere, unless it is set")
	only := flags.String("only", "", "one part alone: accounts, sessions, goroutines, storms, growth or reloads")
	note := flags.String("note", "", "a sentence for RESULTS.md, about the machine")
	rounds := flags.Int("rounds", 0, "how many rounds the medians are of; 0: as many as usual")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s := full()
	if *small {
		s = quick()
	}
	if *rounds > 0 {
		s.rounds = *rounds
	}
	if (*small || *only != "") && !set(flags, "out") {
		*dir = ""
	} else if _, err := os.Stat(*dir); err != nil {
		return fmt.Errorf("%w; run it from the root of the repository, or say where to with -out", err)
	}
	r, err := measure(s, *only, progress)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, r.markdown(*note)); err != nil || *dir == "" {
		return err
	}
	return r.write(*dir, *note)
}

func set(flags *flag.FlagSet, name string) (found bool) {
	flags.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// measure runs all parts, or the one of that name.
func measure(s *sizes, only string, progress io.Writer) (*report, error) {
	r := &report{}
	if only != "" && !slices.ContainsFunc(parts, func(p part) bool { return p.name == only }) {
		return nil, fmt.Errorf("there is no part %q", only)
	}
	for _, p := range parts {
		if only != "" && p.name != only {
			continue
		}
		start := time.Now()
		if err := p.run(s, r); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		_, _ = fmt.Fprintf(progress, "%s: %s\n", p.name, time.Since(start).Round(time.Millisecond))
	}
	return r, nil
}
