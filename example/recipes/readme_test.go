package recipes

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(name))
	must(t, err)
	return string(text)
}

// plain is code with a single space for whatever lies between its words.
func plain(code string) string { return strings.Join(strings.Fields(code), " ") }

func TestTheCodeInTheReadmeIsThatOfThePackage(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	must(t, err)
	var all strings.Builder
	for _, file := range files {
		all.WriteString(plain(readFile(t, file)) + "\n")
	}
	text := readFile(t, "README.md")
	blocks := regexp.MustCompile("(?ms)^ *```go\n(.*?)^ *```$").FindAllStringSubmatch(text, -1) // in lists they are indented
	if want := strings.Count(text, "```go"); len(blocks) != want || want < 4 {
		t.Errorf("README.md has %d blocks of Go, of which %d were found; want all, and one for each recipe at least", want, len(blocks))
	}
	for _, block := range blocks {
		if code := plain(block[1]); code == "" || !strings.Contains(all.String(), code) {
			t.Errorf("no file holds this code of README.md:\n%s", block[1])
		}
	}
}

func TestTheLinksInTheReadmeLeadSomewhere(t *testing.T) {
	t.Parallel()
	links := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`).FindAllStringSubmatch(readFile(t, "README.md"), -1)
	if len(links) == 0 {
		t.Error("README.md has no links")
	}
	for _, link := range links {
		if strings.Contains(link[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.FromSlash(link[1])); err != nil {
			t.Errorf("README.md links to %s: %v", link[1], err)
		}
	}
}
