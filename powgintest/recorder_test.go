package powgintest_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// A recorder is a test that notes its failures in place of failing.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	said   []string // guarded by mu
	failed bool     // guarded by mu
	fatal  bool     // guarded by mu
}

// record runs f as a test of its own and returns what it said.
func record(t testing.TB, f func(t testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func (r *recorder) Helper() {}

func (r *recorder) say(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, text)
	r.failed = true
}

func (r *recorder) Errorf(format string, args ...any) { r.say(fmt.Sprintf(format, args...)) }
func (r *recorder) Error(args ...any)                 { r.say(fmt.Sprint(args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.say(fmt.Sprintf(format, args...))
	r.FailNow()
}

func (r *recorder) Fatal(args ...any) {
	r.say(fmt.Sprint(args...))
	r.FailNow()
}

func (r *recorder) FailNow() {
	r.mu.Lock()
	r.failed, r.fatal = true, true
	r.mu.Unlock()
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// text returns all failures, a line each.
func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.said, "\n")
}

// wantFatal fails the test unless f ends its own with a message that holds
// every part.
func wantFatal(t *testing.T, f func(t testing.TB), parts ...string) {
	t.Helper()
	r := record(t, f)
	if !r.fatal {
		t.Fatalf("the test goes on, having said %q; want it ended", r.text())
	}
	for _, part := range parts {
		if !strings.Contains(r.text(), part) {
			t.Errorf("the test ended with %q; want a message that says %q", r.text(), part)
		}
	}
}
