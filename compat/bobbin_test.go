package compat

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a `bobbin serve` process.
type server struct {
	addr   string
	http   string // where /metrics is
	dir    string
	binary string
	args   []string
	cmd    *exec.Cmd
	done   chan error
}

// startBobbin builds the program and starts it on a new directory and a free port, with settings as Kafka names them. BOBBIN_BOOTSTRAP names one that runs already instead.
func startBobbin(t *testing.T, settings ...string) *server {
	t.Helper()
	if addr := os.Getenv("BOBBIN_BOOTSTRAP"); addr != "" {
		return &server{addr: addr}
	}
	dir := t.TempDir()
	s := &server{dir: filepath.Join(dir, "data"), binary: filepath.Join(dir, "bobbin")}
	build := exec.CommandContext(context.Background(), "go", "build", "-o", s.binary, "./cmd/bobbin")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	s.args = []string{"serve", "--data", s.dir, "--http", "127.0.0.1:0"}
	for _, kv := range settings {
		s.args = append(s.args, "-X", kv)
	}
	t.Cleanup(func() { s.stop(t) })
	if err := s.start(t, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts the program and waits until it is ready.
func (s *server) start(t *testing.T, listen string) error {
	cmd, done := exec.Command(s.binary, append(s.args, "--listen", listen)...), make(chan error, 1)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	for addr := ""; addr == ""; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the broker ended before it was ready: %w, %w", err, cmd.Wait())
		}
		if strings.HasPrefix(line, "ready") {
			for field := range strings.FieldsSeq(line) {
				if a, ok := strings.CutPrefix(field, "kafka="); ok {
					addr = a
				}
				if a, ok := strings.CutPrefix(field, "http="); ok {
					s.http = a
				}
			}
			s.addr = addr
		}
	}
	s.cmd, s.done = cmd, done
	go func() {
		io.Copy(io.Discard, lines)
		done <- cmd.Wait()
	}()
	return nil
}

// kill ends the broker with SIGKILL and starts it again where it was.
func (s *server) kill(t *testing.T) error {
	s.cmd.Process.Kill()
	<-s.done
	s.cmd = nil
	return s.start(t, s.addr)
}

// stop ends the broker as a user would, and wants it to end well. It may be called again.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		if err != nil {
			t.Errorf("the broker did not stop cleanly: %v", err)
		}
	case <-time.After(30 * time.Second):
		s.cmd.Process.Kill()
		t.Errorf("the broker did not stop within 30 s")
	}
	s.cmd = nil
}

// killEvery kills the broker again and again, as long as the test runs or until the function that it returns is called, which says how often it was.
func (s *server) killEvery(t *testing.T, every time.Duration) (end func() int) {
	quit, ended, kills := make(chan struct{}), make(chan struct{}), 0
	go func() {
		defer close(ended)
		for {
			select {
			case <-quit:
				return
			case <-time.After(every):
			}
			if err := s.kill(t); err != nil {
				t.Errorf("start after kill %d: %v", kills+1, err)
				return
			}
			kills++
		}
	}()
	return sync.OnceValue(func() int {
		close(quit)
		<-ended
		return kills
	})
}
