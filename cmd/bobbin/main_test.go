package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// endAtOnce is what GORACE is for programs that tests run: otherwise each that was built for the race detector waits for a second at its end.
const endAtOnce = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bobbin": main})
}

// TestScripts runs the real program as users do. Besides the commands of testscript there are
//
//	ready DIR         waits until the broker on DIR says that it serves; sets $KAFKA, $HTTP and $PID
//	terminate         sends SIGTERM to the broker that was ready last
//	exits CODE ARG…   runs a program that must end with that code
//	flip FILE N       turns the bits of a file's N-th byte around
//	get ADDR/PATH     asks an HTTP server; prints the status and the body
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", endAtOnce)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready": cmdReady, "terminate": cmdTerminate, "exits": cmdExits, "get": cmdGet, "flip": cmdFlip,
		},
	})
}

var addressLine = regexp.MustCompile(`^ready kafka=(\S+)(?: http=(\S+))? pid=(\d+) cluster=\S+\n$`)

func cmdReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready DIR")
	}
	file := filepath.Join(ts.MkAbs(args[0]), "address")
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		b, err := os.ReadFile(file)
		if err == nil {
			m := addressLine.FindSubmatch(b)
			if m == nil {
				ts.Fatalf("%s holds %q", file, b)
			}
			ts.Setenv("KAFKA", string(m[1]))
			ts.Setenv("HTTP", string(m[2]))
			ts.Setenv("PID", string(m[3]))
			ts.Setenv("BOBBIN_BOOTSTRAP_SERVERS", string(m[1]))
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the broker is not ready after 30 s: %v", err)
		}
	}
}

func cmdTerminate(ts *testscript.TestScript, _ bool, _ []string) {
	pid, err := strconv.Atoi(ts.Getenv("PID"))
	ts.Check(err)
	p, err := os.FindProcess(pid)
	ts.Check(err)
	ts.Check(p.Signal(syscall.SIGTERM))
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		ee, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = ee.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s ended with code %d, not %d", strings.Join(args[1:], " "), got, want)
	}
}

func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	name := ts.MkAbs(args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	if n < 0 || n >= len(b) {
		ts.Fatalf("%s has %d bytes", name, len(b))
	}
	b[n] ^= 0xff
	ts.Check(os.WriteFile(name, b, 0o644))
}

// run runs the program in this process and returns its exit code and what it wrote.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &err, env: func(string) string { return "" }}
	code = a.run(t.Context(), args)
	return code, out.String(), err.String()
}
