package demo

import "time"

const (
	historySlots = 120         // a wide terminal shows two minutes of them
	historyEvery = time.Second // what one column of a sparkline stands for
)

// A history is the mean of one value in each of the last seconds.
type history struct {
	slots []float64 // a ring once it is full
	first int
	start time.Time // of the slot that is being filled
	sum   float64
	n     int
}

// add takes a value. Seconds without one are filled with the value before them.
func (h *history) add(at time.Time, v float64) {
	if h.start.IsZero() {
		h.start = at
	}
	for filled := 0; at.Sub(h.start) >= historyEvery; filled++ {
		if filled == historySlots {
			h.start = at
			break
		}
		h.push(h.mean())
		h.start = h.start.Add(historyEvery)
		if h.n > 0 {
			h.sum, h.n = h.mean(), 0
		}
	}
	if h.n == 0 {
		h.sum = 0
	}
	h.sum += v
	h.n++
}

// mean is that of the slot being filled, or the one before when nothing came.
func (h *history) mean() float64 {
	if h.n == 0 {
		return h.sum
	}
	return h.sum / float64(h.n)
}

func (h *history) push(v float64) {
	if len(h.slots) < historySlots {
		h.slots = append(h.slots, v)
		return
	}
	h.slots[h.first] = v
	h.first = (h.first + 1) % historySlots
}

// values returns the seconds from the oldest to the one being filled.
func (h *history) values() []float64 {
	out := make([]float64, 0, len(h.slots)+1)
	out = append(out, h.slots[h.first:]...)
	out = append(out, h.slots[:h.first]...)
	if h.start.IsZero() {
		return out
	}
	return append(out, h.mean())
}

// A meter turns a growing count into a rate over the last two seconds or so.
type meter struct {
	at    [8]time.Time
	count [8]uint64
	n     int
}

// rate takes the count of now and returns its growth per second.
func (m *meter) rate(now time.Time, count uint64) float64 {
	i := m.n % len(m.at)
	oldest := 0
	if m.n >= len(m.at) {
		oldest = i // the one that is overwritten
	}
	at, before, first := m.at[oldest], m.count[oldest], m.n == 0
	m.at[i], m.count[i] = now, count
	m.n++
	elapsed := now.Sub(at).Seconds()
	if first || elapsed <= 0 || count < before {
		return 0
	}
	return float64(count-before) / elapsed
}
