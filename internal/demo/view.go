package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// A view shows a run while it lasts. It belongs to one goroutine; summary is called when that has ended.
type view struct {
	o      Options
	p      *pipeline
	began  time.Time
	before int64
	writes meter
	reads  meter
	onDisk int64
	diskAt time.Time
}

const (
	frameEvery = 250 * time.Millisecond
	diskEvery  = time.Second
	lineFirst  = time.Second
	lineEvery  = 5 * time.Second
)

func newView(o Options, p *pipeline, before int64, began time.Time) *view {
	return &view{o: o, p: p, began: began, before: before, onDisk: -1}
}

// run shows the state until ctx ends, and leaves the terminal as it was.
func (v *view) run(ctx context.Context, ending <-chan struct{}) {
	if v.o.Live == nil {
		return
	}
	show, leave := v.plainLine, func() error { return nil }
	next := lineFirst
	screen := screenOn(v.o.Live)
	if screen != nil {
		next, show, leave = frameEvery, screen.draw, screen.leave
		if screen.enter() != nil {
			return
		}
	} else {
		v.opening()
	}
	defer func() { _ = leave() }() // nothing is left to be told it
	ticker := time.NewTicker(frameEvery)
	defer ticker.Stop()
	due := v.began.Add(next)
	if screen != nil {
		due = time.Now()
	}
	for {
		now := time.Now()
		st := v.state(now)
		select {
		case <-ending:
			st.ending = true
		default:
		}
		if !now.Before(due) {
			if show(st) != nil {
				return
			}
			if due = now; screen == nil {
				due = now.Add(lineEvery)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// state gathers the moment now. Rates are those between calls, which come at an even pace.
func (v *view) state(now time.Time) state {
	st := state{address: v.o.Address, durability: v.o.Durability, elapsed: now.Sub(v.began), before: v.before,
		written: uint64(v.p.producer.Stats().RowsAcked), cost: v.o.Sampler.Cost()}
	v.p.tracker.snapshot(now, &st)
	st.writeRate, st.readRate = v.writes.rate(now, st.written), v.reads.rate(now, st.read)
	if now.Sub(v.diskAt) >= diskEvery {
		v.measureDisk()
		v.diskAt = now
	}
	st.onDisk = v.onDisk
	for _, r := range v.p.readers {
		own := r.consumer.Stats()
		st.readers = append(st.readers, reader{name: r.name, partitions: own.Partitions, streams: own.Streams, killed: r.wasKilled()})
	}
	return st
}

// measureDisk keeps the last size when it cannot be told: a file may vanish while the directory is walked.
func (v *view) measureDisk() {
	if v.o.DiskBytes == nil {
		return
	}
	if n, err := v.o.DiskBytes(); err == nil {
		v.onDisk = n
	}
}

// opening says what runs, before the first plain line.
func (v *view) opening() {
	earlier := "a new topic: no packets from earlier runs"
	if v.before > 0 {
		earlier = fmt.Sprintf("continuing: %s packets from earlier runs", count(v.before))
	}
	_, _ = fmt.Fprintf(v.o.Live, "this computer's telemetry through topic %s at %s\n%s\n%s\n",
		Topic, v.o.Address, durabilityText(v.o.Durability), earlier) // the next line meets the same error
}

func (v *view) plainLine(st state) error {
	_, err := io.WriteString(v.o.Live, plainText(st))
	return err
}

// plainText is the one line that is written where there is no screen.
func plainText(st state) string {
	disk := ""
	if st.onDisk >= 0 {
		disk = "  disk " + bytesText(float64(st.onDisk))
	}
	busiest := ""
	if len(st.processes) > 0 {
		busiest = fmt.Sprintf("  busiest %s %s", st.processes[0].name, percent(st.processes[0].lately))
	}
	who := make([]string, 0, len(st.readers))
	for _, r := range st.readers {
		who = append(who, r.share())
	}
	again := ""
	if st.duplicated > 0 {
		again = "  read again " + count(st.duplicated)
	}
	return fmt.Sprintf("%5s  written %s (%.0f/s)  read %s  lost %s  out of order %s%s  p50 %s  p99 %s%s  reading %s  partitions %s%s\n",
		clock(st.elapsed), count(st.written), st.writeRate, count(st.read), count(st.skipped),
		count(st.outOfOrder), again, millis(st.latency.P50), millis(st.latency.P99), disk, percent(st.cost), strings.Join(who, "+"), busiest)
}

// share says how many partitions a reader has.
func (r reader) share() string {
	if r.killed {
		return "killed"
	}
	return fmt.Sprint(r.partitions)
}

// summary is the end of the run, when all that it started has ended.
func (v *view) summary(now time.Time) Summary {
	v.measureDisk()
	st := v.state(now)
	c := v.p.tracker.counts()
	return Summary{
		RowsWritten: st.written, RowsRead: c.read, RowsLost: lost(st.written, c), RowsOutOfOrder: c.outOfOrder,
		RowsDuplicated: c.duplicated, Streams: c.streams, Events: c.events, Readers: len(st.readers), ReaderKilled: v.o.KillOne,
		P50: inMillis(st.whole.P50), P99: inMillis(st.whole.P99), Max: inMillis(st.whole.Max),
		Seconds: now.Sub(v.began).Seconds(), BytesOnDisk: max(v.onDisk, 0), ReaderCPU: st.cost,
		Address: v.o.Address, Durability: v.o.Durability, Data: v.o.Data, Run: v.p.run,
		Resumed: v.before > 0, PacketsBefore: v.before,
	}
}
