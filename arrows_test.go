package powgin_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/powgin/powgin"

// A house is a part of the tree with what it may import. Packages below it
// that have no row of their own keep to its rules, and may be used within it.
type house struct {
	own      []string // parts of this project, "." being the root package
	modules  []string // modules of others
	tests    []string // what tests may import beside those
	never    []string // standard packages that only tests may import
	anything bool     // modules of others are its own affair
}

// houses holds the arrows: powgin → handlers → cache, and never back.
var houses = map[string]house{
	".": {
		own:     []string{"handlers", "cache"},
		modules: []string{"github.com/gin-gonic/gin", "gorm.io/gorm"},
		tests: []string{
			"cache/cachetest", "cache/gormstore", "powgintest", "github.com/gin-contrib/sessions", "github.com/gorilla/sessions",
			"gorm.io/driver/sqlite", "modernc.org/sqlite", "go.uber.org/goleak",
		},
		never: []string{"testing"},
	},
	"handlers": {
		own: []string{"cache"},
		modules: []string{
			"github.com/gin-gonic/gin", "github.com/gin-contrib/sessions", "github.com/gorilla/sessions", "gorm.io/gorm",
		},
		tests: []string{"cache/cachetest", "gorm.io/driver/sqlite", "modernc.org/sqlite", "go.uber.org/goleak"},
		never: []string{"testing"},
	},
	"cache": {
		modules: []string{"github.com/puzpuzpuz/xsync/v4"},
		tests:   []string{"cache/cachetest", "go.uber.org/goleak"},
		never:   []string{"testing", "net/http"},
	},
	"cache/cachetest": {own: []string{"cache"}, never: []string{"net/http"}},
	// It imports no driver: the app brings its own.
	"cache/gormstore": {
		own:     []string{"cache"},
		modules: []string{"gorm.io/gorm"},
		tests: []string{
			".", "cache/cachetest", "powgintest", "gorm.io/driver/sqlite", "modernc.org/sqlite", "go.uber.org/goleak",
		},
		never: []string{"testing", "net/http"},
	},
	// It imports no driver: users live in a map, or in the caller's database.
	"powgintest": {
		own:     []string{".", "cache", "cache/cachetest"},
		modules: []string{"github.com/gin-gonic/gin"},
		tests: []string{
			"github.com/gin-contrib/sessions", "gorm.io/gorm",
			"gorm.io/driver/sqlite", "modernc.org/sqlite", "go.uber.org/goleak",
		},
	},
	// A module of its own: its client is its own affair.
	"cache/redisstore": {own: []string{"cache", "cache/cachetest", "powgintest"}, tests: []string{"."}, anything: true},
	// As redisstore. It knows nothing of powgin: an Auth is an interface to it.
	"cache/pgfeed": {tests: []string{".", "powgintest"}, anything: true},
	// Modules of their own, as redisstore. They read the numbers of a cache, and an
	// Auth is an interface to them.
	"cache/prommetrics": {own: []string{"cache"}, tests: []string{".", "powgintest"}, anything: true},
	"cache/otelmetrics": {own: []string{"cache"}, tests: []string{".", "powgintest"}, anything: true},
	// What an app needs stands at the front door, but for the stores and the feed:
	// the example uses no other.
	"example": {own: []string{".", "cache", "cache/gormstore", "cache/pgfeed", "cache/redisstore"}, anything: true},
}

// requirements are the modules that go.mod may name as direct ones. Each is a
// promise to every user, so that a new one has to be written down here too.
var requirements = []string{
	"github.com/gin-contrib/sessions",
	"github.com/gin-gonic/gin",
	"github.com/gorilla/sessions", // what gin-contrib/sessions wraps; only through it a session gets a new ID
	"github.com/puzpuzpuz/xsync/v4",
	"go.uber.org/goleak",    // tests
	"gorm.io/driver/sqlite", // tests
	"gorm.io/gorm",
	"modernc.org/sqlite", // tests
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, file := range filesOf(t, "testdata") {
		if path.Ext(file) != ".go" {
			continue
		}
		dir := path.Dir(file)
		name := houseOf(dir)
		if name == "" {
			t.Errorf("package %s has no rule: add it to houses in arrows_test.go", dir)
			continue
		}
		seen[name] = true
		test := strings.HasSuffix(file, "_test.go")
		for _, imported := range importsOf(t, file) {
			if !houses[name].allows(name, imported, test) {
				t.Errorf("%s imports %s, which %q must not", file, imported, name)
			}
		}
	}
	for _, name := range []string{".", "handlers", "cache"} {
		if !seen[name] {
			t.Errorf("no Go file was found for %q: the arrows were not checked", name)
		}
	}
}

// TestArrowsRefuse shows that the rules themselves would notice an arrow that
// points the wrong way.
func TestArrowsRefuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, imported string
		test           bool
	}{
		{"handlers", modulePath, false},
		{"handlers", modulePath, true},
		{"cache", modulePath, true},
		{"cache", modulePath + "/handlers", false},
		{"cache", "github.com/gin-gonic/gin", true},
		{"cache", "gorm.io/gorm", false},
		{"cache", "net/http", false},
		{"cache", "net/http/httptest", false},
		{".", "gorm.io/driver/sqlite", false},
		{".", "testing", false},
		{"example", modulePath + "/handlers", false},
	} {
		if houses[tt.from].allows(tt.from, tt.imported, tt.test) {
			t.Errorf("%q may import %s (test %v); want it refused", tt.from, tt.imported, tt.test)
		}
	}
}

func TestDirectRequirements(t *testing.T) {
	t.Parallel()
	direct := directRequirements(readFile(t, "go.mod"))
	if len(direct) == 0 {
		t.Error("go.mod names no direct requirement: run go mod tidy")
	}
	for _, module := range direct {
		if !slices.Contains(requirements, module) {
			t.Errorf("go.mod requires %s directly; want one of %v", module, requirements)
		}
	}
}

func TestWorkspaceHoldsEveryModule(t *testing.T) {
	t.Parallel()
	used := strings.Fields(readFile(t, "go.work"))
	for _, file := range filesOf(t) {
		if path.Base(file) != "go.mod" {
			continue
		}
		want := "."
		if dir := path.Dir(file); dir != "." {
			want = "./" + dir
		}
		if !slices.Contains(used, want) {
			t.Errorf("go.work does not use %s: `go test work` leaves it out", want)
		}
	}
}

// TestNoPathsOfAMachine keeps out what means something on one computer only.
func TestNoPathsOfAMachine(t *testing.T) {
	t.Parallel()
	local := regexp.MustCompile("(?m)(?:^|[\\s\"'`=(,])(/(?:home|root|work|mnt|Users)/[\\w.-]+|[A-Z]:\\\\Users)")
	for _, file := range filesOf(t, "fuzz") {
		text := readFile(t, file)
		if strings.ContainsRune(text, 0) {
			continue // no text
		}
		for _, found := range local.FindAllStringSubmatch(text, -1) {
			t.Errorf("%s names %s, a path of one machine", file, found[1])
		}
	}
}

// allows reports whether a file of the house called self may import a package.
func (h house) allows(self, imported string, test bool) bool {
	first, _, _ := strings.Cut(imported, "/")
	dir, own := strings.CutPrefix(imported+"/", modulePath+"/")
	switch {
	case own:
		target := houseOf(path.Clean(dir))
		return target == self || slices.Contains(h.own, target) || test && slices.Contains(h.tests, target)
	case !strings.Contains(first, "."):
		return test || !within(h.never, imported)
	default:
		return h.anything || within(h.modules, imported) || test && within(h.tests, imported)
	}
}

// houseOf names the house that a directory belongs to: the nearest one with a
// rule, or "" where there is none.
func houseOf(dir string) string {
	for d := dir; d != "."; d = path.Dir(d) {
		if _, ok := houses[d]; ok {
			return d
		}
	}
	if dir == "." {
		return "."
	}
	return ""
}

// within reports whether a package is one of those named, or below one.
func within(names []string, imported string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return imported == name || strings.HasPrefix(imported, name+"/")
	})
}

func importsOf(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatalf("reading the imports of %s: %v", file, err)
	}
	var paths []string
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s imports %s: %v", file, spec.Path.Value, err)
		}
		paths = append(paths, imported)
	}
	return paths
}

// directRequirements returns the modules that the text of a go.mod requires
// without the mark "// indirect".
func directRequirements(text string) []string {
	var direct []string
	block := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || strings.HasSuffix(strings.TrimSpace(line), "// indirect"):
		case block && fields[0] == ")":
			block = false
		case block:
			direct = append(direct, fields[0])
		case fields[0] == "require" && len(fields) > 1 && fields[1] == "(":
			block = true
		case fields[0] == "require" && len(fields) > 1:
			direct = append(direct, fields[1])
		}
	}
	return direct
}

// filesOf returns the files of the project with slashes, in order. Hidden
// directories and those with a name in skip are left out.
func filesOf(t *testing.T, skip ...string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := file != "." && strings.HasPrefix(entry.Name(), ".")
		if entry.IsDir() && (hidden || slices.Contains(skip, entry.Name())) {
			return filepath.SkipDir
		}
		if entry.Type().IsRegular() && entry.Name() != ".git" { // a file in a git worktree
			files = append(files, filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walking the project: %v", err)
	}
	return files
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
