package powgin_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// asvsHeading begins the part of SECURITY.md that holds the table.
const asvsHeading = "## ASVS"

var (
	// No part of a number is zero, so that 5.0.0 is a version only.
	asvsNumber   = regexp.MustCompile(`^v5\.0\.0-([1-9]\d*)\.([1-9]\d*)\.([1-9]\d*)$`)
	asvsTests    = regexp.MustCompile("^(?:–|`Test\\w+`(?:, `Test\\w+`)*)$")
	asvsInProse  = regexp.MustCompile(`ASVS\s+(` + shortNumber + `(?:(?:,|\s+and|\s+to)\s+` + shortNumber + `)*)`)
	asvsShort    = regexp.MustCompile(shortNumber)
	namedTest    = regexp.MustCompile("`(Test\\w+)`")
	asvsAnswers  = []string{"library", "app", "both", "not covered"}
	asvsColumns  = []string{"Requirement", "Asks for", "Met by", "How", "Tests"}
	tableDivider = regexp.MustCompile(`^[|: -]+$`)
)

const shortNumber = `[1-9]\d*\.[1-9]\d*\.[1-9]\d*`

// An asvsTable is what was read of the table, and what is wrong with it.
type asvsTable struct {
	known  map[string]bool // the tests there are
	rows   []string        // the numbers, without the version
	last   []int
	faults []string
}

func (a *asvsTable) fault(format string, args ...any) {
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
}

// readASVS reads the table in text, and holds both against the tests there are.
func readASVS(text string, known map[string]bool) *asvsTable {
	a := &asvsTable{known: known}
	prose, part, _ := strings.Cut(text, "\n"+asvsHeading)
	part, sources, _ := strings.Cut(part, "\n## ")
	for line := range strings.Lines(part) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "|") && !tableDivider.MatchString(line) {
			a.line(line)
		}
	}
	if len(a.rows) == 0 {
		a.fault("there is no row under %q", asvsHeading)
	}
	a.mentions(prose + sources)
	for _, m := range namedTest.FindAllStringSubmatch(text, -1) {
		if !known[m[1]] {
			a.fault("there is no test %s", m[1])
		}
	}
	return a
}

func (a *asvsTable) line(line string) {
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	switch {
	case slices.Equal(cells, asvsColumns):
	case len(cells) != len(asvsColumns) || slices.Contains(cells, ""):
		a.fault("%q has not the %d cells %q", line, len(asvsColumns), asvsColumns)
	default:
		a.number(cells[0])
		a.answer(cells[0], cells[2], cells[4])
	}
}

// number checks that the number is one of version 5.0.0, and comes after the
// one before it.
func (a *asvsTable) number(number string) {
	m := asvsNumber.FindStringSubmatch(number)
	if m == nil {
		a.fault("%q is no number like v5.0.0-7.2.1", number)
		return
	}
	var parts []int
	for _, s := range m[1:] {
		n, _ := strconv.Atoi(s)
		parts = append(parts, n)
	}
	if slices.Compare(a.last, parts) >= 0 {
		a.fault("%s stands after %v", number, a.last)
	}
	a.last = parts
	a.rows = append(a.rows, strings.TrimPrefix(number, "v5.0.0-"))
}

// answer checks who meets the requirement, and that what powgin does for it is
// shown.
func (a *asvsTable) answer(number, answer, tests string) {
	switch {
	case !slices.Contains(asvsAnswers, answer):
		a.fault("%s is met by %q; want one of %q", number, answer, asvsAnswers)
	case !asvsTests.MatchString(tests):
		a.fault("%s names its tests as %q; want a list, or –", number, tests)
	case tests == "–" && (answer == "library" || answer == "both"):
		a.fault("%s is met by %q and no test shows it", number, answer)
	case tests != "–" && answer == "not covered":
		a.fault("%s is not covered, and yet there are tests", number)
	}
}

// mentions checks that the rest of the text speaks of rows that there are.
func (a *asvsTable) mentions(text string) {
	for _, m := range asvsInProse.FindAllStringSubmatch(text, -1) {
		for _, number := range asvsShort.FindAllString(m[1], -1) {
			if !slices.Contains(a.rows, number) {
				a.fault("the text mentions ASVS %s, of which there is no row", number)
			}
		}
	}
}

// testsOf returns the names of all tests in the project.
func testsOf(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	for _, file := range filesOf(t) {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				tests[f.Name.Name] = true
			}
		}
	}
	return tests
}

func TestTheTableOfASVSNamesItsTests(t *testing.T) {
	t.Parallel()
	for _, fault := range readASVS(readFile(t, "SECURITY.md"), testsOf(t)).faults {
		t.Errorf("SECURITY.md: %s", fault)
	}
}

// TestTheTableOfASVSRefuses shows that the check would notice what is wrong.
func TestTheTableOfASVSRefuses(t *testing.T) {
	t.Parallel()
	const (
		head  = "| Requirement | Asks for | Met by | How | Tests |\n| --- | --- | --- | --- | --- |\n"
		first = "| v5.0.0-7.2.1 | a | library | b | `TestA`, `TestB` |\n"
		later = "| v5.0.0-7.2.10 | a | not covered | b | – |\n"
	)
	known := map[string]bool{"TestA": true, "TestB": true}
	for what, tt := range map[string]struct{ prose, rows, want string }{
		"nothing":                   {"See `TestA` (ASVS 7.2.1 and\n7.2.10).", first + later, ""},
		"a table of two parts":      {"", first + "\n### V7\n\n" + head + later, ""},
		"no table":                  {"", "", "no row"},
		"a number of another form":  {"", "| 7.2.1 | a | app | b | – |\n", `"7.2.1" is no number`},
		"a number of another issue": {"", "| v4.0.3-7.2.1 | a | app | b | – |\n", `"v4.0.3-7.2.1" is no number`},
		"rows out of order":         {"", later + first, "v5.0.0-7.2.1 stands after"},
		"a row twice":               {"", first + first, "v5.0.0-7.2.1 stands after"},
		"a fifth answer":            {"", "| v5.0.0-7.2.1 | a | maybe | b | – |\n", `met by "maybe"`},
		"a promise without a test":  {"", "| v5.0.0-7.2.1 | a | both | b | – |\n", "no test shows it"},
		"tests of what is not done": {"", "| v5.0.0-7.2.1 | a | not covered | b | `TestA` |\n", "not covered, and yet"},
		"a test that is not there":  {"", first + "| v5.0.0-7.2.2 | a | app | b | `TestC` |\n", "no test TestC"},
		"another outside the table": {"See `TestC`.", first, "no test TestC"},
		"tests that are no list":    {"", "| v5.0.0-7.2.1 | a | library | b | TestA |\n", "names its tests as"},
		"a cell too few":            {"", "| v5.0.0-7.2.1 | a | library | `TestA` |\n", "has not the 5 cells"},
		"an empty cell":             {"", "| v5.0.0-7.2.1 | a | library | | `TestA` |\n", "has not the 5 cells"},
		"a mention without a row":   {"(ASVS 7.2.1, 7.2.3)", first, "ASVS 7.2.3"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			text := "# Security\n\n" + tt.prose + "\n\n" + asvsHeading + " 5.0.0\n\n" + head + tt.rows + "\n## Sources\n"
			got := strings.Join(readASVS(text, known).faults, "\n")
			if tt.want == "" && got != "" {
				t.Errorf("the table has the faults\n%s\nwant none", got)
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("the table has the faults\n%s\nwant one that says %q", got, tt.want)
			}
		})
	}
}
