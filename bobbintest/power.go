package bobbintest

import (
	"context"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/broker"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// stopTime is how long a clean stop waits for requests that have arrived.
const stopTime = 10 * time.Second

// PowerCut turns the computer off: what was not synced is gone, connections break, and the broker is down until Restart. Nothing is acknowledged from
// that moment on.
func (b *Broker) PowerCut(t testing.TB) {
	t.Helper()
	b.crash(vfs.KeepNone)
}

// Kill ends the broker's process as SIGKILL does: what was written to the file system stays there, connections break, and the broker is down until
// Restart. A PowerCut behind it still takes what was not synced.
func (b *Broker) Kill(t testing.TB) {
	t.Helper()
	b.crash(vfs.KeepAll)
}

// crash leaves of the disk what is to be kept and of the broker nothing.
func (b *Broker) crash(keep vfs.Keep) {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	b.mu.Lock()
	l := b.life
	b.life = nil
	if l != nil {
		l.quiet.Store(true)
	}
	b.disk = b.disk.PowerOff(vfs.Crash{Keep: keep})
	b.mu.Unlock()
	b.jam.end()
	if l != nil {
		_ = l.Close() // it has lost its disk, and says so
	}
}

// Stop stops the broker as a signal to a process does: requests that have arrived are answered. It is down until Restart.
func (b *Broker) Stop(t testing.TB) {
	t.Helper()
	err := b.end(func(br *broker.Broker) error {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		return br.Shutdown(ctx)
	})
	if err != nil {
		t.Errorf("bobbintest: the broker did not stop well: %v", err)
	}
}

// Restart starts the broker again, with the recovery of production, after PowerCut, Kill or Stop. One that runs is stopped before. It serves when
// Restart returns.
func (b *Broker) Restart(t testing.TB) {
	t.Helper()
	b.Stop(t)
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	b.start(t)
}
