package prommetrics_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache/prommetrics"
)

// alice is the only user of the examples.
type alice struct{}

func (alice) Key(u user) string { return fmt.Sprint(u.ID) }

func (alice) Find(_ context.Context, key string) (user, bool, error) {
	return user{ID: 1, Plan: "free"}, key == "1", nil
}

// Keep /metrics away from the public.
func ExampleNew() {
	auth := powgin.Must(powgin.New(powgin.Config[user]{Users: alice{}}))
	defer auth.Close()
	registry := prometheus.NewRegistry() // or prometheus.DefaultRegisterer
	registry.MustRegister(prommetrics.New(auth, prommetrics.Name("shop")))

	router := gin.New()
	router.GET("/metrics", gin.WrapH(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})))
	router.Use(auth.Session())

	if err := auth.Invalidate(context.Background(), "1"); err != nil {
		log.Fatal(err)
	}
	answer := httptest.NewRecorder()
	router.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, "powgin_syncs_total") {
			fmt.Print(line)
		}
	}

	// Output:
	// powgin_syncs_total{auth="shop"} 1
}
