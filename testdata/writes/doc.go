// Package writes holds tests of the GORM plugin: every way to write a row, in every
// way to have a transaction, on every database, and many at once. README.md has the
// table of what is seen exactly, what counts as a change of all users, and what is
// not seen.
package writes
