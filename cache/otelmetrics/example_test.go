package otelmetrics_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache/otelmetrics"
)

// alice is the only user of the examples.
type alice struct{}

func (alice) Key(u user) string { return fmt.Sprint(u.ID) }

func (alice) Find(_ context.Context, key string) (user, bool, error) {
	return user{ID: 1, Plan: "free"}, key == "1", nil
}

// The reader stands for the one of an exporter, such as metric.NewPeriodicReader.
func ExampleRegister() {
	auth := powgin.Must(powgin.New(powgin.Config[user]{Users: alice{}}))
	defer auth.Close()
	router := gin.New()
	router.Use(auth.Session())

	reader := sdk.NewManualReader(sdk.WithProducer(otelmetrics.Ages(auth)))
	otel.SetMeterProvider(sdk.NewMeterProvider(sdk.WithReader(reader)))
	if _, err := otelmetrics.Register(auth); err != nil {
		log.Fatal(err)
	}

	if err := auth.Invalidate(context.Background(), "1"); err != nil {
		log.Fatal(err)
	}
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collected); err != nil {
		log.Fatal(err)
	}
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "powgin.syncs" {
				fmt.Println(m.Name, sum.DataPoints[0].Value)
			}
		}
	}

	// Output:
	// powgin.syncs 1
}
