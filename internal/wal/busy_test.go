package wal

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// A log is busy while entries are written and a moment longer; its own first group and its seals do not count.
func TestALogIsBusyWhileEntriesCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := smallOptions(vfs.NewMem())
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
		time.Sleep(busyFor)
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
