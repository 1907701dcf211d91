package demo

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a terminal of that size, or skips where the system gives none.
func openTerminal(t *testing.T, to size) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = user.Close() })
	n, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	ws := &unix.Winsize{Col: uint16(to.columns), Row: uint16(to.rows)}
	if err := unix.IoctlSetWinsize(int(user.Fd()), unix.TIOCSWINSZ, ws); err != nil {
		t.Fatal(err)
	}
	return user, program
}

func TestOnATerminalTheScreenIsDrawnInPlaceAndLeftAsItWas(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	t.Setenv("TERM", "xterm")
	user, program := openTerminal(t, size{80, 24})
	var drawn bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(&drawn, user) }) // ends with an error when the program's end is closed

	sum, err := runOn(t, aBroker(t), 1000, func(o *Options) { o.For, o.Live = 1200*time.Millisecond, program })
	if err != nil || !sum.Intact() {
		t.Fatalf("summary %+v, error %v", sum, err)
	}
	if err := program.Close(); err != nil {
		t.Fatal(err)
	}
	reading.Wait()

	got := drawn.String()
	if !strings.HasPrefix(got, enterScreen) || !strings.HasSuffix(got, leaveScreen) {
		t.Errorf("the terminal is not entered first and left last: %q … %q", got[:min(40, len(got))], got[max(0, len(got)-40):])
	}
	if n := strings.Count(got, beginFrame); n < 2 {
		t.Errorf("%d frames in 1.2 s", n)
	}
	if !strings.Contains(got, "postgres") || !strings.Contains(got, "\x1b[24;1H Ctrl-C") {
		t.Errorf("no process or no last line in %q", got)
	}
	for _, colour := range []string{"\x1b[2m", "\x1b[7m", "\x1b[36m"} {
		if strings.Contains(got, colour) {
			t.Errorf("%q in spite of NO_COLOR", colour)
		}
	}
}
