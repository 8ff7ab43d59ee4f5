package powgin

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/handlers"
)

// Config says how users are signed in and kept. The zero value of every field
// is the safe, usual choice; DB or Users is required. New copies it: changing
// it afterwards has no effect. Its functions must be safe for concurrent use.
type Config[U any] struct {
	// DB is where the users live, as gorm.Open returned it. U is a GORM model
	// with a primary key. It must not be a transaction, a single connection or
	// a dry run: what these read is not what others see. Only the columns of U
	// are read, less those tagged powgin:"-", by one prepared SELECT.
	DB *gorm.DB
	// Users reads users from anywhere else. Exactly one of DB and Users is
	// set.
	Users Users[U]
	// Active reports whether a user may be signed in; nil lets everyone who
	// exists. It is asked on every request and must be fast and free of side
	// effects. Fields tagged powgin:"-" are zero in what it gets. A cached user
	// whom it refuses is read again before their sessions are ended.
	Active func(U) bool

	// Reload has every request see the user as they are in the database, as
	// the middleware Reload does for single routes.
	Reload bool
	// MaxAge is the oldest a cached user may be, so that a change which nobody
	// announced shows after that time; 0 stands for a minute. RenewAfter is a
	// bound as well, and with NoMaxAge the only one.
	MaxAge time.Duration

	// VersionColumn names a column of U's that is another after every change of the
	// row that counts: a lock version, a counter that a trigger moves, an updated_at.
	// A copy that has got older than MaxAge, Config's or a route's, is then served
	// on where the row still has its version, which one short SELECT tells. Empty:
	// the row is read. It goes with DB. NULL and zero tell nothing. Once in
	// RenewAfter the row is read all the same, since somebody may have changed it
	// and left its version; Reload and Refresh read it always. A time has to be as
	// fine as changes may follow each other: of two in one of its ticks the second
	// is not told.
	VersionColumn string
	// FeedAlive reports whether a feed of changes, as of package pgfeed, is heard and
	// nothing of it was lost. While it does, a copy older than MaxAge is served
	// without a look at the database, up to RenewAfter; nil: there is none. It is
	// called for such copies alone and must be fast. A MaxAge of a route's own counts
	// all the same.
	FeedAlive func() bool

	// Audit has one in so many requests that are served the cached user read the row
	// as well, once they have been answered, one at a time; 0 stands for none. Where
	// no change was announced meanwhile and the two differ, OnEvent is told which
	// fields, Stats counts it, and the copy is replaced: so a team knows how often
	// its cache is wrong, and finds the writer that tells nobody. A handler that
	// writes and then calls SyncUser may be found between the two.
	Audit int
	// Writes says what becomes of a write to the users' table that the cache cannot
	// be told of, where db.Use(auth) has the cache follow GORM's writes. The zero
	// value, StrictWrites, rolls it back.
	Writes WritePolicy
	// IgnoreColumns lists columns whose change is not announced by db.Use(auth),
	// when all that a statement sets are among them or tagged powgin:"-": a
	// last_seen_at, for instance, and the updated_at that GORM sets with it. The
	// cached copy is as old in them as MaxAge allows. Columns of the primary key
	// are refused.
	IgnoreColumns []string
	// WatchTables names other tables that a user is read from, by an AfterFind hook or
	// a join in Users.Find, by their names as SQL has them ("memberships",
	// "app.memberships"); nil: none. db.Use(auth) then announces writes to them as
	// those to the users' table: of the users whom they concern where that is certain,
	// else of all. It works with Users too, where these are all the tables that are
	// followed.
	WatchTables map[string]WatchTable

	// Store keeps accounts: sessions and cached users. nil stands for an
	// in-process store of this Auth's own, which forgets everything when the
	// process ends. cache.NewMemory makes one that several Auths may share.
	// Stores outside the process, such as package gormstore's, keep sessions over
	// restarts and share them between nodes. Whoever shares one, a tool beside the
	// site for instance, has the same Namespace, user type and times: who changes an
	// account drops the sessions that are over by its own IdleTimeout.
	Store cache.Store
	// Codec writes users for a Store outside the process; nil stands for powgin's
	// own, which keeps every field that copies of a user have, whatever tags they
	// carry. Users come out of it with times in UTC, also on the request that
	// reads them. Where what is stored is of another shape of U, the user is read
	// anew. Without such a Store it is not used.
	Codec Codec[U]
	// MaxAccounts bounds the users with sessions in the in-process store; 0
	// stands for 100,000. Beyond it a sign-in is ErrFull. It goes with a nil
	// Store only.
	MaxAccounts int
	// Transport is how tokens travel, Cookie, InSession or Bearer; nil stands for
	// Cookie{}.
	Transport Transport

	// IdleTimeout ends a session whose newest token is that old; 0 stands for
	// 30 minutes. After its last request a session lives for IdleTimeout, or
	// up to RenewAfter less: requests that renew nothing write nothing.
	IdleTimeout time.Duration
	// RenewAfter is the age at which a token gets a successor, at the next
	// request; 0 stands for half the IdleTimeout. It must be shorter than
	// IdleTimeout, or active users would be signed out.
	RenewAfter time.Duration
	// AbsoluteTimeout ends a session that long after sign-in, whatever
	// happens; 0 stands for 24 hours, or IdleTimeout where that is longer. It
	// must not be shorter than IdleTimeout.
	AbsoluteTimeout time.Duration
	// Grace is how long a replaced token still works, for requests that were
	// under way with it: after SyncUser from then on, after a renewal from the
	// first use of the new token. 0 stands for 5 seconds, or half of RenewAfter
	// where that is shorter; NoGrace for none. At most a minute, and shorter
	// than RenewAfter. Of tokens replaced in quick succession the last sixteen work.
	Grace time.Duration
	// Keys sign tokens, so that forged ones never reach the store; nil leaves
	// tokens unsigned, which are no easier to guess. The first key signs, all
	// verify: a new one goes in front, and the old one stays for as long as
	// sessions last. Each has at least 32 random bytes.
	Keys [][]byte

	// MaxSessions bounds the sessions of one user; 0 stands for 100.
	MaxSessions int
	// AtMaxSessions says what becomes of a sign-in beyond that bound. The zero
	// value, Evict, ends the user's least recently renewed session.
	AtMaxSessions AtMaxSessions

	// AtReuse says what becomes of a session whose replaced token comes back
	// after its grace: its client is slow, or two have it. The zero value,
	// ReportOnly, tells OnEvent.
	AtReuse AtReuse

	// Import signs users over from another session library, so that a
	// deployment logs nobody out; nil: none. It is asked where no session of
	// powgin's own is found, and says whose live session of the other library the
	// request carries. powgin then signs that user in, though not as one who has
	// just proved who they are, and ends the old session. An error means that it
	// could not tell, as when a store is down. As long as it is set, whoever holds
	// an old session can sign in, whatever was revoked meanwhile: take it out when
	// those have run out. Mounted sessions of github.com/gin-contrib/sessions are
	// left alone by it, and ended by SignOut as ever.
	Import func(*gin.Context) (Imported, error)

	// DropAtSignIn lists the keys of values that do not outlive a sign-in, in the
	// sessions of github.com/gin-contrib/sessions that are mounted ahead of the
	// handler: what nobody in particular has put there, a login form's counter for
	// instance. SignIn gives every mounted session a new ID, deletes its old record,
	// and keeps the other values where they were nobody's or the same user's; where
	// they were another user's all are dropped. Whose they are it notes in the value
	// "powgin.user". A key counts with its type, as in Session.Get; nil entries are
	// ignored. README.md tells the rest.
	DropAtSignIn []any

	// Namespace keeps apart what several Auths keep in one Store and in one
	// browser; it is part of the cookie's name. Letters, digits, '.', '_' and
	// '-', at most 64 of them; empty is a namespace like any other. Auths of one
	// Store, Namespace and user type share their sessions; New refuses another
	// user type there.
	Namespace string
	// Tenant returns the tenant that a request belongs to; nil stands for one
	// tenant. Users and sessions of different tenants never meet, even where
	// their keys are equal. It gets the request's context, or the one that a
	// method of Auth was given.
	Tenant func(context.Context) string
	// Metadata returns what a new session is to remember of the request that
	// signs in, its User-Agent for instance; nil: nothing. At most 8 entries of
	// at most 256 bytes are kept, the first by their keys, without control
	// characters. It shows in SessionInfo and is no proof of anything.
	Metadata func(*gin.Context) map[string]string
	// ContextKey is the name under which c.Get and templates find the user, by
	// value; empty stands for "current_user".
	ContextKey string

	// SignInPath is where RequireUser and Abort send browsers, with the way
	// back as the parameter next; empty has them answer 401. A path of this
	// site, as LocalPath has it.
	SignInPath string
	// ReauthPath is where RequireRecentSignIn sends browsers to prove once more
	// who they are, with the way back as the parameter next; empty has it answer
	// 401. A path of this site, as LocalPath has it, that signed-in users reach:
	// SignInPath is often closed to them.
	ReauthPath string
	// HomePath is where RequireGuest sends browsers; empty has it answer 403.
	// A path of this site, as LocalPath has it.
	HomePath string
	// Refuse answers a request that powgin refuses, where no redirect does;
	// nil stands for problem details (RFC 9457). The request is aborted
	// already, and its headers forbid storing. AbortStatus gives the status
	// that the error is due.
	Refuse func(*gin.Context, error)
	// CrossOrigin decides which unsafe requests come from elsewhere; nil stands
	// for a zero http.CrossOriginProtection, which refuses all of them. To
	// trust another origin give it one with AddTrustedOrigin. It is not copied:
	// what is added to it later counts. Its deny handler is not used.
	CrossOrigin *http.CrossOriginProtection

	// WhenDown says what becomes of a request when the store or the database
	// cannot tell who is signed in. The zero value, Unavailable, refuses it.
	WhenDown DownPolicy
	// WhenDownFor, where set, says it for each request, in place of WhenDown:
	// by c.FullPath(), for instance. It is asked only when something failed. A
	// ServeStale of more than ten minutes counts as ten.
	WhenDownFor func(*gin.Context) DownPolicy

	// OnError is told of every request that was refused because something
	// failed, with a status of 500 or more, and of those that WhenDown let pass;
	// nil logs it with log/slog, at most once a second. powgin's own errors hold
	// no token and no user.
	OnError func(context.Context, error)
	// OnEvent is told what happens to sessions; nil: nobody is. It must be fast.
	// What a client can cause at will is told once a minute for each user.
	OnEvent func(Event)

	// Immutable lists values of types that copies of a user may share although
	// they hold references, decimal.Decimal{} for instance: types whose values
	// nobody changes in place. nil entries are ignored.
	Immutable []any
}

// Users reads users from where they are kept, for apps whose users GORM does
// not read. Implementations must be safe for concurrent use.
type Users[U any] interface {
	// Key returns the user's key: never empty for a user that exists, never the
	// same for two users, never another for the same one. Fields tagged
	// powgin:"-" are zero in what it gets. JoinKey makes one key of several
	// parts.
	Key(user U) string
	// Find returns the user with this key as they are now: from no replica, and
	// in no transaction. A user who does not exist is false with a nil error; an
	// error means that it could not tell, and has the request answered with 503.
	// ctx ends when the request may wait no longer; a Find that does not heed it
	// holds the request up.
	Find(ctx context.Context, key string) (user U, found bool, err error)
}

// A Codec turns users into bytes and back, for stores outside the process.
// Implementations must be safe for concurrent use.
type Codec[U any] interface {
	// Encode returns the user's bytes, which are not changed afterwards. Fields
	// tagged powgin:"-" are zero in what it gets. A user for whom it returns an
	// error is not cached.
	Encode(user U) ([]byte, error)
	// Decode returns the user that Encode was given. An error means that the
	// bytes are of another shape, or damaged: the user is read anew.
	Decode(b []byte) (U, error)
}

// A WatchTable says whom the rows of a table concern that users are read from. The
// zero value stands for everybody: each write to the table has every user read anew
// once.
type WatchTable struct {
	// Columns are the columns that say whom a row concerns: a foreign key. A write
	// that sets one of them concerns all users, since the row is taken from somebody.
	// They hold integers or text; the database must not take a text in them for
	// another one, as it does with citext or a NOCASE collation. A NULL in them, and
	// on MySQL text, concerns all users. RETURNING has to find them in the table.
	Columns []string
	// Keys returns the keys, as Auth.Key has them, of the users whom a row concerns
	// that has these values in Columns, integers in decimal; none stand for nobody.
	// nil: the values are the user's own key, or JoinKey of them is. After an error,
	// or a panic, which OnError is told of, it is all users. It is called within the
	// transaction that writes, by many goroutines at once, and must not query the
	// database; where it would have to, leave Columns and Keys empty.
	Keys func(values []string) (keys []string, err error)
}

// NoMaxAge is the Config.MaxAge that lets a cached user be as old as RenewAfter.
const NoMaxAge time.Duration = -1

// NoGrace is the Config.Grace with which replaced tokens die at once: requests
// that were under way with one are nobody's.
const NoGrace time.Duration = -1

// AtMaxSessions says what becomes of a sign-in that is one too many.
type AtMaxSessions int

const (
	// Evict ends the user's least recently renewed session.
	Evict AtMaxSessions = iota
	// Deny answers the sign-in with ErrTooManySessions. SignIn with EndOthers
	// gets the owner in all the same.
	Deny
)

// WritePolicy says what becomes of a write that the cache cannot be told of.
type WritePolicy int

const (
	// StrictWrites rolls the transaction back, or refuses the statement, with an
	// error that is an ErrUnavailable.
	StrictWrites WritePolicy = iota
	// LaxWrites makes the write all the same and tells OnError and OnEvent: the
	// cached copy may be old until MaxAge.
	LaxWrites
)

// AtReuse says what becomes of a session whose replaced token comes back.
type AtReuse int

const (
	// ReportOnly refuses the token and tells OnEvent. The session goes on: it
	// is more often a slow client than a thief.
	ReportOnly AtReuse = iota
	// EndSession ends the session as well, for whoever holds its live token.
	// (RFC 9700, section 4.14.2, asks it of refresh tokens.)
	EndSession
)

// A DownPolicy says what becomes of a request when nobody can tell who is
// signed in: Unavailable, Anonymous or ServeStale.
type DownPolicy = handlers.DownPolicy

const (
	// Unavailable refuses the request with 503 and Retry-After.
	Unavailable = handlers.Unavailable
	// Anonymous lets the request pass without a user; Unknown tells its
	// handler so. RequireUser, RequireGuest, SignIn and whatever else has to
	// know answer 503 still, and the cookie is left as it is.
	Anonymous = handlers.Anonymous
)

// ServeStale serves the cached user although they are older than Config.MaxAge,
// up to the age of maxAge, while the database cannot be asked: more than
// Config.MaxAge and at most ten minutes. The session is checked all the same, so
// with the store down it is Unavailable. It is never applied to Reload, Refresh, a
// stricter MaxAge or RequireRecentSignIn, nor to a copy that was dropped because
// the user has changed.
func ServeStale(maxAge time.Duration) DownPolicy { return DownPolicy(maxAge) }

// Imported is a live session of another library, as Config.Import found it.
type Imported struct {
	// UserKey is whose session it is, as Auth.Key has it; "" for nobody's.
	UserKey string
	// End ends it there, once powgin has signed the user in; nil: nothing is
	// to be done. OnError is told of its error. What is not ended can sign the
	// user in again after they have signed out.
	End func() error
}

// A Transport is how a token travels. A session is bound to the one it began
// with.
type Transport interface{ transport() }

// Cookie is the transport of browsers. The cookie is HttpOnly, SameSite=Lax,
// for this host alone, and ends with the browser's session.
type Cookie struct {
	// Name is the cookie's name without its prefix; empty stands for "powgin".
	// Namespace, where set, is appended with a hyphen.
	Name string
	// Insecure leaves out the Secure attribute and the __Host- prefix, which
	// browsers accept over HTTPS (and, most of them, on localhost) only. It is
	// for development over plain HTTP: anyone on the way can take the session.
	Insecure bool
}

func (Cookie) transport() {}

// InSession is the transport of apps that have one cookie for all: the token is a
// value of the session of github.com/gin-contrib/sessions that the chain has
// mounted ahead of Auth.Session; without one requests are answered with 500.
// Whatever sets that session's cookie, it leaves as HttpOnly, SameSite=Lax or
// Strict, with the path / and not to be stored; and not at all where the request
// was overtaken by one that has replaced the token. Its age is at least
// IdleTimeout, or that of Remember. Of tokens replaced in quick succession the
// last four work.
//
// A store at the server then holds a token that works, unhashed: who can read
// the store can sign in. Stores that do not tell when their server is down make
// nobody of everyone: README.md names them.
type InSession struct {
	// Key is the key of the value; empty stands for "powgin", with Namespace
	// appended with a hyphen where that is set. With Key + ".replaced" it is
	// powgin's own: an app that deletes it, or calls Clear, and saves the session
	// signs its user out.
	Key string
	// Session is the session's name, for chains that mount several; empty stands
	// for the only one.
	Session string
	// Insecure leaves the Secure attribute to the app's own options. It is for
	// development over plain HTTP: anyone on the way can take the session.
	Insecure bool
	// AllowDomain leaves the Domain attribute to the app's own options: with one,
	// every host of that domain is sent the token, and can replace it. Otherwise
	// the cookie is for this host alone.
	AllowDomain bool
}

func (InSession) transport() {}

// Bearer is the transport of programs: the token travels in the Authorization
// header of each request (RFC 6750), and no cookie is set. Context.Token gives it
// to the handler that signs in, which hands it to the client. It stays until it is
// replaced by SyncUser with Rotate; requests later than Config.RenewAfter move the
// idle time. Whoever is not signed in is answered with 401 and WWW-Authenticate,
// never with a redirect, and requests from other sites are not refused: no browser
// sends the token by itself.
type Bearer struct{}

func (Bearer) transport() {}

// Event is something that happened to a user's sessions. It never holds a
// token, a cookie or a user.
type Event struct {
	// Name is what happened:
	//
	//	signed_in             a session began
	//	renewed, synced       its token was due for another; SyncUser was called
	//	signed_out            it ended by SignOut, or by SignIn in its own browser
	//	revoked               it was ended by anything else that was asked to;
	//	                      without a user: RevokeAll was called
	//	evicted               it was ended since the user had MaxSessions
	//	expired               its time was found to be over; a Store that forgets
	//	                      it by itself tells nobody
	//	inactive              a read found the user gone or not Active
	//	reuse                 a replaced token came back after its grace
	//	duplicate_cookie      a request had two tokens, so neither counted
	//	cross_origin_refused  an unsafe request came from another site
	//	key_mismatch          a row or record was another user's, and not served
	//	corrupt_record        a Store's record could not be read
	//	too_large             a user did not fit into a Store's record
	//	store_down, store_up        the Store stopped answering; it answers again
	//	database_down, database_up  so did DB or Users
	//	unannounced           a write was made that the cache could not be told of,
	//	                      as LaxWrites has it
	//	difference            Audit has found a cached user to be another than the
	//	                      row, though no change was announced
	Name string
	// UserKey is whose session it was, "" where that is not known.
	UserKey string
	// Session is the session's id, "" where no single session is meant.
	Session string
	// Fields names, for a difference, the fields that differed, with a space
	// between them; "" where the user was gone.
	Fields string
}

// resolved is a Config with its defaults filled in, checked as a whole.
type resolved[U any] struct {
	Config[U]
	rules  cache.Rules
	cookie handlers.Cookie
	inside handlers.InSession
	kind   cache.Transport
	plan   *handlers.CopyPlan
	model  *handlers.Model // nil with Users
	space  cache.Space
	codec  cache.Codec // nil with stores in the process
	watch  []handlers.WatchTable
	faults []handlers.Fault
}

// resolve fills in the defaults and collects every fault.
func resolve[U any](cfg Config[U]) *resolved[U] {
	r := &resolved[U]{Config: cfg}
	settings := handlers.Settings{
		IdleTimeout: cfg.IdleTimeout, RenewAfter: cfg.RenewAfter, AbsoluteTimeout: cfg.AbsoluteTimeout,
		Grace: cfg.Grace, MaxAge: cfg.MaxAge, WhenDown: cfg.WhenDown,
		MaxSessions: cfg.MaxSessions, AtMaxSessions: int(cfg.AtMaxSessions), AtReuse: int(cfg.AtReuse), Writes: int(cfg.Writes), Audit: cfg.Audit,
		MaxAccounts: cfg.MaxAccounts, OwnStore: cfg.Store == nil, Keys: cfg.Keys, Namespace: cfg.Namespace,
		SignInPath: cfg.SignInPath, HomePath: cfg.HomePath, ReauthPath: cfg.ReauthPath,
	}
	r.transport(&settings)
	if r.kind == cache.Bearer && cfg.Import != nil {
		settings.Fault("Import", "a function", "goes with a cookie: nobody would hand the token of Bearer to the client")
	}
	r.rules, r.cookie = settings.Resolve()
	r.faults = settings.Faults()
	if settings.InSession != nil {
		r.inside = *settings.InSession
	}
	r.userType()
	r.watched()
	r.dropped()
	if r.ContextKey == "" {
		r.ContextKey = "current_user"
	}
	if r.CrossOrigin == nil {
		r.CrossOrigin = http.NewCrossOriginProtection()
	}
	if r.OnError == nil {
		r.OnError = handlers.LogErrors()
	}
	return r
}

// users works out how users are written.
func (r *resolved[U]) users(t reflect.Type) {
	if _, inProcess := r.Store.(*cache.Memory); r.Store == nil || inProcess {
		return
	}
	if r.Codec != nil {
		r.codec = typed[U]{r.Codec}
		return
	}
	codec, faults := handlers.NewRowCodec(t)
	if r.faults = append(r.faults, faults...); codec != nil {
		r.codec = codec
	}
}

// transport reads the Transport into the settings.
func (r *resolved[U]) transport(s *handlers.Settings) {
	r.kind = cache.Cookie
	switch t := r.Transport.(type) {
	case nil:
	case Bearer, *Bearer:
		r.kind = cache.Bearer
	case Cookie:
		s.CookieName, s.Insecure = t.Name, t.Insecure
	case *Cookie:
		if t == nil {
			s.Fault("Transport", fmt.Sprintf("%T", t), transportRule)
			return
		}
		s.CookieName, s.Insecure = t.Name, t.Insecure
	case InSession:
		r.inSession(s, &t)
	case *InSession:
		r.inSession(s, t)
	default:
		s.Fault("Transport", fmt.Sprintf("%T", t), transportRule)
	}
}

const transportRule = "must be a Cookie, an InSession or a Bearer"

func (r *resolved[U]) inSession(s *handlers.Settings, t *InSession) {
	if t == nil {
		s.Fault("Transport", fmt.Sprintf("%T", t), transportRule)
		return
	}
	r.kind = cache.InSession
	s.Insecure = t.Insecure
	s.InSession = &handlers.InSession{Key: t.Key, Session: t.Session, AllowDomain: t.AllowDomain}
}

// dropped refuses what cannot be the key of a session's value.
func (r *resolved[U]) dropped() {
	for i, key := range r.DropAtSignIn {
		if key != nil && !reflect.ValueOf(key).Comparable() {
			r.faults = append(r.faults, handlers.Fault{
				Field: fmt.Sprintf("Config.DropAtSignIn[%d]", i), Value: fmt.Sprintf("%T", key), Rule: "cannot be a key of a session's value",
			})
		}
	}
}

// userType works out how users are copied, named and read.
func (r *resolved[U]) userType() {
	t := reflect.TypeFor[U]()
	r.space = cache.Space{Namespace: r.Namespace, Type: t.PkgPath() + "." + t.Name()}
	if (r.DB == nil) == (r.Users == nil) {
		r.faults = append(r.faults, handlers.Fault{Field: "Config", Rule: "needs DB or Users, and not both"})
	}
	if t.Kind() != reflect.Struct || t.Name() == "" {
		r.faults = append(r.faults, handlers.Fault{Field: "U", Value: t.String(), Rule: "must be a struct type with a name"})
		return
	}
	if r.DB == nil && len(r.IgnoreColumns) > 0 {
		r.faults = append(r.faults, handlers.Fault{Field: "Config.IgnoreColumns", Value: strings.Join(r.IgnoreColumns, ", "), Rule: "goes with DB"})
	}
	if r.DB == nil && r.VersionColumn != "" {
		r.faults = append(r.faults, handlers.Fault{Field: "Config.VersionColumn", Value: r.VersionColumn, Rule: "goes with DB"})
	}
	immutable := make([]reflect.Type, 0, len(r.Immutable))
	for _, v := range r.Immutable {
		if v != nil {
			immutable = append(immutable, reflect.TypeOf(v))
		}
	}
	var faults []handlers.Fault
	r.plan, faults = handlers.NewCopyPlan(t, immutable)
	r.faults = append(r.faults, faults...)
	r.users(t)
	r.faults = append(r.faults, handlers.CheckSecrets(t, r.DB != nil)...)
	if r.DB != nil {
		r.model, faults = handlers.NewModel(r.DB, t)
		r.faults = append(r.faults, faults...)
		if r.model != nil {
			r.space.Table = r.model.Table()
			r.faults = append(r.faults, r.model.IgnoreFaults(r.IgnoreColumns)...)
			r.faults = append(r.faults, r.model.VersionFaults(r.VersionColumn)...)
		}
	}
}

// watched collects the other tables that users are read from.
func (r *resolved[U]) watched() {
	for _, table := range slices.Sorted(maps.Keys(r.WatchTables)) {
		w := r.WatchTables[table]
		r.watch = append(r.watch, handlers.WatchTable{Table: table, Columns: slices.Clone(w.Columns), Keys: w.Keys})
		r.faults = append(r.faults, r.watch[len(r.watch)-1].Faults(r.model)...)
	}
}
