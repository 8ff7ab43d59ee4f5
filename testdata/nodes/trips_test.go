package nodes

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"github.com/powgin/powgin/cache/redisstore"
)

// TestRepeatedRequestsAskNobody holds that with a local tier a request whose
// answer a node has given before sends nothing to the server, and that without one
// each does.
func TestRepeatedRequestsAskNobody(t *testing.T) {
	t.Parallel()
	const requests = 100
	for _, tt := range []struct {
		name string
		opts []redisstore.Option
		asks bool
	}{
		{"redis strict", []redisstore.Option{redisstore.Strict()}, true},
		{"redis local", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			open := openRedis(t, server.addr, tt.opts...)
			s := newSite(t, open(), open())
			s.users.add("alice")
			c := s.client(s.nodes[0], "alice")
			// A sign of life that is late has the tier ask once more: in one of
			// these rounds there is none.
			least := -1
			for range 10 {
				before := server.commands()
				for i := range requests {
					c.wantMe(s.nodes[i%2], http.StatusOK, 0, "after a sign-in")
				}
				if n := server.commands() - before; least < 0 || n < least {
					least = n
				}
			}
			t.Logf("%d requests cost %d commands", requests, least)
			if tt.asks != (least >= requests) || !tt.asks && least > 0 {
				t.Errorf("%d repeated requests cost %d commands; asked each time: %v", requests, least, tt.asks)
			}
		})
	}
}

var (
	callsOf = regexp.MustCompile(`(?m)^cmdstat_([^:]+):calls=(\d+)`)
	// Signs of life, and what a connection begins and ends with.
	besides = regexp.MustCompile(`^(time|ping|info|quit|hello|command|client)\b`)
)

// commands returns how many commands for records the server has been sent.
func (s *server) commands() (n int) {
	s.Helper()
	said, err := s.say("INFO commandstats")
	must(s, "INFO commandstats", err)
	for _, m := range callsOf.FindAllStringSubmatch(said, -1) {
		if !besides.MatchString(m[1]) {
			calls, _ := strconv.Atoi(m[2])
			n += calls
		}
	}
	return n
}
