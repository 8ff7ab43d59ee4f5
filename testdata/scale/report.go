package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A report is what a run found: tables and pictures, in their order, and goals.
type report struct {
	parts []any // table, chart
	goals []goal
}

// A table is a table of the report.
type table struct {
	title, note string
	head        []string
	rows        [][]string
}

// A goal is a figure that powgin's design sets a bound to.
type goal struct {
	what       string
	got, limit float64
	format     func(float64) string
}

func (g *goal) met() bool { return g.got <= g.limit }

func (r *report) add(parts ...any) { r.parts = append(r.parts, parts...) }

func (r *report) goal(what string, got, limit float64, format func(float64) string) {
	r.goals = append(r.goals, goal{what, got, limit, format})
}

// markdown returns the report as RESULTS.md has it.
func (r *report) markdown(note string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# How powgin's costs grow: the figures\n\n")
	fmt.Fprintf(&b, "Measured on %s by `go run ./testdata/scale`, with %s, on %s. [README.md](README.md) says how to read them.\n",
		time.Now().UTC().Format(time.DateOnly), runtime.Version(), machine())
	if note != "" {
		fmt.Fprintf(&b, "%s\n", note)
	}
	if len(r.goals) > 0 {
		goals := table{title: "The goals", head: []string{"what", "measured", "at most", ""}}
		for i := range r.goals {
			g, verdict := &r.goals[i], "met"
			if !g.met() {
				verdict = "**missed**"
			}
			goals.rows = append(goals.rows, []string{g.what, g.format(g.got), g.format(g.limit), verdict})
		}
		goals.write(&b)
	}
	for _, part := range r.parts {
		switch part := part.(type) {
		case table:
			part.write(&b)
		case chart:
			fmt.Fprintf(&b, "\n![%s](%s)\n", part.title, part.file)
		}
	}
	return b.String()
}

func (t *table) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n", t.title)
	if t.note != "" {
		fmt.Fprintf(b, "%s\n\n", t.note)
	}
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(t.head, " | "), strings.Repeat(" --- |", len(t.head)))
	for _, row := range t.rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
}

// write writes RESULTS.md and the pictures.
func (r *report) write(dir, note string) error {
	for _, part := range r.parts {
		if c, is := part.(chart); is {
			if err := c.write(dir); err != nil {
				return fmt.Errorf("%s: %w", c.file, err)
			}
		}
	}
	return os.WriteFile(filepath.Join(dir, "RESULTS.md"), []byte(r.markdown(note)), 0o644)
}

// machine names what this runs on.
func machine() string {
	model := runtime.GOARCH
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if key, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(key) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s with %d of its cores (%s/%s)", model, runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// number returns n with its thousands apart.
func number(n int) string {
	if n < 0 {
		return "-" + number(-n)
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plain(v float64) string { return number(int(math.Round(v))) }

func weight(v float64) string { return plain(v) + " B" }

func times(v float64) string { return fmt.Sprintf("%.2f ×", v) }

func perSecond(v float64) string { return plain(v) + "/s" }

func took(d time.Duration) string { return nanoseconds(float64(d)) }

// nanoseconds returns a time to three digits in the unit that fits it.
func nanoseconds(v float64) string {
	unit := "ns"
	for _, next := range []string{"µs", "ms", "s"} {
		if v < 999.5 {
			break
		}
		v, unit = v/1000, next
	}
	digits := 0
	switch {
	case v == float64(int(v)):
	case v < 9.995:
		digits = 2
	case v < 99.95:
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, v, unit)
}
