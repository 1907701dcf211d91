package directory

import "slices"

// rules say what may be deleted.
type rules struct {
	now       int64 // ms
	retention int64 // of the topic, in ms; less than 0 for ever
	lease     int64 // how old a claim may get that was not ended, in ms
}

const day = 24 * 60 * 60 * 1000

// The numbers of the format.
const (
	lease       = 30 * day
	renewAfter  = 10 * day
	mostUnended = 8
)

// names returns all streams of which something is there.
func (m *machine) names() []string {
	out := make([]string, 0, len(m.streams))
	for name := range m.streams {
		out = append(out, name)
	}
	return out
}

// sweep writes deletions of what is not needed of a stream any more.
func (m *machine) sweep(name string, r rules) {
	s := m.streams[name]
	if s == nil {
		return
	}
	agreeing := s.agreeing()
	var gone []string
	for _, c := range s.claims[agreeing:] {
		if o := m.opening[name]; o == nil || o.id != c.id { // one's own is looked after
			gone = append(gone, c.id)
		}
	}
	last := true // no newer one that stays has been seen
	for i := agreeing - 1; i >= 0; i-- {
		c := s.claims[i]
		ended, over := s.ends[c.id]
		if !over && c.written+r.lease < r.now {
			ended, over = c.written+r.lease, true
		}
		switch {
		case c.id == m.held[name].id:
		case over && !last, over && r.retention >= 0 && ended+r.retention < r.now:
			gone = append(gone, c.id)
			continue
		}
		last = false
	}
	for _, id := range gone {
		m.put(claimKind, name, id, nil)
	}
	for id := range s.ends {
		if !s.has(id) || slices.Contains(gone, id) {
			m.put(endKind, name, id, nil)
		}
	}
}

// supersede writes deletions of the oldest claims of a stream that is held when too many were not ended: those of programs that were killed. One's own claim, which is
// relied on, keeps the place until one that is alive after all has claimed again.
func (m *machine) supersede(name string, s *stream) {
	unended := 0
	for _, c := range slices.Backward(s.claims) {
		if _, ended := s.ends[c.id]; ended || c.id == m.held[name].id {
			continue
		}
		if unended++; unended > m.most {
			m.put(claimKind, name, c.id, nil)
		}
	}
}

// due are the streams whose claim is so old that it is to be renewed.
func (m *machine) due(now int64) []string {
	var out []string
	for name, c := range m.held {
		if c.written+renewAfter < now {
			out = append(out, name)
		}
	}
	return out
}

// former returns deletions of all that is about topics that had the same name before.
func (m *machine) former() []write {
	out := make([]write, 0, len(m.strays))
	for key, partition := range m.strays {
		out = append(out, write{partition: partition, key: key})
	}
	return out
}
