package nodes

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// The lifetimes that clocknode sets.
const (
	idle       = 30 * time.Minute
	remembered = 20 * time.Hour
)

// The wall clock is read in one line of Go's package time. The copy with which
// clocknode is built asks wallNow in its place.
const (
	reads   = "sec, nsec, mono := runtimeNow()"
	sets    = "sec, nsec, mono := wallNow()"
	wallNow = `package time

import (
	"sync/atomic"
	_ "unsafe"
)

//go:linkname wallOffset
var wallOffset atomic.Int64

func wallNow() (sec int64, nsec int32, mono int64) {
	sec, nsec, mono = runtimeNow()
	t := sec*1e9 + int64(nsec) + wallOffset.Load()
	return t / 1e9, int32(t % 1e9), mono
}
`
)

// buildClockNode returns the program of a node whose wall clock can be set.
func buildClockNode(t testing.TB) string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		without(t, "there is no go command to build the node with: %v", err)
	}
	clock := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(clock)
	if err != nil || strings.Count(string(source), reads) != 1 {
		without(t, "%s does not read the wall clock as %q (%v): the test has to learn this version of Go", clock, reads, err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, "writing "+name, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		clock: write("time.go", strings.Replace(string(source), reads, sets, 1)),
		filepath.Join(filepath.Dir(clock), "wall.go"): write("wall.go", wallNow),
	}})
	must(t, "the overlay", err)
	program := filepath.Join(dir, "clocknode")
	build := exec.Command("go", "build", "-overlay", write("overlay.json", string(overlay)), "-o", program, "./clocknode")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building clocknode: %v\n%s", err, said)
	}
	return program
}

// A hall is where several clocks hang: nodes on one Redis and one table.
type hall struct {
	testing.TB
	server *server
	users  *table
	finds  atomic.Int64 // rows that were read
	nodes  []*clockNode
	late   time.Duration // how much later a node may know of what was changed on another
}

type clockNode struct {
	*process
	offset time.Duration
}

// newHall starts a node for each offset of a clock.
func newHall(t testing.TB, program string, strict bool, offsets ...time.Duration) *hall {
	t.Helper()
	h := &hall{TB: t, server: newServer(t), users: &table{rows: make(map[string]int)}, late: bound}
	rows := httptest.NewServer(http.HandlerFunc(h.row))
	t.Cleanup(rows.Close)
	env := append(os.Environ(), "POWGIN_NODES_REDIS="+h.server.addr, "POWGIN_NODES_TABLE="+rows.URL)
	if strict {
		h.late = 0
		env = append(env, "POWGIN_NODES_STRICT=1")
	}
	for _, offset := range offsets {
		cmd := exec.Command(program)
		cmd.Env = append(slices.Clip(env), "POWGIN_NODES_OFFSET="+offset.String())
		p, err := newProcess(cmd)
		must(t, "starting a node", err)
		t.Cleanup(p.kill)
		h.nodes = append(h.nodes, &clockNode{p, offset})
	}
	return h
}

// row answers a node that asks for a user.
func (h *hall) row(w http.ResponseWriter, r *http.Request) {
	h.finds.Add(1)
	u, found, _ := h.users.Find(r.Context(), strings.TrimPrefix(r.URL.Path, "/"))
	if !found {
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(u)
}

// A told is what clocknode answers, with the cookie that it sets.
type told struct {
	Wall    time.Time
	User    User
	Session powgin.SessionInfo
	Age     time.Duration

	status int
	cookie *http.Cookie
}

// ask sends one request to a node, which has to know what time its clock shows.
func (h *hall) ask(n *clockNode, method, path, token string) (a told) {
	h.Helper()
	answer, body, err := n.do(h, method, path, token) //nolint:bodyclose // do has read and closed it
	must(h, method+" "+path, err)
	a.status, a.cookie = answer.StatusCode, sent(answer)
	if a.status == http.StatusOK {
		must(h, method+" "+path, json.Unmarshal(body, &a))
		if off := a.Wall.Sub(time.Now().Add(n.offset)); off.Abs() > 10*time.Minute {
			h.Fatalf("the clock of a node that should be off by %v is off by %v more", n.offset, off)
		}
	}
	return a
}

// jump sets the clock of a node.
func (h *hall) jump(n *clockNode, offset time.Duration) {
	h.Helper()
	n.offset = offset
	if a := h.ask(n, http.MethodPost, "/clock/"+offset.String(), ""); a.status != http.StatusOK {
		h.Fatalf("POST /clock/%v = %d; want 200", offset, a.status)
	}
}

// now is the time of Redis, by which everything goes.
func (h *hall) now() time.Time {
	h.Helper()
	said, err := h.server.say("TIME")
	lines := strings.Split(said, "\r\n") // *2, $10, seconds, $6, microseconds
	if err != nil || len(lines) < 5 {
		h.Fatalf("TIME: %q, %v", said, err)
	}
	s, _ := strconv.ParseInt(lines[2], 10, 64)
	us, _ := strconv.ParseInt(lines[4], 10, 64)
	return time.Unix(s, us*1000)
}

// lives returns for how long Redis keeps accounts, at the longest.
func (h *hall) lives() (longest time.Duration) {
	h.Helper()
	said, err := h.server.say("KEYS *")
	must(h, "KEYS", err)
	for key := range strings.SplitSeq(said, "\r\n") {
		if !strings.HasPrefix(key, "{") || strings.HasSuffix(key, ":epoch") {
			continue
		}
		said, err := h.server.say("PTTL " + key)
		must(h, "PTTL", err)
		left, _, _ := strings.Cut(strings.TrimPrefix(said, ":"), "\r\n")
		ms, err := strconv.ParseInt(left, 10, 64)
		if err != nil || ms <= 0 {
			h.Errorf("PTTL of an account = %q; want it to end", left)
		}
		longest = max(longest, time.Duration(ms)*time.Millisecond)
	}
	return longest
}
