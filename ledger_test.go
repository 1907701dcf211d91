package bobbin

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever the order in which packets are finished, everything before the position is done, and the packet at it is not.
func TestLedgerPositionNeverPassesWhatIsNotDone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger(-1)
		type packet struct {
			offset, number int64
			done           bool
		}
		var all []packet
		next, last := int64(rapid.IntRange(0, 50).Draw(t, "first")), int64(-1)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				next += int64(rapid.IntRange(0, 2).Draw(t, "gap")) // compacted away
				all = append(all, packet{offset: next, number: l.add(next)})
				next++
			case 2:
				next += int64(rapid.IntRange(0, 3).Draw(t, "control")) // markers of transactions
				l.passed(next)
			default:
				if len(all) > 0 {
					i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
					all[i].done = true
					l.finish(all[i].number)
				}
			}
			at := l.position()
			if at < last {
				t.Fatalf("position went back from %d to %d", last, at)
			}
			last = at
			want, none := next, true
			for _, p := range all {
				if !p.done {
					want, none = p.offset, false
					break
				}
			}
			if none && len(all) == 0 && at == -1 {
				continue // nothing came yet
			}
			if at != want {
				t.Fatalf("position %d, the model has %d", at, want)
			}
		}
	})
}
