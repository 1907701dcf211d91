package demo

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// A screen draws frames over each other on a terminal. Its size is asked for at each frame, so it follows a resize within a
// quarter of a second.
type screen struct {
	out   *os.File
	color bool
	last  size
}

// screenOn returns nil when w is not a terminal that can draw.
func screenOn(w io.Writer) *screen {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &screen{out: f, color: os.Getenv("NO_COLOR") == ""}
}

const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[2J" // the other screen, no cursor, empty
	leaveScreen = "\x1b[0m\x1b[?25h\x1b[?1049l"
	beginFrame  = "\x1b[?2026h\x1b[H" // in one go where the terminal can
	endFrame    = "\x1b[?2026l"
)

func (s *screen) enter() error {
	_, err := io.WriteString(s.out, enterScreen)
	return err
}

func (s *screen) leave() error {
	_, err := io.WriteString(s.out, leaveScreen)
	return err
}

func (s *screen) draw(st state) error {
	columns, rows, err := term.GetSize(int(s.out.Fd()))
	if err != nil || columns <= 0 || rows <= 0 {
		columns, rows = 80, 24
	}
	to := size{columns, rows}
	var b strings.Builder
	b.WriteString(beginFrame)
	if to != s.last {
		b.WriteString("\x1b[2J")
		s.last = to
	}
	for i, l := range render(st, to, s.color) {
		fmt.Fprintf(&b, "\x1b[%d;1H%s", i+1, l) // by place: the last column does not wrap
	}
	b.WriteString(endFrame)
	_, err = io.WriteString(s.out, b.String())
	return err
}
