// Package prommetrics shows Prometheus what powgin's cache does: how old the users
// are that pages are served, how often the database is read, which tokens rotate,
// and what somebody has to look into.
//
//	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
//	prometheus.MustRegister(prommetrics.New(auth))
//
// The numbers are those of powgin's Stats, read at each scrape; nothing is counted
// twice and nothing runs in between. A restart of the process starts them anew, as
// Prometheus expects of counters. They are those of one process: add up those of
// all nodes.
//
//	powgin_hits_total            requests that were served the cached user
//	powgin_misses_total          requests that read the user, since none was cached
//	                             or the copy was too old
//	powgin_reloads_total         requests that read the user because they wanted
//	                             them as they are
//	powgin_shared_loads_total    of both, those that were served by a read of others
//	powgin_stale_total           requests that were served a copy too old, since no
//	                             read was possible
//	powgin_syncs_total           times that a user was said to have changed
//	powgin_renewals_total        successors of tokens made
//	powgin_grace_uses_total      requests with a token that was replaced and still
//	                             worked
//	powgin_reuse_alarms_total    requests with one that worked no more
//	powgin_errors_total          calls to the store or the source of users that failed
//	powgin_checks_total          reads of users that a look at the row's version was
//	                             enough for
//	powgin_audits_total          cached users who were compared with their rows
//	powgin_differences_total     of these, those that differed although no change was
//	                             announced
//	powgin_writers               changes announced and not concluded (a gauge)
//	powgin_watches               live connections (a gauge)
//	powgin_user_age_seconds      how old the copies were that were served (a histogram)
//
// Each has the label auth, which [Name] sets. How old each copy was is not known
// beyond its bucket, so the histogram's sum takes every one for as old as the bound
// of its bucket, and those of the last bucket for as old as the bound before it, 15
// minutes: an average comes out too high rather than too low, unless many are older
// than that. Quantiles are as exact as the buckets.
//
// dashboard.json is a Grafana dashboard of all of these, and alerts.yml has rules
// for Prometheus. Both work as well for what package otelmetrics exports.
package prommetrics
