package otelmetrics_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/otlptranslator"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/powgin/powgin/cache/otelmetrics"
)

// translated returns what Prometheus gets by way of OpenTelemetry.
func translated(t *testing.T) string {
	t.Helper()
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry),
		exporter.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes),
		exporter.WithProducer(otelmetrics.Ages(busy)))
	if err != nil {
		t.Fatal(err)
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	if _, err := otelmetrics.Register(busy, otelmetrics.MeterProvider(provider)); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

// series returns the lines of a scrape that have this label, sorted, with that label
// and le as the only ones: those of the exporter itself tell the scope.
func series(scrape, label string) (lines []string) {
	for _, m := range regexp.MustCompile(`(?m)^(powgin_\w+)\{(.*)\} (\S+)$`).FindAllStringSubmatch(scrape, -1) {
		if !strings.Contains(m[2], label+`="default"`) {
			continue
		}
		le := regexp.MustCompile(`\ble="[^"]*"`).FindString(m[2])
		lines = append(lines, m[1]+" "+le+" "+m[3])
	}
	slices.Sort(lines)
	return lines
}

// One dashboard and the same alerts do for both, since the names and values are
// those of prommetrics.
func TestInPrometheusTheNamesAreThoseOfPrommetrics(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("../prommetrics/testdata/scrape.txt")
	if err != nil {
		t.Fatal(err)
	}
	scrape := translated(t)
	got, want := series(scrape, "powgin_auth"), series(string(golden), "auth")
	if !slices.Equal(got, want) || len(want) < 24 {
		t.Errorf("by way of OpenTelemetry Prometheus gets\n\t%s; want\n\t%s",
			strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	types := func(text string) []string {
		list := regexp.MustCompile(`(?m)^# TYPE powgin_.*$`).FindAllString(text, -1)
		slices.Sort(list)
		return list
	}
	if got, want := types(scrape), types(string(golden)); !slices.Equal(got, want) {
		t.Errorf("the types are %q; want %q", got, want)
	}
}
