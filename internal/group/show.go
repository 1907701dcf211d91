package group

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Groups returns the number of groups.
func (m *Machine) Groups() int { return len(m.groups) }

// Counts are how much of each a machine knows.
type Counts struct {
	Empty, PreparingRebalance, CompletingRebalance, Stable int // groups by their state
	Members, Pending, Offsets                              int // of all groups
}

// Counts walks over all groups.
func (m *Machine) Counts() Counts {
	var c Counts
	for _, g := range m.groups {
		switch g.state {
		case empty:
			c.Empty++
		case preparing:
			c.PreparingRebalance++
		case completing:
			c.CompletingRebalance++
		case stable:
			c.Stable++
		}
		c.Members += len(g.members)
		c.Pending += len(g.pending)
		for _, partitions := range g.offsets {
			c.Offsets += len(partitions)
		}
	}
	return c
}

// Topics returns the topics that offsets are of, in order. After a start the caller can find topics among them that are gone.
func (m *Machine) Topics() []TopicRef {
	topics := map[TopicRef]struct{}{}
	for _, g := range m.groups {
		for topic, partitions := range g.offsets {
			for _, o := range partitions {
				topics[TopicRef{topic, o.topicID}] = struct{}{}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(topics), func(a, b TopicRef) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), bytes.Compare(a.ID[:], b.ID[:]))
	})
}

// TopicRef names a topic. ID is zero when offsets do not say it.
type TopicRef struct {
	Topic string
	ID    [16]byte
}

// String shows the whole state in a few lines.
func (m *Machine) String() string {
	var b strings.Builder
	for _, id := range m.ids() {
		m.groups[id].show(&b)
	}
	for _, s := range m.sweeps {
		what := "what has expired"
		if s.topic != "" {
			what = "topic " + s.topic
		}
		fmt.Fprintf(&b, "to delete: %s in %d groups\n", what, len(s.groups))
	}
	if b.Len() == 0 {
		return "no groups\n"
	}
	return b.String()
}

func (g *group) show(b *strings.Builder) {
	fmt.Fprintf(b, "group %s: %v, generation %d", g.id, g.state, g.generation)
	if g.protocolType != "" {
		fmt.Fprintf(b, ", %s", g.protocolType)
	}
	if g.protocol != nil {
		fmt.Fprintf(b, " by %s", *g.protocol)
	}
	if g.leader != "" {
		fmt.Fprintf(b, ", led by %s", g.leader)
	}
	if g.state == empty && g.since != -1 {
		fmt.Fprintf(b, ", since %d", g.since)
	}
	b.WriteByte('\n')
	for _, mb := range g.members {
		fmt.Fprintf(b, "  member %s", mb.id)
		if mb.instance != nil {
			fmt.Fprintf(b, " (instance %s)", *mb.instance)
		}
		for _, p := range mb.protocols {
			fmt.Fprintf(b, " %s=%q", p.name, p.metadata)
		}
		if len(mb.assignment) > 0 {
			fmt.Fprintf(b, " has %q", mb.assignment)
		}
		for _, f := range []struct {
			on   bool
			text string
		}{{mb.joining.on, "joining"}, {mb.syncing.on, "syncing"}, {mb.isNew, "new"}, {mb.unsynced, "not synced"}} {
			if f.on {
				b.WriteString(", " + f.text)
			}
		}
		if mb.session.pos > 0 {
			fmt.Fprintf(b, ", until %d", mb.session.at)
		}
		b.WriteByte('\n')
	}
	for _, id := range slices.Sorted(maps.Keys(g.pending)) {
		fmt.Fprintf(b, "  pending %s, until %d\n", id, g.pending[id].at)
	}
	if g.joinTimer.pos > 0 {
		fmt.Fprintf(b, "  joins until %d\n", g.joinTimer.at)
	}
	if g.syncTimer.pos > 0 {
		fmt.Fprintf(b, "  syncs until %d\n", g.syncTimer.at)
	}
	g.eachOffset(func(topic string, p int32, o offset) bool {
		fmt.Fprintf(b, "  offset %s/%d: %d", topic, p, o.at)
		if o.epoch != -1 {
			fmt.Fprintf(b, " epoch %d", o.epoch)
		}
		switch {
		case len(o.metadata) > 100:
			fmt.Fprintf(b, " with %d bytes", len(o.metadata))
		case o.metadata != "":
			fmt.Fprintf(b, " %q", o.metadata)
		}
		fmt.Fprintf(b, ", at %d", o.committed)
		if o.expires != -1 {
			fmt.Fprintf(b, ", until %d", o.expires)
		}
		b.WriteByte('\n')
		return true
	})
}
