// Package sqlstores holds tests of cache/gormstore on the databases that it
// supports: one body of tests over SQLite, PostgreSQL, MySQL and MariaDB, and
// over the ways in which apps open them. README.md has a table of what they
// assert.
package sqlstores
