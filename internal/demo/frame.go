package demo

import (
	"fmt"
	"strings"
)

// A size is a terminal's, in cells.
type size struct{ columns, rows int }

// The least a frame is laid out for; a smaller terminal shows its upper left part.
const (
	minColumns = 60
	minRows    = 12
)

// A frame is being laid out: lines of exactly the terminal's width.
type frame struct {
	size
	color bool
	lines []string
}

// render lays out a state: as many lines as the terminal has rows, none wider than its columns. color adds colours, nothing
// else.
func render(st state, to size, color bool) []string {
	f := &frame{size: size{max(to.columns, minColumns), max(to.rows, minRows)}, color: color}
	f.header(st)
	f.figures(st)
	f.machine(st)
	f.processes(st)
	f.footer(st)
	if to.columns >= f.columns && to.rows >= f.rows {
		return f.lines
	}
	for i, l := range f.lines {
		f.lines[i] = cut(l, to.columns)
	}
	return f.lines[:min(len(f.lines), max(to.rows, 0))]
}

// A style is what a piece of text looks like; the plain one changes nothing.
type style string

const (
	plain  style = ""
	strong style = "1"
	faint  style = "2"
	bar    style = "7"
	good   style = "32"
	bad    style = "1;31"
	lively style = "36"
)

// A piece is text of one look.
type piece struct {
	text string
	look style
}

// row adds a line of pieces, cut or filled to the width, unless only the footer's line is left.
func (f *frame) row(pieces ...piece) {
	if f.room() > 0 {
		f.lines = append(f.lines, f.compose(pieces))
	}
}

func (f *frame) compose(pieces []piece) string {
	var b strings.Builder
	left := f.columns
	for _, p := range pieces {
		if left == 0 {
			break
		}
		t := p.text
		if width(t) > left {
			t = cut(t, left)
		}
		left -= width(t)
		if p.look == plain || !f.color {
			b.WriteString(t)
		} else {
			fmt.Fprintf(&b, "\x1b[%sm%s\x1b[0m", p.look, t)
		}
	}
	b.WriteString(strings.Repeat(" ", left))
	return b.String()
}

func (f *frame) blank() { f.row() }

// room is how many lines are left above the footer.
func (f *frame) room() int { return f.rows - len(f.lines) - 1 }
