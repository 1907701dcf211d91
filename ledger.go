package bobbin

// ledger keeps which packets of one partition are done, and so up to where it may be committed: not past the first that is not. It is not safe for concurrent use.
type ledger struct {
	next    int64 // offset behind the last packet that came
	entries []entry
	base    int64 // number of entries[0]
	done    int64 // how many became done, ever
}

type entry struct {
	offset int64
	done   bool
}

// newLedger begins at the offset from which a partition is read.
func newLedger(from int64) *ledger { return &ledger{next: from} }

// add takes note of a packet and returns its number.
func (l *ledger) add(offset int64) int64 {
	l.entries = append(l.entries, entry{offset: offset})
	l.next = offset + 1
	return l.following() - 1
}

// following is the number of the packet that comes next.
func (l *ledger) following() int64 { return l.base + int64(len(l.entries)) }

// passed says that everything before an offset has come, also what is no packet.
func (l *ledger) passed(next int64) { l.next = max(l.next, next) }

// finish says that a packet is done.
func (l *ledger) finish(number int64) {
	if i := number - l.base; i >= 0 && !l.entries[i].done {
		l.entries[i].done = true
		l.done++
	}
	n := 0
	for n < len(l.entries) && l.entries[n].done {
		n++
	}
	l.base += int64(n)
	l.entries = l.entries[n:]
	if len(l.entries) == 0 {
		l.entries = nil
	}
}

// position is the offset that may be committed: everything before it is done.
func (l *ledger) position() int64 {
	if len(l.entries) > 0 {
		return l.entries[0].offset
	}
	return l.next
}
