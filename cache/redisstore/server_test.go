package redisstore_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// A server is a redis-server that a test has started for itself.
type server struct {
	testing.TB
	addr, dir string
	args      []string

	mu      sync.Mutex
	process *process // guarded by mu; nil while it is down
}

// A process is a program that a test has started. It does not outlive the test,
// whatever ends that.
type process struct {
	shell *exec.Cmd
	stdin io.Closer
	pid   string
}

// startProcess starts a program under a shell, which kills it once nobody holds
// the other end of the shell's input any more.
func startProcess(path string, args ...string) (*process, error) {
	const script = `"$@" </dev/null >/dev/null 2>&1 & echo $!; read -r line; kill -9 $!; wait`
	shell := exec.Command("sh", append([]string{"-c", script, "sh", path}, args...)...)
	stdin, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := shell.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, err
	}
	pid, err := bufio.NewReader(stdout).ReadString('\n')
	return &process{shell, stdin, strings.TrimSpace(pid)}, err
}

func (p *process) kill() {
	_ = p.signal("KILL")
	_ = p.stdin.Close()
	_ = p.shell.Wait()
}

func (p *process) signal(name string) error { return exec.Command("kill", "-"+name, p.pid).Run() }

// program returns where a program is, and ends the test where it is nowhere.
func program(t testing.TB, name string) string {
	t.Helper()
	for _, candidate := range []string{name, strings.Replace(name, "redis", "valkey", 1)} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	without(t, "there is no %s on this machine", name)
	return ""
}

// without ends a test that has no server: it is skipped, but in CI.
func without(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// newServer starts a server that keeps nothing on disk, until the test ends.
func newServer(t testing.TB, args ...string) *server {
	t.Helper()
	program(t, "redis-server")
	for range 5 {
		s := &server{TB: t, addr: freeAddress(t), dir: t.TempDir(), args: args}
		if s.try() == nil {
			t.Cleanup(s.kill)
			return s
		}
	}
	t.Fatal("redis-server did not start on any of 5 ports")
	return nil
}

// freeAddress returns an address that nobody listens on. Its port is low enough
// for that of the cluster's bus beside it.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		var config net.ListenConfig
		l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("listening on a free port: %v", err)
		}
		addr := l.Addr().(*net.TCPAddr)
		_ = l.Close()
		if addr.Port < 55000 {
			return addr.String()
		}
	}
	t.Fatal("no free port below 55000 in 100 attempts")
	return ""
}

func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.addr)
	return port
}

// try starts the process and waits until it answers.
func (s *server) try() error {
	args := append([]string{
		"--port", s.port(), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "no",
		"--logfile", filepath.Join(s.dir, "redis.log"), "--loglevel", "warning", "--enable-debug-command", "yes",
	}, s.args...)
	process, err := startProcess(program(s, "redis-server"), args...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.process = process
	s.mu.Unlock()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if said, err := s.say("PING"); err == nil && (strings.HasPrefix(said, "+PONG") || strings.HasPrefix(said, "-NOAUTH")) {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.kill()
	return fmt.Errorf("no answer at %s", s.addr)
}

// say sends one inline command and returns the beginning of the answer.
func (s *server) say(command string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		return "", err
	}
	var b [4096]byte
	n, err := conn.Read(b[:])
	return string(b[:n]), err
}

// must is say, of a command that is to be obeyed.
func (s *server) must(command string) string {
	s.Helper()
	said, err := s.say(command)
	if err != nil || strings.HasPrefix(said, "-") {
		s.Fatalf("%s = %.200q, %v; want no error", command, said, err)
	}
	return said
}

// kill ends the server at once, with all that it holds.
func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.kill()
		s.process = nil
	}
}

// start starts a server that was killed.
func (s *server) start() {
	s.Helper()
	if err := s.try(); err != nil {
		s.Fatalf("starting the server again: %v", err)
	}
}

// pause has the server hang until resume.
func (s *server) pause()  { s.signal("STOP") }
func (s *server) resume() { s.signal("CONT") }

func (s *server) signal(name string) {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.process.signal(name); err != nil {
		s.Fatalf("kill -%s: %v", name, err)
	}
}

// client returns a client of the server, which is closed with the test.
func (s *server) client() rueidis.Client { return newClient(s.TB, s.addr) }

func newClient(t testing.TB, addrs ...string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: addrs, Dialer: net.Dialer{Timeout: time.Second}})
	if err != nil {
		t.Fatalf("NewClient = %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// shared returns the address of a server that tests may share.
func shared(t testing.TB) string {
	t.Helper()
	addr := os.Getenv("POWGIN_TEST_REDIS")
	if addr == "" {
		addr = "127.0.0.1:6379"
	}
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		without(t, "no server answers (POWGIN_TEST_REDIS names another one): %v", err)
	}
	_ = conn.Close()
	return addr
}

// newCluster starts a Cluster of three primaries, and returns them.
func newCluster(t testing.TB) []*server {
	t.Helper()
	var nodes []*server
	var addrs []string
	for range 3 {
		s := newServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-config-file", "nodes.conf")
		nodes, addrs = append(nodes, s), append(addrs, s.addr)
	}
	cli(t, append(append([]string{"--cluster", "create"}, addrs...), "--cluster-yes")...)
	for _, s := range nodes {
		eventually(t, "every node knows the Cluster", func() bool {
			said, _ := s.say("CLUSTER INFO")
			return strings.Contains(said, "cluster_state:ok") && strings.Contains(said, "cluster_known_nodes:3")
		})
	}
	return nodes
}

// cli runs redis-cli.
func cli(t testing.TB, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program(t, "redis-cli"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %s = %v\n%s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return string(out)
}

// eventually waits for what another process is about to do.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !f(); {
		if time.Now().After(deadline) {
			t.Fatalf("after 30 seconds it is still not so that %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
