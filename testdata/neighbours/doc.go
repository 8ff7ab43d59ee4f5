// Package neighbours holds tests of what session libraries do in the same
// situations: gin-contrib/sessions, scs and powgin, each under the same small
// site. What a test asserts of a library is what that library does in the
// version that go.mod names; a version that does otherwise turns the test red,
// and the table in README.md has to follow it.
//
// The code in the pages "Coming from …" is that of these sites.
package neighbours
