package compat

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// server is a `bobbin serve` process.
type server struct {
	addr string
	dir  string
	cmd  *exec.Cmd
	done chan error
}

// startBobbin builds the program and starts it on a new directory and a free port, with settings as Kafka names them. BOBBIN_BOOTSTRAP names one that runs already instead.
func startBobbin(t *testing.T, settings ...string) *server {
	t.Helper()
	if addr := os.Getenv("BOBBIN_BOOTSTRAP"); addr != "" {
		return &server{addr: addr}
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "bobbin")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "./cmd/bobbin")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	s := &server{dir: filepath.Join(dir, "data"), done: make(chan error, 1)}
	args := []string{"serve", "--data", s.dir, "--listen", "127.0.0.1:0"}
	for _, kv := range settings {
		args = append(args, "-X", kv)
	}
	s.cmd = exec.Command(binary, args...)
	s.cmd.Stderr = t.Output()
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(t) })
	lines := bufio.NewReader(out)
	for s.addr == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the broker ended before it was ready: %v", err)
		}
		if strings.HasPrefix(line, "ready") {
			for field := range strings.FieldsSeq(line) {
				if addr, ok := strings.CutPrefix(field, "kafka="); ok {
					s.addr = addr
				}
			}
		}
	}
	go func() {
		io.Copy(io.Discard, lines)
		s.done <- s.cmd.Wait()
	}()
	return s
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
