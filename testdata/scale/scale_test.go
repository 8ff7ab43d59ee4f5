package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestACommandWritesTablesAndPictures runs the whole command in small and holds
// that each table has its rows, and each picture its lines.
func TestACommandWritesTablesAndPictures(t *testing.T) {
	t.Parallel()
	s, dir := quick(), t.TempDir()
	var progress bytes.Buffer
	r, err := measure(s, "", &progress)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.write(dir, "A sentence about the machine."); err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if !strings.Contains(progress.String(), p.name+": ") {
			t.Errorf("the progress says nothing of %s", p.name)
		}
	}
	results, err := os.ReadFile(filepath.Join(dir, "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(results), "\nA sentence about the machine.\n") {
		t.Error("RESULTS.md lacks the sentence that -note gives")
	}
	wantTables(t, s, r, string(results))
	wantGoals(t, r, string(results))
	wantPictures(t, s, r, dir, string(results))
}

// wantTables holds the rows of each table.
func wantTables(t *testing.T, s *sizes, r *report, results string) {
	t.Helper()
	accounts, sessions, flows := len(s.accounts), len(s.sessions), 5+2*5
	want := map[string][2]int{ // rows, columns
		"Over the number of accounts":              {len(operations), 1 + accounts},
		"Memory over the number of accounts":       {2, 3},
		"The garbage collector while requests run": {accounts, 9},
		"RevokeAll, for good":                      {accounts, 2},
		"Over the sessions of a user":              {len(operations), 1 + sessions},
		"Memory over the sessions of a user":       {sessions, 3},
		"Requests a second over goroutines":        {len(s.goroutines), 4},
		"Storms":                                   {flows, 11},
		"Storms: locks and the collector":          {6, 4},
		"Sign-ins while the store grows":           {4, 3},
		"Requests of one user at the same time":    {2, 5},
		"Reload over a database":                   {3, 7},
	}
	for _, part := range r.parts {
		table, is := part.(table)
		if !is {
			continue
		}
		size, known := want[table.title]
		if delete(want, table.title); !known {
			t.Errorf("there is a table %q", table.title)
			continue
		}
		if len(table.rows) != size[0] || len(table.head) != size[1] {
			t.Errorf("%s: %d rows and %d columns; want %d and %d", table.title, len(table.rows), len(table.head), size[0], size[1])
		}
		if !strings.Contains(results, "\n## "+table.title+"\n") {
			t.Errorf("RESULTS.md lacks the table %q", table.title)
		}
		for _, row := range table.rows {
			if len(row) != len(table.head) || slices.Contains(row, "") {
				t.Errorf("%s: row %q; want %d cells", table.title, row, len(table.head))
			}
			if !strings.Contains(results, "\n| "+strings.Join(row, " | ")+" |\n") {
				t.Errorf("RESULTS.md lacks the row %q", row)
			}
		}
	}
	for title := range want {
		t.Errorf("there is no table %q", title)
	}
}

// wantGoals holds the goals, and of those the ones that are no question of speed.
func wantGoals(t *testing.T, r *report, results string) {
	t.Helper()
	if got := len(r.goals); got != 5+6+3 {
		t.Errorf("%d goals; want 14", got)
	}
	exact := map[string]float64{
		"reads for 1,000 plain misses of one user":     1,
		"reads for 1,000 Reloads of one user":          2,
		"users served who were older than the request": 0,
	}
	for _, g := range r.goals {
		if want, is := exact[g.what]; is {
			if delete(exact, g.what); g.got != want || !g.met() {
				t.Errorf("%s: %v; want %v", g.what, g.got, want)
			}
		}
		if math.IsNaN(g.got) || !strings.Contains(results, "| "+g.what+" | "+g.format(g.got)+" | ") {
			t.Errorf("RESULTS.md lacks the goal %q with %v", g.what, g.got)
		}
	}
	for what := range exact {
		t.Errorf("there is no goal %q", what)
	}
}

// wantPictures holds that each picture is well-formed XML with a line of each
// thing that it shows, and is in RESULTS.md.
func wantPictures(t *testing.T, s *sizes, r *report, dir, results string) {
	t.Helper()
	want := map[string]int{ // lines
		"accounts.svg": len(operations), "memory-accounts.svg": 1, "collector.svg": 1,
		"sessions.svg": len(operations), "memory-sessions.svg": 1, "goroutines.svg": 3, "storms.svg": 8,
	}
	points := map[string]int{
		"accounts.svg": len(s.accounts), "sessions.svg": len(s.sessions), "goroutines.svg": len(s.goroutines), "memory-accounts.svg": 2,
	}
	for _, part := range r.parts {
		c, is := part.(chart)
		if !is {
			continue
		}
		if len(c.lines) != want[c.file] {
			t.Errorf("%s has %d lines; want %d", c.file, len(c.lines), want[c.file])
		}
		delete(want, c.file)
		text := pictureText(t, filepath.Join(dir, c.file))
		for _, l := range c.lines {
			if n := points[c.file]; n > 0 && len(l.points) != n {
				t.Errorf("%s: the line %q has %d points; want %d", c.file, l.name, len(l.points), n)
			}
			if len(l.points) > 0 && !strings.Contains(text, l.name) {
				t.Errorf("%s does not name the line %q", c.file, l.name)
			}
		}
		if !strings.Contains(text, c.title) || !strings.Contains(text, c.x) || !strings.Contains(text, c.y) {
			t.Errorf("%s lacks its title or what an axis shows", c.file)
		}
		if !strings.Contains(results, "("+c.file+")") {
			t.Errorf("RESULTS.md does not show %s", c.file)
		}
	}
	for file := range want {
		t.Errorf("there is no picture %s", file)
	}
}

// pictureText returns the text in an SVG, which has to be well-formed.
func pictureText(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return ""
	}
	var text strings.Builder
	root := ""
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
			break
		}
		switch token := token.(type) {
		case xml.StartElement:
			if root == "" {
				root = token.Name.Local
			}
		case xml.CharData:
			text.Write(token)
			text.WriteByte('\n')
		}
	}
	if root != "svg" {
		t.Errorf("%s begins with %q; want svg", file, root)
	}
	if regexp.MustCompile(`NaN|Inf`).Match(b) {
		t.Errorf("%s has a place that is no number", file)
	}
	return text.String()
}

// TestReloadsShareReads is the count that Reload promises, and its control: the
// same requests without Reload are served users older than themselves.
func TestReloadsShareReads(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		apart         int // requests that do not share a read of others
		path          string
		drop          bool
		reads, served int
	}{
		{"plain misses share one", 1, "/cached", true, 1, 0},
		{"Reload reads once more for those who came meanwhile", 2, "/reload", false, 2, 0},
		{"without Reload nobody reads, and all see the old user", 1, "/cached", false, 0, 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := crowded(1000, tt.apart, tt.path, tt.drop)
			if err != nil {
				t.Fatal(err)
			}
			if b.reads != tt.reads || b.older != tt.served || b.refused != 0 || b.requests != 1000 {
				t.Errorf("%d requests: %d reads, %d served an older user, %d refused; want 1000: %d, %d, 0",
					b.requests, b.reads, b.older, b.refused, tt.reads, tt.served)
			}
		})
	}
}

// TestStormsForgetWhoIsOver holds that after a storm of expiries, and sign-ins
// meanwhile, the store has those who are signed in and nobody else.
func TestStormsForgetWhoIsOver(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		spells, err := expiryStorm(quick(), full)
		if err != nil {
			t.Error(err) // it counts them itself
			continue
		}
		if storm := spells[1]; storm.flows[2].done != 100 || len(storm.flows[2].latencies) != 100 {
			t.Errorf("%s: %d sign-ins; want the 100 that were offered", storm.name, storm.flows[2].done)
		}
	}
}

// TestASmallRunWritesNothing holds that RESULTS.md is that of a whole run.
func TestASmallRunWritesNothing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for args, wantErr := range map[string]string{
		"-quick -only reloads": "", "-only nothing": `no part "nothing"`, "-out no/such/place": "run it from the root",
	} {
		err := command(strings.Fields(args), &out, io.Discard)
		if (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Errorf("scale %s: %v; want %q", args, err, wantErr)
		}
	}
	if !strings.Contains(out.String(), "\n## Reload over a database\n") {
		t.Errorf("it printed %q; want the tables", out.String())
	}
	if _, err := os.Stat("testdata"); err == nil {
		t.Error("a run with -only has written files")
	}
}
