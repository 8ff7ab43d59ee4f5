package nodes

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"
)

// A process is a node that is one. It says its address, and ends when its
// standard input does, so that none is left behind where the tests are killed.
type process struct {
	cmd     *exec.Cmd
	leash   io.Closer
	addr    string
	begun   time.Time // before it was started
	carrier *http.Transport
	busy    atomic.Int32 // requests under way
}

// newProcess starts one, and returns when it answers.
func newProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, begun: time.Now(), carrier: &http.Transport{MaxIdleConnsPerHost: 16}}
	var err error
	if p.leash, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := fmt.Fscan(said, &p.addr); err != nil {
		p.kill()
		return nil, fmt.Errorf("it does not say its address: %w", err)
	}
	return p, nil
}

// kill ends it with SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.leash.Close()
	p.carrier.CloseIdleConnections()
}

// do sends a request with this token, "" for none. An error means that it is not
// known what has become of it.
func (p *process) do(t testing.TB, method, path, token string) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.addr+path, nil)
	must(t, "the request", err)
	if token != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: token})
	}
	p.busy.Add(1)
	defer p.busy.Add(-1)
	answer, err := p.carrier.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, body, err
}

// sent returns the cookie that an answer sets, nil for none.
func sent(answer *http.Response) *http.Cookie {
	for _, c := range answer.Cookies() {
		if c.Name == cookieName {
			return c
		}
	}
	return nil
}
