package main

import (
	"fmt"
	"io"
	"time"
)

// meter says on standard error how far something is that takes long: on a terminal in one line that changes, elsewhere in a line every ten seconds. What is over within a second says
// nothing.
type meter struct {
	w        io.Writer
	terminal bool
	began    time.Time
	last     time.Time
	shown    int // width of the line that stands on the terminal
}

func (a *app) progress() *meter {
	now := time.Now()
	return &meter{w: a.stderr, terminal: isTerminal(a.stderr), began: now, last: now}
}

// show says what text gives, when it is time to.
func (p *meter) show(text func(elapsed time.Duration) string) {
	now := time.Now()
	elapsed := now.Sub(p.began)
	switch {
	case p.terminal && elapsed >= time.Second && now.Sub(p.last) >= 200*time.Millisecond:
		s := text(elapsed)
		fmt.Fprintf(p.w, "\r%-*s", p.shown, s)
		p.shown = len(s)
	case !p.terminal && now.Sub(p.last) >= 10*time.Second:
		fmt.Fprintln(p.w, text(elapsed))
	default:
		return
	}
	p.last = now
}

// end clears the line.
func (p *meter) end() {
	if p.shown > 0 {
		fmt.Fprintf(p.w, "\r%*s\r", p.shown, "")
		p.shown = 0
	}
}

// left says how long it takes to do the rest of the work at the speed until now.
func left(elapsed time.Duration, done, total int64) string {
	if done <= 0 || total <= 0 {
		return "?"
	}
	return (time.Duration(float64(elapsed) / float64(done) * float64(max(total-done, 0)))).Round(time.Second).String()
}

// perSecond is a rate.
func perSecond(n int64, elapsed time.Duration) string {
	return fmt.Sprintf("%.0f/s", float64(n)/max(elapsed.Seconds(), 1e-9))
}
