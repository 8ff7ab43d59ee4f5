package neighbours

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var pages = []string{"README.md", "from-gin-contrib-sessions.md", "from-scs.md"}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// goFiles returns the text of all Go files of the module.
func goFiles(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go files: %v", err)
	}
	var all strings.Builder
	for _, file := range files {
		all.WriteString(read(t, file))
	}
	return all.String()
}

// unindented returns the lines of code without what they begin and end with
// for their place.
func unindented(code string) string {
	lines := strings.Split(strings.TrimSpace(code), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}

func TestTheCodeInThePagesIsThatOfTheSites(t *testing.T) {
	t.Parallel()
	code := unindented(goFiles(t))
	for _, page := range pages[1:] {
		blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(read(t, page), -1)
		if len(blocks) == 0 {
			t.Errorf("%s has no Go code", page)
		}
		for _, m := range blocks {
			if !strings.Contains(code, unindented(m[1])) {
				t.Errorf("no Go file here holds this code of %s:\n%s", page, m[1])
			}
		}
	}
}

func TestTheLinksInThePagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range pages {
		prose := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(read(t, page), "")
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(prose, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.FromSlash(m[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
}

// TestTheTableNamesItsTests checks both ways: no row without its test, and no
// situation without its row.
func TestTheTableNamesItsTests(t *testing.T) {
	t.Parallel()
	table, code := read(t, "README.md"), goFiles(t)
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`\[(Test\w+)\]\((\w+\.go)\)`).FindAllStringSubmatch(table, -1) {
		named[m[1]] = true
		if !strings.Contains(read(t, m[2]), "\nfunc "+m[1]+"(") {
			t.Errorf("README.md says that %s has %s; want it there", m[2], m[1])
		}
	}
	for _, m := range regexp.MustCompile(`func (Test\w+)\(t \*testing.T\) \{\n\tt.Parallel\(\)\n\tsituation\(`).FindAllStringSubmatch(code, -1) {
		if !named[m[1]] {
			t.Errorf("README.md has no row for %s", m[1])
		}
	}
}

// TestTheTableNamesItsVersions fails where go.mod has another version of a
// library than the table was written for.
func TestTheTableNamesItsVersions(t *testing.T) {
	t.Parallel()
	table := read(t, "README.md")
	for name, module := range map[string]string{
		"gin-contrib/sessions": "github.com/gin-contrib/sessions",
		"scs":                  "github.com/alexedwards/scs/v2",
	} {
		m := regexp.MustCompile(regexp.QuoteMeta(module) + ` (v\S+)\n`).FindStringSubmatch(read(t, "go.mod"))
		if m == nil || !strings.Contains(table, name+" "+m[1]) {
			t.Errorf("README.md does not name %s in the version of go.mod, %q", name, m)
		}
	}
}
