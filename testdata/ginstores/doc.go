// Package ginstores holds tests of what becomes of a session of
// gin-contrib/sessions, mounted beside powgin or with powgin's token in it, when a
// user signs in, is synced and signs out: one body of tests over every store of
// that library. README.md has a table of what each store does alone, and with
// powgin.
package ginstores
