package prommetrics_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/powgin/powgin/cache/prommetrics"
)

// A dashboard is what the tests look at of dashboard.json.
type dashboard struct {
	Inputs []struct {
		Name, Type, PluginID string
	} `json:"__inputs"`
	UID, Title string
	Templating struct {
		List []variable
	}
	Panels []panel
}

type variable struct {
	Name, Type string
	Definition string // of a query
	AllValue   string
}

type panel struct {
	ID          int
	Type, Title string
	Description string
	Datasource  struct{ UID string }
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct {
		RefID, Expr string
		Datasource  struct{ UID string }
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	b, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatalf("dashboard.json: %v", err)
	}
	return d
}

// A rule is one of alerts.yml.
type rule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func readRules(t *testing.T) (rules []rule) {
	t.Helper()
	b, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict()); err != nil {
		t.Fatalf("alerts.yml: %v", err)
	}
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

// exported returns the names of the series that a scrape has, and of each its
// metric.
func exported(t *testing.T) map[string]string {
	t.Helper()
	series := map[string]string{}
	var metric string
	for line := range strings.Lines(scrape(t, prommetrics.New(busy))) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			metric = strings.Fields(rest)[0]
		} else if name, _, ok := strings.Cut(line, "{"); ok && line[0] != '#' {
			series[name] = metric
		}
	}
	if len(series) < 14 {
		t.Fatalf("the scrape has the series %v; want all", series)
	}
	return series
}

// named returns the series of powgin that an expression names.
func named(expr string) []string { return regexp.MustCompile(`\bpowgin_\w+`).FindAllString(expr, -1) }

func TestTheDashboardShowsWhatTheCollectorExportsAndNothingElse(t *testing.T) {
	t.Parallel()
	series := exported(t)
	unused := map[string]bool{}
	for _, metric := range series {
		unused[metric] = true
	}
	d := readDashboard(t)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			names := named(target.Expr)
			if len(names) == 0 {
				t.Errorf("panel %q: %q names no metric", p.Title, target.Expr)
			}
			for _, name := range names {
				if series[name] == "" {
					t.Errorf("panel %q: %s is not exported", p.Title, name)
				}
				delete(unused, series[name])
			}
			if n := strings.Count(target.Expr, `{$label=~"$auth",job=~"$job"}`); n != len(names) {
				t.Errorf("panel %q: %q names %d metrics, and %d by the variables", p.Title, target.Expr, len(names), n)
			}
		}
	}
	for _, v := range d.Templating.List {
		for _, name := range named(v.Definition) {
			if series[name] == "" {
				t.Errorf("variable %q: %s is not exported", v.Name, name)
			}
		}
	}
	if len(unused) > 0 {
		t.Errorf("no panel shows %q", slices.Sorted(maps.Keys(unused)))
	}
}

func TestTheAlertsAskForWhatTheCollectorExports(t *testing.T) {
	t.Parallel()
	series := exported(t)
	seen := map[string]bool{}
	asked := map[string]bool{}
	for _, r := range readRules(t) {
		if r.Alert == "" || seen[r.Alert] {
			t.Errorf("the alert %q has no name, or that of another", r.Alert)
		}
		seen[r.Alert] = true
		for _, name := range named(r.Expr) {
			if series[name] == "" {
				t.Errorf("the alert %s: %s is not exported", r.Alert, name)
			}
			asked[name] = true
		}
		if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("the alert %s lacks a severity, a summary or a description", r.Alert)
		}
	}
	for _, name := range []string{"powgin_reuse_alarms_total", "powgin_differences_total", "powgin_errors_total", "powgin_stale_total"} {
		if !asked[name] {
			t.Errorf("no alert asks for %s", name)
		}
	}
}

// What Grafana asks of a file that it imports.
func TestTheDashboardCanBeImported(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	if len(d.Inputs) != 1 || d.Inputs[0].Name != "DS_PROMETHEUS" || d.Inputs[0].PluginID != "prometheus" {
		t.Errorf("the inputs are %+v; want DS_PROMETHEUS", d.Inputs)
	}
	var names []string
	for _, v := range d.Templating.List {
		names = append(names, v.Name)
	}
	if want := []string{"DS_PROMETHEUS", "label", "job", "auth"}; !slices.Equal(names, want) {
		t.Errorf("the variables are %q; want %q, each after those it names", names, want)
	}
	ids := map[int]bool{}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] || p.Title == "" {
			t.Errorf("panel %q has the id %d; want one of its own, and a title", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("panel %q lies on %q, or beside the grid", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 || p.Description == "" || p.Datasource.UID != "${DS_PROMETHEUS}" {
			t.Errorf("panel %q lacks a query, a description or the data source", p.Title)
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			if refs[target.RefID] || target.Datasource.UID != "${DS_PROMETHEUS}" {
				t.Errorf("panel %q: the query %q is there twice, or has another data source", p.Title, target.RefID)
			}
			refs[target.RefID] = true
		}
	}
}
