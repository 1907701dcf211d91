package group

import "container/heap"

// timer calls for a group at a time. Its zero at is no time: it is in the heap or not, which pos says.
type timer struct {
	kind   kind
	group  *group
	member *member // of a session
	id     string  // of a pending member

	initial     bool  // of a join timer: it is the delay of the first rebalance
	delay, left int64 // of that delay: how long it is, and how much longer it may become

	at  int64  // milliseconds since 1970
	seq uint64 // timers of one time come in the order in which they were started
	pos int    // place in the heap, from 1; 0: not started
}

type kind uint8

const (
	sessionTimer kind = iota
	pendingTimer
	joinTimer
	syncTimer
)

// timers are those that were started.
type timers struct {
	heap timerHeap
	seq  uint64
}

func (ts *timers) start(t *timer, at int64) {
	ts.seq++
	t.at, t.seq = at, ts.seq
	if t.pos > 0 {
		heap.Fix(&ts.heap, t.pos-1)
		return
	}
	heap.Push(&ts.heap, t)
}

func (ts *timers) stop(t *timer) {
	if t.pos > 0 {
		heap.Remove(&ts.heap, t.pos-1)
	}
}

// due returns the first timer whose time has come, nil for none.
func (ts *timers) due(now int64) *timer {
	if len(ts.heap) == 0 || ts.heap[0].at > now {
		return nil
	}
	return ts.heap[0]
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].pos, h[j].pos = i+1, j+1
}
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	*h = append(*h, t)
	t.pos = len(*h)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.pos = 0
	return t
}

// maxDue is how many timers one Tick handles at most, so that a step and its records stay small. Those that are left are due at once.
const maxDue = 256

// Next returns the time at which the machine wants a Tick, in milliseconds since 1970, and whether it wants one. A time that has passed means now.
func (m *Machine) Next() (at int64, ok bool) {
	if len(m.sweeps) > 0 {
		return m.sweeps[0].since, true
	}
	if len(m.timers.heap) == 0 {
		return 0, false
	}
	return m.timers.heap[0].at, true
}

// tick does what is due.
func (m *Machine) tick() {
	for n := m.countDue(m.now); n > 0; n-- {
		t := m.timers.due(m.now)
		if t == nil {
			break
		}
		m.timers.stop(t)
		switch t.kind {
		case sessionTimer:
			m.sessionLapsed(t.group, t.member)
		case pendingTimer:
			m.pendingLapsed(t.group, t.id)
		case syncTimer:
			m.syncsMissed(t.group)
		case joinTimer:
			if t.initial {
				m.completeFirstJoin(t.group)
			} else {
				m.completeJoin(t.group)
			}
		}
	}
	m.sweep()
}

// countDue counts the timers that one Tick handles.
func (m *Machine) countDue(now int64) int {
	n := 0
	m.eachDue(now, 0, func(*timer) bool { n++; return n < maxDue })
	return n
}

// eachDue walks over the timers that are due, until f is false.
func (m *Machine) eachDue(now int64, i int, f func(*timer) bool) bool {
	if i >= len(m.timers.heap) || m.timers.heap[i].at > now {
		return true
	}
	return f(m.timers.heap[i]) && m.eachDue(now, 2*i+1, f) && m.eachDue(now, 2*i+2, f)
}

// needTick bounds the records of a Tick: each timer may leave one group empty.
func (m *Machine) needTick(now int64) int {
	n, longest := 0, 0
	m.eachDue(now, 0, func(t *timer) bool {
		n = min(n+1, maxDue)
		longest = max(longest, t.group.emptySize())
		return true
	})
	need := n * longest
	if len(m.sweeps) > 0 {
		need += sweepBytes
	}
	return need
}
