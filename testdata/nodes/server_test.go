package nodes

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A server is a redis-server that a test has started for itself. It keeps
// nothing on disk.
type server struct {
	testing.TB
	addr, dir string
	process   *exec.Cmd // the shell that keeps it; nil while it is down
	leash     io.Closer // the server ends when this is closed
	pid       int       // the server's
}

// keeper runs a server for as long as its own standard input is open, so that
// none is left behind where the tests are killed.
const keeper = `"$@" </dev/null >/dev/null 2>&1 & echo $!; read -r line; kill -9 $!; wait`

// newServer starts a server, which is stopped after the test.
func newServer(t testing.TB) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		without(t, "there is no redis-server on this machine: %v", err)
	}
	for range 5 {
		s := &server{TB: t, addr: freeAddress(t), dir: t.TempDir()}
		if s.try() == nil {
			t.Cleanup(s.kill)
			return s
		}
	}
	t.Fatal("redis-server did not start on any of 5 ports")
	return nil
}

func freeAddress(t testing.TB) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, "listening on a free port", err)
	_ = l.Close()
	return l.Addr().String()
}

// try starts the process and waits until it answers.
func (s *server) try() error {
	_, port, _ := net.SplitHostPort(s.addr)
	s.process = exec.Command("sh", "-c", keeper, "sh", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--logfile", filepath.Join(s.dir, "redis.log"))
	var err error
	if s.leash, err = s.process.StdinPipe(); err != nil {
		return err
	}
	said, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	if _, err := fmt.Fscan(said, &s.pid); err != nil {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if said, err := s.say("PING"); err == nil && strings.HasPrefix(said, "+PONG") {
			return nil
		}
	}
	s.kill()
	return fmt.Errorf("no answer at %s", s.addr)
}

// say sends one command over a connection of its own, and returns all that is
// answered.
func (s *server) say(command string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte(command + "\r\nQUIT\r\n")); err != nil {
		return "", err
	}
	all, err := io.ReadAll(conn)
	return string(all), err
}

// kill ends the server at once, with all that it holds.
func (s *server) kill() {
	if s.process != nil {
		_ = s.leash.Close()
		_ = s.process.Wait()
		s.process = nil
	}
}

// start starts a server that was killed.
func (s *server) start() {
	s.Helper()
	must(s, "starting the server again", s.try())
}

// pause has the server hang until resume.
func (s *server) pause()  { s.signal(syscall.SIGSTOP) }
func (s *server) resume() { s.signal(syscall.SIGCONT) }

func (s *server) signal(sig syscall.Signal) {
	s.Helper()
	must(s, "signalling the server", syscall.Kill(s.pid, sig))
}
