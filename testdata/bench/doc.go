// Command bench measures what it costs to know who sends a request, in every way
// that an app on Gin would pick: gin-contrib/sessions, scs, JSON Web Tokens, a
// read by GORM at every request, and powgin. All of them answer one route about
// one user, in one run, and take turns.
//
//	go run ./testdata/bench                     # everything; writes RESULTS.md and the pictures
//	go run ./testdata/bench -only 'jwt|Bearer'  # some rows, beside the floor
//	go run ./testdata/bench -quick              # three requests of each, to see that they work
//
// README.md says how to read what it prints.
package main
