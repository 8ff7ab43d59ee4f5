package handlers

import (
	"fmt"
	"strings"
	"time"

	"github.com/powgin/powgin/cache"
)

// Settings are the plain values of a powgin.Config as the app has given them;
// the documentation of its fields, defaults and rules is there.
type Settings struct {
	IdleTimeout, RenewAfter, AbsoluteTimeout, Grace, MaxAge time.Duration

	WhenDown      DownPolicy
	MaxSessions   int
	AtMaxSessions int
	AtReuse       int
	Writes        int
	Audit         int
	MaxAccounts   int
	OwnStore      bool // no Store was given
	Keys          [][]byte

	Namespace  string
	CookieName string
	Insecure   bool
	InSession  *InSession // nil for other transports

	SignInPath, HomePath, ReauthPath string

	faults []Fault
}

const (
	defaultMaxAge      = time.Minute
	defaultIdle        = 30 * time.Minute
	defaultAbsolute    = 24 * time.Hour
	defaultGrace       = 5 * time.Second
	defaultMaxSessions = 100
	defaultCookieName  = "powgin"
	minKey             = 32
	maxName            = 64

	none time.Duration = -1 // NoMaxAge, NoGrace
)

// Faults returns what Resolve and Fault have noted.
func (s *Settings) Faults() []Fault { return s.faults }

// Fault notes that a field breaks a rule.
func (s *Settings) Fault(field string, value any, rule string) {
	s.faults = append(s.faults, Fault{Field: "Config." + field, Value: fmt.Sprint(value), Rule: rule})
}

// Resolve fills in the defaults and notes every fault.
func (s *Settings) Resolve() (cache.Rules, Cookie) {
	rules := s.times()
	s.sessions(&rules)
	s.policies(&rules)
	cookie := s.cookie()
	s.inSession(cookie.Secure)
	s.paths()
	return rules, cookie
}

func (s *Settings) times() cache.Rules {
	idle := orDefault(s.IdleTimeout, defaultIdle)
	renew := orDefault(s.RenewAfter, idle/2)
	absolute := orDefault(s.AbsoluteTimeout, max(defaultAbsolute, idle))
	switch {
	case idle < 0:
		s.Fault("IdleTimeout", idle, "must not be negative")
	case renew < 0:
		s.Fault("RenewAfter", renew, "must not be negative")
	case renew >= idle:
		s.Fault("RenewAfter", renew, fmt.Sprintf("must be shorter than IdleTimeout (%v), or active users are signed out", idle))
	}
	if absolute < idle {
		s.Fault("AbsoluteTimeout", absolute, fmt.Sprintf("must not be shorter than IdleTimeout (%v)", idle))
	}
	return cache.Rules{
		IdleTimeout: idle, RenewAfter: renew, AbsoluteTimeout: absolute, Grace: s.grace(renew), MaxAge: s.maxAge(renew),
	}
}

func (s *Settings) grace(renew time.Duration) time.Duration {
	grace := orDefault(s.Grace, min(defaultGrace, renew/2))
	switch {
	case grace == none:
		return 0
	case s.Grace < 0:
		s.Fault("Grace", grace, "must not be negative; for none use NoGrace")
	case grace > MaxGrace:
		s.Fault("Grace", grace, fmt.Sprintf("must be at most %v", MaxGrace))
	case grace >= renew && renew > 0:
		s.Fault("Grace", grace, fmt.Sprintf("must be shorter than RenewAfter (%v)", renew))
	}
	return grace
}

func (s *Settings) maxAge(renew time.Duration) time.Duration {
	maxAge := orDefault(s.MaxAge, defaultMaxAge)
	switch {
	case maxAge == none:
		return renew
	case maxAge < 0:
		s.Fault("MaxAge", maxAge, "must not be negative; for no bound use NoMaxAge")
	}
	return maxAge
}

func orDefault(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return d
}

func (s *Settings) sessions(rules *cache.Rules) {
	rules.MaxSessions = s.MaxSessions
	switch {
	case s.MaxSessions == 0:
		rules.MaxSessions = defaultMaxSessions
	case s.MaxSessions < 0:
		s.Fault("MaxSessions", s.MaxSessions, "must not be negative")
	}
	switch {
	case s.MaxAccounts < 0:
		s.Fault("MaxAccounts", s.MaxAccounts, "must not be negative")
	case s.MaxAccounts > 0 && !s.OwnStore:
		s.Fault("MaxAccounts", s.MaxAccounts, "bounds the in-process store of a nil Store; the given Store has a bound of its own")
	}
	for i, k := range s.Keys {
		if len(k) < minKey {
			s.Fault(fmt.Sprintf("Keys[%d]", i), fmt.Sprintf("%d bytes", len(k)), fmt.Sprintf("must have at least %d random bytes", minKey))
		}
	}
}

func (s *Settings) policies(rules *cache.Rules) {
	rules.DenyAtMax = s.AtMaxSessions == 1
	if s.AtMaxSessions < 0 || s.AtMaxSessions > 1 {
		s.Fault("AtMaxSessions", s.AtMaxSessions, "must be Evict or Deny")
	}
	rules.EndAtReuse = s.AtReuse == 1
	if s.AtReuse < 0 || s.AtReuse > 1 {
		s.Fault("AtReuse", s.AtReuse, "must be ReportOnly or EndSession")
	}
	if s.Audit < 0 {
		s.Fault("Audit", s.Audit, "must not be negative: one in so many requests, or 0 for none")
	}
	if s.Writes < 0 || s.Writes > 1 {
		s.Fault("Writes", s.Writes, "must be StrictWrites or LaxWrites")
	}
	switch stale := time.Duration(s.WhenDown); {
	case s.WhenDown == Unavailable, s.WhenDown == Anonymous:
	case stale < 0 || stale > MaxStale:
		s.Fault("WhenDown", fmt.Sprintf("ServeStale(%v)", stale), fmt.Sprintf("must be Unavailable, Anonymous, or ServeStale of at most %v", MaxStale))
	case stale <= rules.UserAge():
		s.Fault("WhenDown", fmt.Sprintf("ServeStale(%v)", stale), fmt.Sprintf("must be longer than MaxAge (%v), or it serves nobody", rules.UserAge()))
	}
}

func (s *Settings) cookie() Cookie {
	if bad := notToken(s.Namespace); bad || len(s.Namespace) > maxName {
		s.Fault("Namespace", fmt.Sprintf("%.80q", s.Namespace), "must be at most 64 letters, digits, '.', '_' or '-'")
	}
	name := s.CookieName
	switch {
	case name == "":
		name = defaultCookieName
	case strings.HasPrefix(strings.ToLower(name), "__host-"), strings.HasPrefix(strings.ToLower(name), "__secure-"):
		s.Fault("Transport.Name", name, "must not have a prefix: __Host- is added unless Insecure is set")
	case notToken(name), len(name) > maxName:
		s.Fault("Transport.Name", fmt.Sprintf("%.80q", name), "must be at most 64 letters, digits, '.', '_' or '-'")
	}
	if s.Namespace != "" {
		name += "-" + s.Namespace
	}
	if !s.Insecure {
		name = "__Host-" + name
	}
	return Cookie{Name: name, Secure: !s.Insecure}
}

// inSession completes where the token is.
func (s *Settings) inSession(secure bool) {
	if s.InSession == nil {
		return
	}
	s.InSession.Secure = secure
	if s.InSession.Key == "" {
		s.InSession.Key = defaultCookieName
		if s.Namespace != "" {
			s.InSession.Key += "-" + s.Namespace
		}
	}
	if s.InSession.Key == MountedUser {
		s.Fault("Transport.Key", MountedUser, "is where a mounted session notes whose its values are")
	}
}

// notToken reports whether s has a character that does not fit everywhere
// where a name of ours appears.
func notToken(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
			return false
		}
		return true
	})
}

func (s *Settings) paths() {
	for _, p := range [...]struct{ field, path string }{
		{"SignInPath", s.SignInPath}, {"HomePath", s.HomePath}, {"ReauthPath", s.ReauthPath},
	} {
		if _, ok := LocalPath(p.path); p.path != "" && !ok {
			s.Fault(p.field, fmt.Sprintf("%.80q", p.path), "must be a path of this site")
		}
	}
}
