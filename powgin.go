// Package powgin keeps the signed-in user of a Gin request in its context,
// served from a credentials cache, and makes sure that the cached user is never
// older than the route allows.
//
//	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
//	router.Use(auth.Session())                        // the current user
//	pro := router.Group("/pro", auth.Reload())        // … as in the database
//	router.POST("/plan", auth.RequireUser(), powgin.Handle(func(c *powgin.Context[User]) {
//		…                                             // write the column, commit
//		err := c.SyncUser(c.MustUser())               // cache entry and token renewed
//	}))
//
// [Config] says what can be set, [Auth] is a set-up at work, and [Context] what
// a handler gets. README.md tells the rest: how fresh is fresh, what SyncUser
// does step by step, and what to know before trusting it.
package powgin

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"reflect"
	"slices"
	"time"
	"unsafe"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/handlers"
)

var _ gorm.Plugin = (*Auth[struct{}])(nil)

// Auth is a set-up at work: its middleware, and what can be done to users and
// sessions from outside a request. It is safe for concurrent use.
type Auth[U any] struct {
	auth   *handlers.Auth
	keyOf  func(user any) string
	plan   *handlers.CopyPlan
	plugin *handlers.Plugin // nil with Users and no WatchTables
	close  func()
}

// New returns the Auth of a Config. Everything that is wrong with the Config,
// or with U, is in the one error that it returns, a line for each fault: the
// field, its value and the rule. Only what shows when the parts are put together
// comes alone, such as a Store whose Namespace another Auth has taken for another
// type of user. The Config is not changed.
func New[U any](cfg Config[U]) (*Auth[U], error) {
	r := resolve(cfg)
	if len(r.faults) > 0 {
		return nil, handlers.JoinFaults(r.faults)
	}
	a := &Auth[U]{plan: r.plan, close: func() {}}
	source, err := a.source(r)
	if err != nil {
		return nil, err
	}
	events := handlers.NewEvents(onEvent(r.OnEvent))
	c, err := cache.New(cache.Config{
		Store: r.Store, MaxAccounts: r.MaxAccounts, Space: r.space, Rules: r.rules, Source: source,
		Key:    a.keyOf,
		Active: active(r.Active),
		Codec:  r.codec, Followed: r.FeedAlive,
		Event: events.FromCache,
	})
	if err != nil {
		a.close()
		return nil, err
	}
	a.auth = handlers.New(handlers.Config{
		Cache: c, Tokens: cache.NewTokens(r.Namespace, r.kind, r.Keys), Kind: r.kind, Cookie: r.cookie, InSession: r.inside,
		RenewalTokens: renewalTokens(r),
		UserType:      reflect.TypeFor[U](), UserKey: a.keyOf, Copy: a.copyCached, Clean: a.clean, NewState: newState[U],
		Reload: r.Reload, Audit: r.Audit, ContextKey: r.ContextKey, Tenant: r.Tenant, Metadata: r.Metadata,
		Import: imports(r.Import), DropAtSignIn: slices.Clone(r.DropAtSignIn), WhenDown: r.WhenDown, WhenDownFor: r.WhenDownFor,
		SignInPath: r.SignInPath, HomePath: r.HomePath, ReauthPath: r.ReauthPath, Refuse: r.Refuse,
		CrossOrigin: r.CrossOrigin, OnError: r.OnError, Events: events,
	})
	if r.model != nil || len(r.watch) > 0 {
		name := "powgin:" + r.Namespace + ":" + reflect.TypeFor[U]().String()
		a.plugin = handlers.NewPlugin(a.auth, name, r.model, r.IgnoreColumns, r.Writes == LaxWrites, r.watch...)
	}
	return a, nil
}

// Must returns auth, and panics with err where New returned one: a mistake in
// the set-up stops the program at its start.
func Must[U any](auth *Auth[U], err error) *Auth[U] {
	if err != nil {
		panic(err)
	}
	return auth
}

// Session is Must(New(cfg)).Session(), for apps that need nothing else of the
// Auth. It panics where New returns an error. Called twice without a Store it
// makes two caches that know nothing of each other.
func Session[U any](cfg Config[U]) gin.HandlerFunc { return Must(New(cfg)).Session() }

// Close waits for database reads under way and lets go of what New took. From
// then on requests that carry a token are answered with 503, since nobody can
// tell whose it is, and calls are answered with ErrUnavailable. Sessions in a
// Config.Store stay there; those of the in-process store end. Where db.Use(auth)
// has GORM's writes followed, those to the users' table and to WatchTables fail
// from then on, unless Config.Writes says otherwise: nobody could be told of them.
// Calling Close twice is fine.
func (a *Auth[U]) Close() error {
	err := a.auth.Cache.Close()
	a.close()
	return err
}

// Key returns the key of a user, by which the other methods know them: the
// primary key as text (JoinKey of its parts where it has several columns), or
// what Users.Key returns. It is empty for a user without a primary key.
func (a *Auth[U]) Key(user U) string { return a.keyOf(user) }

// source returns where users are read from, and sets keyOf.
func (a *Auth[U]) source(r *resolved[U]) (cache.Source, error) {
	if r.Users != nil {
		a.keyOf = func(user any) string { return r.Users.Key(user.(U)) }
		return detaching[U]{users[U]{r.Users}, r.plan, r.codec}, nil
	}
	loader, err := handlers.NewLoader(r.DB, r.model)
	if err != nil {
		return nil, err
	}
	a.keyOf = r.model.Key
	if r.VersionColumn == "" {
		a.close = loader.Close
		return detaching[U]{loader, r.plan, r.codec}, nil
	}
	versions, err := handlers.NewVersionedLoader(r.DB, loader, r.VersionColumn)
	if err != nil {
		return nil, err
	}
	a.close = versions.Close
	return versioned[U]{detaching[U]{versions, r.plan, r.codec}, versions}, nil
}

// detaching is a source whose users share nothing with the app's memory and
// lack what must not be cached, whatever the app's own code (a hook, a Find of
// its own) has put into them. It makes a U of the *U that it reads: from here on
// users are values, and nobody can change a value that is in an interface.
//
// Where users are kept as bytes it hands out what they come back as, so that a
// request which reads a user sees the same as those that find them cached.
type detaching[U any] struct {
	cache.Source
	plan  *handlers.CopyPlan
	codec cache.Codec // nil: users are not written
}

func (s detaching[U]) Find(ctx context.Context, key string) (any, bool, error) {
	user, found, err := s.Source.Find(ctx, key)
	if err != nil || !found {
		return nil, false, err
	}
	own := user.(*U)
	s.plan.Detach(unsafe.Pointer(own))
	user = *own
	if s.codec == nil {
		return user, true, nil
	}
	if b, err := s.codec.Encode(user); err == nil {
		if again, err := s.codec.Decode(b); err == nil {
			user = again
		}
	}
	return user, true, nil
}

// versioned is such a source that can tell a row's version.
type versioned[U any] struct {
	detaching[U]
	versions *handlers.VersionedLoader
}

func (s versioned[U]) Unchanged(ctx context.Context, key string, user any) (bool, error) {
	known := user.(U)
	return s.versions.Unchanged(ctx, key, &known)
}

// typed is a codec of the app's.
type typed[U any] struct{ Codec[U] }

func (c typed[U]) Encode(user any) ([]byte, error) { return c.Codec.Encode(user.(U)) }

func (c typed[U]) Decode(b []byte) (any, error) { return c.Codec.Decode(b) }

// users is the source of a Config.Users.
type users[U any] struct{ Users[U] }

func (s users[U]) Find(ctx context.Context, key string) (any, bool, error) {
	u, found, err := s.Users.Find(ctx, key)
	return &u, found, err
}

// copyCached returns a user in the cache, who lacks already what must not be
// there, for a request of its own. Where nothing in them can be changed in place
// that is the cached value itself, whoever takes it out of the interface has a
// copy. Not to copy it here too is an allocation, and a tenth of a cached request.
func (a *Auth[U]) copyCached(cached any) any {
	if !a.plan.Shares() {
		return cached
	}
	return a.copyOf(cached.(U))
}

// copyOf returns u, which is a copy already, detached from what it was copied
// from and without what must not be in the current user.
func (a *Auth[U]) copyOf(u U) U {
	a.plan.Detach(unsafe.Pointer(&u))
	return u
}

func (a *Auth[U]) clean(user any) any { return a.copyOf(user.(U)) }

func active[U any](f func(U) bool) func(any) bool {
	if f == nil {
		return nil
	}
	return func(user any) bool { return f(user.(U)) }
}

func renewalTokens[U any](r *resolved[U]) *cache.Tokens {
	if r.kind != cache.Bearer {
		return nil
	}
	return cache.NewRenewalTokens(r.Namespace, r.kind, r.Keys)
}

func imports(f func(*gin.Context) (Imported, error)) func(*gin.Context) (handlers.Imported, error) {
	if f == nil {
		return nil
	}
	return func(c *gin.Context) (handlers.Imported, error) {
		old, err := f(c)
		return handlers.Imported(old), err
	}
}

func onEvent(f func(Event)) func(handlers.Event) {
	if f == nil {
		return nil
	}
	return func(e handlers.Event) { f(Event(e)) }
}

// LogEvents returns a Config.OnEvent that writes each event to l; nil stands for
// what slog.Default returns when it comes. The message is "powgin: " and the
// event's name, the attributes are event, user_key, session and fields, without
// those that are empty. What somebody has to look into is a Warn: reuse,
// duplicate_cookie, cross_origin_refused, key_mismatch, corrupt_record, too_large,
// unannounced, difference, store_down and database_down. renewed and synced are
// Debug, all others Info. Many goroutines may call it at once.
func LogEvents(l *slog.Logger) func(Event) {
	log := handlers.LogEvents(l)
	return func(e Event) { log(handlers.Event(e)) }
}

// Session returns the middleware that everything else builds on: without it
// ahead of them the others answer 500. It finds the request's session and makes
// its user the current one, refuses unsafe requests from other sites, and renews
// the session's token when that is due. Where the store or the database cannot
// answer the request is refused with 503: "could not tell" is never "signed out".
//
// A second Session of the same Auth in a chain does nothing. Sessions of two
// Auths work side by side where user types, ContextKeys and cookie names differ;
// where any of them is equal requests are answered with 500.
func (a *Auth[U]) Session() gin.HandlerFunc { return a.auth.Session() }

// Reload returns the middleware that has a route see the user as they are in
// the database. It does not touch the cached copy:
//
//	              reads the database      other routes
//	cached        when it must            –
//	MaxAge(d)     if the copy is older    see what was read
//	Refresh()     at every request        see what was read
//	Reload()      at every request        keep the cached copy
//
// Each reads one row by its key, by a query that starts after the request got
// here; requests of one user that wait at the same time share it. A user who is
// gone, or no longer Active, is signed out. Where the database cannot answer the
// request is refused with 503. Without a session Reload lets the request pass:
// RequireUser is the guard.
func (a *Auth[U]) Reload() gin.HandlerFunc { return handlers.ReloadMiddleware(a.auth.Own) }

// Refresh returns the middleware that does what Reload does and replaces the
// cached copy. See Reload for which to use when.
func (a *Auth[U]) Refresh() gin.HandlerFunc { return handlers.RefreshMiddleware(a.auth.Own) }

// MaxAge returns the middleware that does what Refresh does where the user this
// request has was read longer than d ago. Zero and less is Refresh. See Reload
// for which to use when.
func (a *Auth[U]) MaxAge(d time.Duration) gin.HandlerFunc {
	return handlers.MaxAgeMiddleware(a.auth.Own, d)
}

// RequireUser returns the guard of routes for signed-in users. Others are
// answered with 401 or, if they are browsers, sent to Config.SignInPath where
// that is set. A request whose user is lost later in the chain, because Reload
// finds them gone, is refused in the same way.
func (a *Auth[U]) RequireUser() gin.HandlerFunc { return handlers.RequireUser(a.auth.Own) }

// RequireGuest returns the guard of routes for those who are not signed in.
// Others are answered with 403 or, if they are browsers, sent to Config.HomePath
// where that is set.
func (a *Auth[U]) RequireGuest() gin.HandlerFunc { return handlers.RequireGuest(a.auth.Own) }

// Require returns the guard of routes for users for whom ok is true. It is
// RequireUser as well; other users are answered with 403. Behind Reload it
// judges the user as they are in the database. ok must not be nil, and many
// goroutines may call it at once.
func (a *Auth[U]) Require(ok func(U) bool) gin.HandlerFunc {
	return handlers.Require(a.auth.Own, allows(ok))
}

// RequireRecentSignIn returns the guard of routes for users who have proved not
// longer ago than d who they are, by SignIn: no renewal and no SyncUser counts.
// It is RequireUser as well. Others are answered with 401 or, if they are
// browsers, sent to Config.ReauthPath where that is set; the page there checks
// the password once more and calls SignIn. A token in grace is answered with 409,
// and so is a user whom AssignUser has put in the place of the session's own.
// It panics where d is not positive.
func (a *Auth[U]) RequireRecentSignIn(d time.Duration) gin.HandlerFunc {
	return handlers.RequireRecentSignIn(a.auth.Own, d)
}

// SessionsHandler returns the handler that answers with the user's own sessions
// as JSON, a list of SessionInfo. It and the next two do for a page of one's own
// sessions what Context.Sessions, Revoke and RevokeOthers do, and answer errors
// as Abort does:
//
//	own := router.Group("/api/sessions")
//	own.GET("", auth.SessionsHandler())
//	own.DELETE("/:id", auth.RevokeHandler("id"))
//	own.DELETE("", auth.RevokeOthersHandler())
func (a *Auth[U]) SessionsHandler() gin.HandlerFunc { return handlers.SessionsHandler(a.auth.Own) }

// RevokeHandler returns the handler that ends the one of the user's own sessions
// which the route's parameter of this name has the ID of, and answers 204.
func (a *Auth[U]) RevokeHandler(param string) gin.HandlerFunc {
	return handlers.RevokeHandler(a.auth.Own, param)
}

// RevokeOthersHandler returns the handler that ends the user's other sessions
// and answers 204.
func (a *Auth[U]) RevokeOthersHandler() gin.HandlerFunc {
	return handlers.RevokeOthersHandler(a.auth.Own)
}

// Reload is Auth.Reload for the innermost Session of the chain.
func Reload() gin.HandlerFunc { return handlers.ReloadMiddleware(handlers.Innermost) }

// Refresh is Auth.Refresh for the innermost Session of the chain.
func Refresh() gin.HandlerFunc { return handlers.RefreshMiddleware(handlers.Innermost) }

// MaxAge is Auth.MaxAge for the innermost Session of the chain.
func MaxAge(d time.Duration) gin.HandlerFunc {
	return handlers.MaxAgeMiddleware(handlers.Innermost, d)
}

// RequireUser is Auth.RequireUser for the innermost Session of the chain.
func RequireUser() gin.HandlerFunc { return handlers.RequireUser(handlers.Innermost) }

// RequireGuest is Auth.RequireGuest for the innermost Session of the chain.
func RequireGuest() gin.HandlerFunc { return handlers.RequireGuest(handlers.Innermost) }

// RequireRecentSignIn is Auth.RequireRecentSignIn for the innermost Session of
// the chain.
func RequireRecentSignIn(d time.Duration) gin.HandlerFunc {
	return handlers.RequireRecentSignIn(handlers.Innermost, d)
}

// Sync tells the cache that a user was changed outside their own requests: by
// an admin, a job, a webhook. Call it after COMMIT. The next request of each of
// the user's sessions reads the database. With Regenerate each session also
// gets a new token at its next request, with RevokeSessions all end now;
// other options are ErrOption.
//
// Of user only the key counts; without one it is ErrNoUserKey. A user without
// sessions is no error. After ErrUnavailable the old copy may still be there:
// calling Sync again does no harm. Here and in the methods below ctx gives the
// tenant, where Config.Tenant is set. That it is cancelled stops none of them,
// since what is committed must reach the cache; each takes 2.5 seconds at most.
func (a *Auth[U]) Sync(ctx context.Context, user U, opts ...SyncOption) error {
	return a.auth.Sync(ctx, a.keyOf(user), syncOptions(opts))
}

// Invalidate drops the cached copies of the users with these keys, as Sync
// without options does. It tries all of them and joins the errors; without keys
// it does nothing. Where Config.Tenant is set and finds no tenant in ctx, the keys
// may be those of any, and all copies are dropped.
func (a *Auth[U]) Invalidate(ctx context.Context, userKeys ...string) error {
	return a.auth.Invalidate(ctx, userKeys)
}

// InvalidateAll drops the cached copies of all users, of every tenant: after a
// migration, or a restore of the database. Nobody is signed out. It costs the same
// however many users there are; the next request of each of them reads the
// database.
func (a *Auth[U]) InvalidateAll(ctx context.Context) error { return a.auth.InvalidateAll(ctx) }

// Write runs fn, which changes and commits the rows of the users with these keys,
// in a way that GORM's plugin does not see: with database/sql, sqlc, sqlx, or in a
// stored procedure. The change is announced before fn runs and concluded after it,
// and in between those users are read from the database, so there is no moment at
// which a request finds the old user in the cache once the change is committed. No
// keys, or more than a hundred, stand for all users.
//
// Where the cache cannot be told fn does not run, and the error is an
// ErrUnavailable. The context of fn ends before the announcement can no longer be
// kept up. An error of fn is returned as it is; since its COMMIT may be applied
// all the same, those users are read from the database for 30 seconds then. A
// conclusion that fails has the same effect, and OnError is told; it is no error.
func (a *Auth[U]) Write(ctx context.Context, userKeys []string, fn func(context.Context) error) error {
	return a.auth.Write(ctx, userKeys, fn)
}

// Name is the name by which GORM knows the Auth as a plugin. It holds the
// Namespace and the type of user, so that several fit one DB.
func (a *Auth[U]) Name() string {
	if a.plugin == nil {
		return "powgin"
	}
	return a.plugin.Name()
}

// Initialize is called by db.Use(auth), which has the cache follow every write to
// the users' table, and to those in Config.WatchTables, that goes through db: what
// it may change is announced before its COMMIT and concluded afterwards, so that no
// request that begins after the COMMIT sees the user as it was before. README.md has
// the table of what is seen and what is not. Config.DB or Config.WatchTables is
// required.
//
// Use it on what gorm.Open returned, before sessions are derived from that, and
// before dbresolver: the reverse order is an error. A write that cannot be
// announced fails, unless Config.Writes says otherwise.
func (a *Auth[U]) Initialize(db *gorm.DB) error {
	if a.plugin == nil {
		return errors.New("powgin: db.Use(auth) needs Config.DB; with Config.Users tell the cache of changes by Auth.Write, or name the tables in Config.WatchTables")
	}
	return a.plugin.Initialize(db)
}

// Sessions returns the live sessions of a user, the oldest first, and none for a
// user who is not known. None of them is Current.
func (a *Auth[U]) Sessions(ctx context.Context, userKey string) ([]SessionInfo, error) {
	return a.auth.Sessions(ctx, userKey)
}

// Revoke ends one session of a user, at once and with every token it knows. It
// answers ErrNoSession where the id is none of this user's.
func (a *Auth[U]) Revoke(ctx context.Context, userKey, id string) error {
	return a.auth.RevokeSession(ctx, userKey, id)
}

// RevokeUser ends all sessions of a user, at once and with every token they
// know. A user without sessions is no error.
func (a *Auth[U]) RevokeUser(ctx context.Context, userKey string) error {
	return a.auth.RevokeUser(ctx, userKey)
}

// RevokeAll ends everyone's sessions that were signed in before that moment,
// those of all tenants, at once and without visiting every account. The zero
// time, and a moment to come, stand for now. OnEvent is told once.
func (a *Auth[U]) RevokeAll(ctx context.Context, before time.Time) error {
	return a.auth.RevokeAll(ctx, before)
}

// CachedUsers yields copies of the users that are cached now, in no order.
// Users who come or go meanwhile may be missed. An error comes last: that the
// Store cannot list what it holds (errors.ErrUnsupported), or ErrUnavailable.
func (a *Auth[U]) CachedUsers(ctx context.Context) iter.Seq2[U, error] {
	return func(yield func(U, error) bool) {
		for user, err := range a.auth.CachedUsers(ctx) {
			u, _ := user.(U)
			if !yield(u, err) {
				return
			}
		}
	}
}

// Stats are numbers for a dashboard.
type Stats = cache.Stats

// Stats returns what was counted since New. Requests go on counting meanwhile.
func (a *Auth[U]) Stats() Stats { return a.auth.Cache.Stats() }

// Explanation, and what it consists of, is what Explain and ExplainUser tell.
type (
	Explanation        = handlers.Explanation
	AccountExplanation = handlers.AccountExplanation
	SessionExplanation = handlers.SessionExplanation
)

// Explain tells why the request sees the user that it sees: where they came
// from, how old they are, what the route asks for, when they will be read again,
// and which tokens and writers the account has. It asks the store; on an error
// what is known of the request itself is there all the same. Without this Auth's
// Session ahead of it, the error says what to add.
func (a *Auth[U]) Explain(c *gin.Context) (Explanation, error) { return a.auth.ExplainRequest(c) }

// ExplainUser tells what the store holds of any user. One without an account
// has an empty explanation.
func (a *Auth[U]) ExplainUser(ctx context.Context, userKey string) (AccountExplanation, error) {
	return a.auth.Explain(ctx, userKey)
}

// ExplainHandler returns the handler that answers with Explain of its request as
// JSON or, with the query parameter user, with ExplainUser of that key. It is its
// own guard: only users for whom allow is true are answered, others as Require
// would. There are no secrets in it, but it shows whose sessions there are.
func (a *Auth[U]) ExplainHandler(allow func(U) bool) gin.HandlerFunc {
	return handlers.ExplainHandler(a.auth.Own, allows(allow))
}

func allows[U any](ok func(U) bool) func(any) bool {
	return func(user any) bool {
		u, is := user.(U)
		return is && ok(u)
	}
}
