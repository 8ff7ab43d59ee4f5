package powgin_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goBlocks returns the Go code of README.md.
func goBlocks(t *testing.T) (blocks []string) {
	t.Helper()
	for _, m := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(readFile(t, "README.md"), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) == 0 {
		t.Fatal("README.md has no Go code")
	}
	return blocks
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

func TestTheCodeInTheReadmeIsThatOfTheExamples(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"example*_test.go", "powgintest/example*_test.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no examples in %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	var examples strings.Builder
	for _, file := range files {
		examples.WriteString(unindented(readFile(t, file)))
	}
	for _, block := range goBlocks(t) {
		if !strings.HasPrefix(block, "package ") && !strings.Contains(examples.String(), unindented(block)) {
			t.Errorf("no example holds this code of README.md:\n%s", block)
		}
	}
}

func TestTheProgramInTheReadmeCompiles(t *testing.T) {
	t.Parallel()
	programs := 0
	for _, block := range goBlocks(t) {
		if !strings.HasPrefix(block, "package main\n") {
			continue
		}
		programs++
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
			t.Errorf("go vet: %v\n%s", err, out)
		}
		if out, err := exec.CommandContext(t.Context(), "gofmt", "-l", file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("gofmt would change the program: %v %s", err, out)
		}
	}
	if programs == 0 {
		t.Error("README.md has no whole program")
	}
}

func TestTheLinksInTheReadmeLeadSomewhere(t *testing.T) {
	t.Parallel()
	prose := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(readFile(t, "README.md"), "")
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(prose, -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.FromSlash(m[1])); err != nil {
			t.Errorf("README.md links to %s: %v", m[1], err)
		}
	}
}
