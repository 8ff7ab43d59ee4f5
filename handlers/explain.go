package handlers

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// An origin is where a request's user came from.
type origin uint8

const (
	originNobody   = origin(cache.FromNowhere)
	originCache    = origin(cache.FromCache)
	originDatabase = origin(cache.FromDatabase)
	originStale    = origin(cache.FromStale)
	originSignIn   = originStale + iota
	originSync
	originAssigned
	originUnknown
)

// origins tells of each its name, and how a summary begins.
var origins = [...]struct{ name, begins string }{
	originNobody:   {"nobody", "Nobody is signed in on this request."},
	originCache:    {"cache", "The user is the cached copy, read"},
	originDatabase: {"database", "The user was read for this request,"},
	originStale:    {"stale", "The user is an old cached copy, served because the database did not answer, and read"},
	originSignIn:   {"sign_in", "The user was read at this request's sign-in,"},
	originSync:     {"sync", "The user was read again by SyncUser in this request,"},
	originAssigned: {"assigned", "The user was put in place by AssignUser; the session's own was read"},
	originUnknown: {"unknown", "Nobody can tell who is signed in: the store or the database did not answer, and the set-up " +
		"lets the request pass as anonymous."},
}

// An Explanation tells why a request sees the user that it sees, and what is
// known of the user's account. Nothing in it is a credential, nor what is in the
// user's row.
type Explanation struct {
	// Summary says the most important of it in a few sentences.
	Summary string `json:"summary"`
	// UserKey is the key of the session's user, "" for nobody.
	UserKey string `json:"user_key,omitempty"`
	// Source is where the current user came from: "cache", "database" (a read
	// that this request waited for), "sign_in", "sync", "assigned" (by
	// AssignUser), "stale" (a copy too old, since the database could not be
	// asked: ServeStale), "unknown" (nobody could tell: Anonymous) or "nobody".
	Source string `json:"source"`
	// LoadedAt is when that user was read, and AgeSeconds how long ago that
	// was; zero for nobody.
	LoadedAt   time.Time `json:"loaded_at,omitzero"`
	AgeSeconds float64   `json:"age_seconds"`
	// Demand is what the route asks for: "cached", "max_age", "refresh" or
	// "reload"; of several the strictest.
	Demand string `json:"demand"`
	// MaxAgeSeconds is the oldest copy that the route takes.
	MaxAgeSeconds float64 `json:"max_age_seconds"`
	// Token is what the request's token is to its session: "current", or
	// "in grace" for one that has been replaced; "" for nobody.
	Token string `json:"token,omitempty"`
	// Failure tells that the store or the database could not answer.
	Failure string `json:"failure,omitempty"`
	// Account is what the store holds now, which may be newer than what this
	// request has seen.
	Account AccountExplanation `json:"account"`
}

// An AccountExplanation tells what the store holds of a user.
type AccountExplanation struct {
	UserKey string    `json:"user_key,omitempty"`
	Now     time.Time `json:"now"` // the store's time
	// Cached tells whether a user is cached, and LoadedAt when they were read.
	Cached   bool      `json:"cached"`
	LoadedAt time.Time `json:"loaded_at,omitzero"`
	// ReadAgainAt is when a request to a route without demands of its own reads
	// the user anew at the latest; zero where the next one does.
	ReadAgainAt time.Time `json:"read_again_at,omitzero"`
	// Outdated tells that the cached user is served to nobody, because all
	// users have been said to have changed since.
	Outdated bool `json:"outdated"`
	// Writers are changes of the user that were announced and are not concluded:
	// each holds readers off the cache until then at the latest. AllWriters are
	// those of changes of all users.
	Writers    []time.Time `json:"writers"`
	AllWriters []time.Time `json:"all_writers"`
	// RevokedBefore is the moment of the last Auth.RevokeAll, zero for none.
	RevokedBefore time.Time `json:"revoked_before,omitzero"`
	// Sessions are the user's live sessions, the oldest first.
	Sessions []SessionExplanation `json:"sessions"`
}

// A SessionExplanation tells what the store holds of a session.
type SessionExplanation struct {
	SessionInfo
	// Dormant tells that the session has been idle for too long, and lives only
	// because it is remembered.
	Dormant bool `json:"dormant"`
	// Marked tells that its next request is given a new token.
	Marked bool `json:"marked"`
	// SuccessorAt is when a new token was made that has yet to be used; zero
	// for none.
	SuccessorAt time.Time `json:"successor_at,omitzero"`
	// Grace is until when tokens that were replaced still work, and Retired how
	// many are remembered that work no more.
	Grace   []time.Time `json:"grace"`
	Retired int         `json:"retired"`
}

// ExplainRequest tells why the request sees the user that it sees.
func (a *Auth) ExplainRequest(c *gin.Context) (Explanation, error) {
	s := a.Of(c)
	if s == nil {
		return Explanation{}, ErrNoSessionMiddleware
	}
	return s.Explain(c)
}

// Explain tells why the request sees the user that it sees.
func (s *State) Explain(c *gin.Context) (Explanation, error) {
	s.mu.Lock()
	o, from, asked, failed := cache.Opened{Access: s.access, ReadAt: s.readAt}, s.origin, s.some().demand, s.some().failed
	s.mu.Unlock()
	var x Explanation
	if failed != nil {
		x.Failure = "the store or the database could not answer"
	}
	if asked == nil {
		asked = &demand{"cached", s.auth.Cache.Rules().UserAge()}
	}
	x.Demand, x.MaxAgeSeconds = asked.name, asked.maxAge.Seconds()
	if !o.Live() {
		if from = originNobody; failed != nil {
			from = originUnknown
		}
		x.Source, x.Summary = origins[from].name, origins[from].begins
		return x, nil
	}
	x.UserKey, x.LoadedAt, x.Token = o.UserKey(), o.ReadAt.Std(), "current"
	if o.InGrace() {
		x.Token = "in grace"
	}
	age := s.auth.Cache.Age(o.ReadAt)
	x.Source, x.AgeSeconds = origins[from].name, age.Seconds()
	err := s.spend(c, func(ctx context.Context) (err error) {
		x.Account, err = s.auth.explain(ctx, x.UserKey, o.Account(), o.Handle())
		return err
	})
	held := "What the store holds now is not known: it did not answer."
	if err == nil {
		held = x.Account.summary()
	}
	x.Summary = fmt.Sprintf("%s %v ago. %s %s", origins[from].begins, age.Round(time.Millisecond), asked.summary(), held)
	return x, err
}

// summary says what the route asks for.
func (d *demand) summary() string {
	switch {
	case d.name == "cached":
		return fmt.Sprintf("The route takes a cached copy of up to %v.", d.maxAge)
	case d.maxAge > 0:
		return fmt.Sprintf("The route wants one not older than %v.", d.maxAge)
	}
	return "The route reads the user at every request."
}

// Explain tells what the store holds of a user.
func (a *Auth) Explain(ctx context.Context, key string) (AccountExplanation, error) {
	ctx, cancel := background(ctx)
	defer cancel()
	return a.explain(ctx, key, a.Cache.Account(a.tenant(ctx), key), cache.Handle{})
}

func (a *Auth) explain(ctx context.Context, key string, id cache.AccountID, current cache.Handle) (AccountExplanation, error) {
	in, err := a.Cache.Inspect(ctx, id)
	if err != nil {
		return AccountExplanation{}, err
	}
	x := AccountExplanation{
		UserKey: key, Now: in.Now.Std(), Cached: in.Cached, LoadedAt: in.ReadAt.Std(), Outdated: in.Outdated,
		Writers: times(in.Writers), AllWriters: times(in.AllWriters), RevokedBefore: in.RevokedBefore.Std(),
		Sessions: make([]SessionExplanation, len(in.Sessions)),
	}
	if at := in.ReadAt.Add(a.Cache.Rules().UserAge()); in.Cached && !in.Outdated && at > in.Now {
		x.ReadAgainAt = at.Std()
	}
	for i := range in.Sessions {
		s := &in.Sessions[i]
		x.Sessions[i] = SessionExplanation{
			SessionInfo: sessionInfo(&s.Info, current), Dormant: s.Dormant, Marked: s.Marked,
			SuccessorAt: s.Successor.Std(), Grace: times(s.Grace), Retired: s.Retired,
		}
	}
	return x, nil
}

func times(in []cache.Time) []time.Time {
	out := make([]time.Time, len(in))
	for i, t := range in {
		out[i] = t.Std()
	}
	return out
}

// summary says what the next request will do.
func (x *AccountExplanation) summary() string {
	switch {
	case len(x.Writers)+len(x.AllWriters) > 0:
		return "A change of the user was announced and is not concluded: until it is, every request reads the database."
	case x.Outdated:
		return "All users were said to have changed since: the next request reads this one anew."
	case !x.Cached:
		return "No copy is cached now: the next request reads the user."
	case x.ReadAgainAt.IsZero():
		return "The copy has come of age: the next request reads the user."
	}
	return fmt.Sprintf("Unless a change is announced, the cached copy is served until %s.", x.ReadAgainAt.Format(time.RFC3339))
}

// ExplainHandler answers with the explanation of the request as JSON or, where
// the query parameter user names a user, with what the store holds of them. Only
// users for whom allow is true get an answer.
func ExplainHandler(which Which, allow func(user any) bool) gin.HandlerFunc {
	return with(which, func(c *gin.Context, s *State) error {
		if err := s.requireThat(allow); err != nil {
			return err
		}
		x, err := s.explained(c)
		if err == nil {
			c.IndentedJSON(http.StatusOK, x)
		}
		return err
	})
}

func (s *State) explained(c *gin.Context) (any, error) {
	if key := c.Query("user"); key != "" {
		return s.auth.Explain(c.Request.Context(), key)
	}
	return s.Explain(c)
}
