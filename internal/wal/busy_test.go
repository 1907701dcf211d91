package wal

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// A log is busy while entries are written, also by a disk that takes long, and a moment longer; its own first group and its seals do not count.
func TestALogIsBusyWhileEntriesCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		o := smallOptions(vfs.WithFaults(vfs.NewMem(), &vfs.Rule{Op: vfs.OpSync, Name: "*.wal", Times: -1, Delay: func() {
			if slow.Load() {
				time.Sleep(4 * busyFor)
			}
		}}))
		o.SealAfter = 3 * busyFor
		l := mustOpen(t, o, Start())
		defer mustClose(t, l)
		expect := func(when string, want bool) {
			t.Helper()
			if l.Busy() != want {
				t.Errorf("%s: busy is %v", when, !want)
			}
		}
		expect("new", false)
		for i := range 3 {
			commit(t, l, newFact(i, 100, 0))
			expect("behind an entry", true)
			time.Sleep(busyFor / 2)
			expect("soon after an entry", true)
		}
		slow.Store(true)
		late := newFact(3, 100, 0)
		mustPut(t, l, late)
		time.Sleep(3 * busyFor)
		expect("during a long sync", true)
		if err := <-late.told; err != nil {
			t.Fatal(err)
		}
		slow.Store(false)
		time.Sleep(2 * busyFor)
		expect("when none came", false)
		groups := l.Stats().Groups
		time.Sleep(o.SealAfter)
		synctest.Wait()
		if l.Stats().Groups == groups {
			t.Fatal("the log was not sealed: the test proves nothing")
		}
		expect("behind a seal", false)
	})
}
