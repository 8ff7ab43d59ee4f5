// Package powgintest helps to test apps that use powgin: a handler as
// somebody, time that a test moves, a store that fails when told to, and
// assertions that send real requests to the app itself.
//
//	powgintest.SignIn(t, auth, request, alice) // the request is alice's from here on
//
//	app := powgintest.App{Handler: router, Users: …, SignIn: …, SignOut: …, WhoAmI: …}
//	powgintest.AssertNoFixation(t, app)
//
// The assertions know nothing of powgin. They look at cookies and pages alone,
// so an app with other sessions can be held against them too, before and after
// it changes over.
package powgintest
