package powgin_test

import (
	"context"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// A roster is a Users that lives in memory.
type roster struct {
	mu    sync.Mutex
	users map[string]User // by key
	reads int
}

// newRoster returns a roster with alice (1) and bob (2) in it.
func newRoster() *roster {
	alice, bob := User{Email: "alice@example.com", Plan: "free"}, User{Email: "bob@example.com", Plan: "free"}
	alice.ID, bob.ID = 1, 2
	return &roster{users: map[string]User{"1": alice, "2": bob}}
}

func (r *roster) Key(u User) string {
	switch u.ID {
	case 1:
		return "1"
	case 2:
		return "2"
	}
	return ""
}

func (r *roster) Find(_ context.Context, key string) (User, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	u, ok := r.users[key]
	return u, ok, nil
}

func (r *roster) setPlan(key, plan string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users[key]
	u.Plan = plan
	r.users[key] = u
}

// noUsers is a Users of any type, without a user.
type noUsers[U any] struct{}

func (noUsers[U]) Key(U) string                                        { return "" }
func (noUsers[U]) Find(context.Context, string) (u U, _ bool, _ error) { return u, false, nil }

// faultsOf returns what New finds wrong with a Config, a line for each fault.
func faultsOf[U any](t testing.TB, cfg powgin.Config[U]) []string {
	t.Helper()
	auth, err := powgin.New(cfg)
	if err == nil {
		if err := auth.Close(); err != nil {
			t.Error(err)
		}
		return nil
	}
	first, rest, _ := strings.Cut(err.Error(), "\n\t")
	if first != "powgin: the set-up cannot be used:" {
		t.Fatalf("New: %v; want the sentence that begins a list of faults", err)
	}
	return strings.Split(rest, "\n\t")
}

// wantFaults fails the test where New finds something else wrong.
func wantFaults[U any](t testing.TB, cfg powgin.Config[U], want ...string) {
	t.Helper()
	got := faultsOf(t, cfg)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("New found\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

type configChange = func(*powgin.Config[User])

// wrongConfigs have one fault each. What is derived from a wrong value is
// no second fault.
var wrongConfigs = []struct {
	change configChange
	want   string
}{
	{func(c *powgin.Config[User]) { c.Users = nil }, "Config needs DB or Users, and not both"},
	{func(c *powgin.Config[User]) { c.IdleTimeout = -time.Second }, "Config.IdleTimeout (-1s) must not be negative"},
	{func(c *powgin.Config[User]) { c.RenewAfter = -time.Second }, "Config.RenewAfter (-1s) must not be negative"},
	{func(c *powgin.Config[User]) { c.RenewAfter = 30 * time.Minute }, "Config.RenewAfter (30m0s) must be shorter than IdleTimeout (30m0s), or active users are signed out"},
	{func(c *powgin.Config[User]) { c.AbsoluteTimeout = -1 }, "Config.AbsoluteTimeout (-1ns) must not be shorter than IdleTimeout (30m0s)"},
	{func(c *powgin.Config[User]) { c.AbsoluteTimeout = time.Minute }, "Config.AbsoluteTimeout (1m0s) must not be shorter than IdleTimeout (30m0s)"},
	{func(c *powgin.Config[User]) { c.Grace = -time.Second }, "Config.Grace (-1s) must not be negative; for none use NoGrace"},
	{func(c *powgin.Config[User]) { c.Grace = time.Minute + 1 }, "Config.Grace (1m0.000000001s) must be at most 1m0s"},
	{func(c *powgin.Config[User]) { c.RenewAfter, c.Grace = 5*time.Second, 5*time.Second }, "Config.Grace (5s) must be shorter than RenewAfter (5s)"},
	{func(c *powgin.Config[User]) { c.MaxAge = -time.Second }, "Config.MaxAge (-1s) must not be negative; for no bound use NoMaxAge"},
	{func(c *powgin.Config[User]) { c.MaxSessions = -1 }, "Config.MaxSessions (-1) must not be negative"},
	{func(c *powgin.Config[User]) { c.AtMaxSessions = 7 }, "Config.AtMaxSessions (7) must be Evict or Deny"},
	{func(c *powgin.Config[User]) { c.AtMaxSessions = -1 }, "Config.AtMaxSessions (-1) must be Evict or Deny"},
	{func(c *powgin.Config[User]) { c.AtReuse = 2 }, "Config.AtReuse (2) must be ReportOnly or EndSession"},
	{func(c *powgin.Config[User]) { c.AtReuse = -1 }, "Config.AtReuse (-1) must be ReportOnly or EndSession"},
	{func(c *powgin.Config[User]) { c.WhenDown = -2 }, "Config.WhenDown (ServeStale(-2ns)) must be Unavailable, Anonymous, or ServeStale of at most 10m0s"},
	{func(c *powgin.Config[User]) { c.WhenDown = powgin.ServeStale(10*time.Minute + 1) }, "Config.WhenDown (ServeStale(10m0.000000001s)) must be Unavailable, Anonymous, or ServeStale of at most 10m0s"},
	{func(c *powgin.Config[User]) { c.WhenDown = powgin.ServeStale(time.Minute) }, "Config.WhenDown (ServeStale(1m0s)) must be longer than MaxAge (1m0s), or it serves nobody"},
	{func(c *powgin.Config[User]) { c.WhenDown, c.MaxAge = powgin.ServeStale(5*time.Minute), powgin.NoMaxAge }, "Config.WhenDown (ServeStale(5m0s)) must be longer than MaxAge (15m0s), or it serves nobody"},
	{func(c *powgin.Config[User]) { c.MaxAccounts = -1 }, "Config.MaxAccounts (-1) must not be negative"},
	{func(c *powgin.Config[User]) { c.MaxAccounts, c.Store = 5, cache.NewMemory(5) }, "Config.MaxAccounts (5) bounds the in-process store of a nil Store; the given Store has a bound of its own"},
	{func(c *powgin.Config[User]) { c.Keys = [][]byte{make([]byte, 32), make([]byte, 31)} }, "Config.Keys[1] (31 bytes) must have at least 32 random bytes"},
	{func(c *powgin.Config[User]) { c.Keys = [][]byte{nil} }, "Config.Keys[0] (0 bytes) must have at least 32 random bytes"},
	{func(c *powgin.Config[User]) { c.Namespace = "a b" }, `Config.Namespace ("a b") must be at most 64 letters, digits, '.', '_' or '-'`},
	{func(c *powgin.Config[User]) { c.Transport = (*powgin.Cookie)(nil) }, "Config.Transport (*powgin.Cookie) must be a Cookie, an InSession or a Bearer"},
	{func(c *powgin.Config[User]) { c.Transport = struct{ powgin.Cookie }{} }, "Config.Transport (struct { powgin.Cookie }) must be a Cookie, an InSession or a Bearer"},
	{func(c *powgin.Config[User]) { c.Transport = powgin.Cookie{Name: "__Host-sid"} }, "Config.Transport.Name (__Host-sid) must not have a prefix: __Host- is added unless Insecure is set"},
	{func(c *powgin.Config[User]) { c.Transport = powgin.Cookie{Name: "__SECURE-sid"} }, "Config.Transport.Name (__SECURE-sid) must not have a prefix: __Host- is added unless Insecure is set"},
	{func(c *powgin.Config[User]) { c.Transport = powgin.Cookie{Name: "sid;"} }, `Config.Transport.Name ("sid;") must be at most 64 letters, digits, '.', '_' or '-'`},
	{func(c *powgin.Config[User]) { c.SignInPath = "//evil.example" }, `Config.SignInPath ("//evil.example") must be a path of this site`},
	{func(c *powgin.Config[User]) { c.HomePath = "https://app.example/" }, `Config.HomePath ("https://app.example/") must be a path of this site`},
	{func(c *powgin.Config[User]) { c.ReauthPath = "confirm" }, `Config.ReauthPath ("confirm") must be a path of this site`},
	{func(c *powgin.Config[User]) { c.ReauthPath = "/\\evil.example" }, `Config.ReauthPath ("/\\evil.example") must be a path of this site`},
}

func TestConfigNamesTheFieldTheValueAndTheRule(t *testing.T) {
	t.Parallel()
	for _, tt := range wrongConfigs {
		cfg := powgin.Config[User]{Users: newRoster()}
		tt.change(&cfg)
		wantFaults(t, cfg, tt.want)
	}
}

func TestConfigReportsEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	wantFaults(t, powgin.Config[User]{
		IdleTimeout:     time.Minute,
		RenewAfter:      time.Hour,
		AbsoluteTimeout: time.Second,
		Grace:           time.Hour,
		MaxAge:          -time.Hour,
		MaxSessions:     -5,
		Keys:            [][]byte{[]byte("hunter2")},
		Namespace:       "shop/eu",
		Transport:       powgin.Cookie{Name: "my session"},
		SignInPath:      `/\evil.example`,
	},
		"Config.RenewAfter (1h0m0s) must be shorter than IdleTimeout (1m0s), or active users are signed out",
		"Config.AbsoluteTimeout (1s) must not be shorter than IdleTimeout (1m0s)",
		"Config.Grace (1h0m0s) must be at most 1m0s",
		"Config.MaxAge (-1h0m0s) must not be negative; for no bound use NoMaxAge",
		"Config.MaxSessions (-5) must not be negative",
		"Config.Keys[0] (7 bytes) must have at least 32 random bytes",
		`Config.Namespace ("shop/eu") must be at most 64 letters, digits, '.', '_' or '-'`,
		`Config.Transport.Name ("my session") must be at most 64 letters, digits, '.', '_' or '-'`,
		`Config.SignInPath ("/\\evil.example") must be a path of this site`,
		"Config needs DB or Users, and not both",
	)
}

func TestZeroConfigNeedsUsersOnly(t *testing.T) {
	t.Parallel()
	wantFaults(t, powgin.Config[User]{}, "Config needs DB or Users, and not both")
	wantFaults(t, powgin.Config[User]{Users: newRoster()})
	wantFaults(t, powgin.Config[User]{DB: openDB(t)})
	wantFaults(t, powgin.Config[User]{DB: openDB(t), Users: newRoster()}, "Config needs DB or Users, and not both")
}

func TestConfigTakesWhatIsAtTheBounds(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("n", 64)
	for _, c := range []configChange{
		func(c *powgin.Config[User]) { c.IdleTimeout, c.RenewAfter = time.Hour, time.Hour-1 },
		func(c *powgin.Config[User]) { c.IdleTimeout = 48 * time.Hour }, // AbsoluteTimeout follows
		func(c *powgin.Config[User]) { c.IdleTimeout = time.Second },    // so do RenewAfter and Grace
		func(c *powgin.Config[User]) { c.AbsoluteTimeout = 30 * time.Minute },
		func(c *powgin.Config[User]) { c.Grace, c.MaxAge = powgin.NoGrace, powgin.NoMaxAge },
		func(c *powgin.Config[User]) { c.Grace = time.Minute },
		func(c *powgin.Config[User]) { c.AtReuse, c.AtMaxSessions = powgin.EndSession, powgin.Deny },
		func(c *powgin.Config[User]) { c.WhenDown = powgin.ServeStale(10 * time.Minute) },
		func(c *powgin.Config[User]) { c.WhenDown = powgin.ServeStale(time.Minute + 1) },
		func(c *powgin.Config[User]) { c.ReauthPath = "/confirm?lang=de" },
		func(c *powgin.Config[User]) {
			c.Namespace, c.Transport = "Shop_1.eu-"+longest[:54], powgin.Cookie{Name: longest}
		},
		func(c *powgin.Config[User]) { c.Transport = &powgin.Cookie{Insecure: true} },
		func(c *powgin.Config[User]) { c.Immutable = []any{nil, big.Int{}} },
	} {
		cfg := powgin.Config[User]{Users: newRoster()}
		c(&cfg)
		wantFaults(t, cfg)
	}
	wantFaults(t, powgin.Config[User]{Users: newRoster(), Namespace: longest + "n"},
		`Config.Namespace ("`+longest+`n") must be at most 64 letters, digits, '.', '_' or '-'`)
}

func TestADatabaseThatShowsMoreThanWasCommittedIsRefused(t *testing.T) {
	t.Parallel()
	tx := openDB(t).Begin()
	defer tx.Rollback()
	wantFaults(t, powgin.Config[User]{DB: tx, MaxSessions: -1},
		"Config.MaxSessions (-1) must not be negative",
		"Config.DB is a transaction: give it the *gorm.DB that gorm.Open returned")
}

// mustPanic returns what f panics with, as text.
func mustPanic(t testing.TB, f func()) (message string) {
	t.Helper()
	defer func() {
		switch v := recover().(type) {
		case nil:
			t.Error("no panic")
		case error:
			message = v.Error()
		default:
			t.Errorf("panic with a %T; want an error", v)
		}
	}()
	f()
	return ""
}

func TestMustAndSessionPanicWithWhatNewReturns(t *testing.T) {
	t.Parallel()
	cfg := powgin.Config[User]{Users: newRoster(), MaxSessions: -1}
	_, want := powgin.New(cfg)
	for name, f := range map[string]func(){
		"Must":    func() { powgin.Must(powgin.New(cfg)) },
		"Session": func() { powgin.Session(cfg) },
	} {
		if got := mustPanic(t, f); got != want.Error() {
			t.Errorf("%s panics with %q; want %q", name, got, want)
		}
	}
}
