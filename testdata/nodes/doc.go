// Package nodes holds tests of what several nodes of an app are promised that
// share one store: that a change made on one of them shows on the others, and
// what they do while the store is away. README.md says how to run them, and has
// the figures.
package nodes
