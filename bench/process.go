package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	readyLimit = 90 * time.Second // from exec to accepting connections
	stopLimit  = 60 * time.Second // from SIGTERM to the end
	keepOutput = 64 << 10         // bytes of a process's output that are kept
)

// process is a server that this program started, with its children in a process group of its own.
type process struct {
	name    string
	addr    string
	started time.Time
	cmd     *exec.Cmd
	out     output
	done    chan struct{} // closed when it has ended
}

// start runs a command in dir. The caller ends it with stop or kill.
func start(name, addr, dir string, env []string, argv ...string) (*process, error) {
	p := &process{name: name, addr: addr, cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, env
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // a killed process's status says nothing new
	}()
	return p, nil
}

// startReady is start, and waits until the process accepts connections.
func startReady(ctx context.Context, name, addr, dir string, env []string, argv ...string) (*process, error) {
	p, err := start(name, addr, dir, env, argv...)
	if err != nil {
		return nil, err
	}
	if err := p.awaitListening(ctx); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// awaitListening waits until the process accepts connections.
func (p *process) awaitListening(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", p.addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("start %s: it ended before it listened on %s; its output ends in:\n%s", p.name, p.addr, p.out.String())
		default:
		}
		if cause := pause(ctx, time.Millisecond); cause != nil {
			return fmt.Errorf("wait for %s on %s: %w (%w); its output ends in:\n%s", p.name, p.addr, cause, err, p.out.String())
		}
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends the process and its children at once, and waits for its end.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// stop asks the process to end, and kills it when it takes too long.
func (p *process) stop() {
	p.signal(syscall.SIGTERM)
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.kill()
	}
}

// signal reaches the process's group, unless the process has ended: its number may then be another's.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = syscall.Kill(-p.pid(), s)
	}
}

// run executes a command to its end in dir, with its children in a group that is killed when ctx ends.
func run(ctx context.Context, dir string, argv ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Run(); err != nil {
		return "", "", fmt.Errorf("run %s: %w: %s", strings.Join(argv, " "), errors.Join(err, context.Cause(ctx)), strings.TrimSpace(errs.String()))
	}
	return out.String(), errs.String(), nil
}

// output keeps the end of what a process writes.
type output struct {
	mu   sync.Mutex
	kept []byte
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept = append(o.kept, b...)
	if over := len(o.kept) - keepOutput; over > 0 {
		o.kept = append(o.kept[:0], o.kept[over:]...)
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.kept)
}

// The ports that servers are given lie below those that the system gives to clients (32768 to 60999 on Linux): a port from
// there may be a connection's own between two starts of a server, and a client that tries again and again may meet itself on it.
const (
	lowestPort  = 20_000
	highestPort = 32_000
)

// freeAddress returns an address on this machine on which nobody listens now.
func freeAddress() (string, error) {
	for range 1000 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if portFree(port) {
			return fmt.Sprintf("127.0.0.1:%d", port), nil
		}
	}
	return "", fmt.Errorf("find a free port between %d and %d: all that were tried are in use", lowestPort, highestPort)
}

func portFree(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
