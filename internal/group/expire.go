package group

import "strings"

// sweep is a walk over groups that deletes what is no longer wanted, a bounded piece at a time.
type sweep struct {
	groups []string // ids that are left to look at
	since  int64    // when the last piece was done, milliseconds since 1970

	// Of a topic that is gone; without a topic it is about what has expired.
	topic  string
	id     [16]byte
	exact  bool   // only offsets with this very id
	before uint64 // only offsets of this step and older ones
}

// sweepBytes bounds the records of one piece of a sweep. It is more than the largest single record.
const sweepBytes = 256 << 10

// expire starts to look for offsets that have expired, unless it does already.
func (m *Machine) expire() {
	for _, s := range m.sweeps {
		if s.topic == "" {
			return
		}
	}
	m.startSweep(sweep{groups: m.ids()})
}

func (m *Machine) topicGone(ev TopicGone) {
	s := sweep{topic: strings.Clone(ev.Topic), id: ev.ID, exact: ev.Exact, before: m.number}
	for _, id := range m.ids() {
		if m.groups[id].offsets[ev.Topic] != nil {
			s.groups = append(s.groups, id)
		}
	}
	m.startSweep(s)
}

// startSweep does the first piece of a sweep at once when no other is under way.
func (m *Machine) startSweep(s sweep) {
	if len(s.groups) == 0 {
		return
	}
	s.since = m.now
	m.sweeps = append(m.sweeps, s)
	if len(m.sweeps) == 1 {
		m.sweep()
	}
}

// sweep does one piece of the first sweep.
func (m *Machine) sweep() {
	if len(m.sweeps) == 0 {
		return
	}
	s := &m.sweeps[0]
	s.since = m.now
	left := sweepBytes
	for len(s.groups) > 0 {
		if g := m.groups[s.groups[0]]; g != nil && !m.sweepGroup(g, s, &left) {
			return
		}
		s.groups = s.groups[1:]
	}
	m.sweeps = m.sweeps[1:]
	if len(m.sweeps) == 0 {
		m.sweeps = nil
	}
}

// spares says whether an offset is not one of the topic that is gone, but of another of that name.
func (s *sweep) spares(o offset) bool {
	if s.exact {
		return o.topicID != s.id
	}
	return otherTopic(o.topicID, s.id)
}

// sweepGroup deletes what a sweep finds in one group, as long as there is room for records; it is false when there was not enough.
func (m *Machine) sweepGroup(g *group, s *sweep, left *int) bool {
	drop := func(topic string, partition int32) bool {
		if *left -= offsetGoneSize(g.id, topic); *left < 0 {
			return false
		}
		m.write(&offsetGone{g.id, topic, partition})
		return true
	}
	if s.topic != "" {
		return g.eachOf(s.topic, func(p int32, o offset) bool {
			return o.number > s.before || s.spares(o) || drop(s.topic, p)
		})
	}
	done := g.eachOffset(func(topic string, p int32, o offset) bool {
		return !m.expired(g, topic, o) || drop(topic, p)
	})
	if !done {
		return false
	}
	if len(g.offsets) == 0 && g.state == empty && len(g.pending) == 0 {
		if *left -= recordOverhead + len(g.id); *left < 0 {
			return false
		}
		m.write(&groupGone{g.id})
	}
	return true
}

// expired says whether an offset is no longer kept (KIP-211): one with a time of its own when that has come; else, when the retention is over, counted
//   - from the commit, in a group that only keeps offsets, and in a stable group of consumers for topics that none of them reads;
//   - from when the group lost its last member, or when that is not known from the commit, in a group without members.
//
// Offsets of other groups with members are kept.
func (m *Machine) expired(g *group, topic string, o offset) bool {
	start := o.committed
	switch {
	case g.subscribes(topic):
		return false
	case g.protocolType == "":
	case g.state == empty:
		if g.since != -1 {
			start = g.since
		}
	case g.state != stable || !g.subscribed:
		return false
	}
	if o.expires != -1 {
		return m.wall() >= o.expires
	}
	return m.wall()-start >= m.config.OffsetRetention
}

// needExpire bounds the records of an Expire.
func (m *Machine) needExpire() int {
	if len(m.groups) == 0 {
		return 0
	}
	return sweepBytes
}

// needTopicGone bounds the records of a TopicGone.
func (m *Machine) needTopicGone(ev TopicGone) int {
	for _, g := range m.groups {
		if g.offsets[ev.Topic] != nil {
			return sweepBytes
		}
	}
	return 0
}
