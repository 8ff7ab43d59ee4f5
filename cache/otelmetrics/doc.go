// Package otelmetrics tells OpenTelemetry what powgin's cache does: how old the
// users are that pages are served, how often the database is read, which tokens
// rotate, and what somebody has to look into.
//
//	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
//	reader := metric.NewPeriodicReader(exporter, metric.WithProducer(otelmetrics.Ages(auth)))
//	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
//	_, err := otelmetrics.Register(auth)
//
// [Register] has the counters and the gauge, and works with every MeterProvider.
// [Ages] has the histogram of ages, which goes to the reader: OpenTelemetry has no
// instrument that observes a histogram as it is, only the SDK's reader takes one.
// So backends get a real histogram, from which they draw heatmaps and quantiles,
// where a counter for each bucket would be unrelated numbers to most of them.
//
// The numbers are those of powgin's Stats, read at each collection; nothing is
// counted twice and nothing runs in between. Each has the attribute powgin.auth,
// which [Name] sets.
//
//	powgin.hits            {request}  served the cached user
//	powgin.misses          {request}  read the user, since none was cached or the
//	                                  copy was too old
//	powgin.reloads         {request}  read the user because they wanted them as they are
//	powgin.shared_loads    {request}  of both, served by a read of others
//	powgin.stale           {request}  served a copy too old, since no read was possible
//	powgin.syncs           {change}   times that a user was said to have changed
//	powgin.renewals        {token}    successors of tokens made
//	powgin.grace_uses      {request}  with a token that was replaced and still worked
//	powgin.reuse_alarms    {request}  with one that worked no more
//	powgin.errors          {call}     to the store or the source of users that failed
//	powgin.checks          {user}     read by a look at the row's version
//	powgin.audits          {user}     cached users who were compared with their rows
//	powgin.differences     {user}     of these, those that differed although no change
//	                                  was announced
//	powgin.writers         {change}   announced and not concluded (an up-down counter)
//	powgin.watches         {connection}  live connections (an up-down counter)
//	powgin.user.age        s          how old the copies were that were served (Ages)
//
// # In Prometheus
//
// With dots and units translated as Prometheus usually has them, which its OTLP
// receiver and the collector do by themselves, the names are those of package
// prommetrics, such as powgin_hits_total and powgin_user_age_seconds, and its
// dashboard.json and alerts.yml work: in the dashboard say that they are exported by
// OpenTelemetry, since the label that tells Auths apart is powgin_auth. The exporter
// for Prometheus wants to be asked for these names:
//
//	exporter, err := prometheus.New(
//		prometheus.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes),
//		prometheus.WithProducer(otelmetrics.Ages(auth)))
package otelmetrics
