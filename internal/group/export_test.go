package group

import (
	"fmt"
	"strings"
)

// Durable shows what a restart must keep. Of a group that is in a rebalance that is only its offsets: rebalancing adds to the groups that are shown so.
func (m *Machine) Durable(rebalancing map[string]bool) string {
	var b strings.Builder
	for _, id := range m.ids() {
		g := m.groups[id]
		if rebalancing[id] {
			fmt.Fprintf(&b, "group %s is in a rebalance\n", id)
		} else {
			fmt.Fprintf(&b, "group %s: %v, generation %d, %q by %q, led by %q\n", id, g.state, g.generation, g.protocolType, stringOf(g.protocol), g.leader)
			if g.state == empty && g.protocolType != "" {
				fmt.Fprintf(&b, "  since %d\n", g.since)
			}
			for _, mb := range g.members {
				fmt.Fprintf(&b, "  %s %s %s %s %d %d %q %q\n", mb.id, stringOf(mb.instance), mb.clientID, mb.host, mb.rebalanceTimeout, mb.sessionTimeout,
					mb.metadata(g.protocol), mb.assignment)
			}
		}
		g.eachOffset(func(topic string, p int32, o offset) bool {
			o.number = 0
			fmt.Fprintf(&b, "  %s/%d %v\n", topic, p, o)
			return true
		})
	}
	return b.String()
}

// Rebalancing returns the groups that are in a rebalance.
func (m *Machine) Rebalancing() map[string]bool {
	out := map[string]bool{}
	for id, g := range m.groups {
		if g.state == preparing || g.state == completing {
			out[id] = true
		}
	}
	return out
}

// Check finds what does not fit together in a machine.
func (m *Machine) Check() error {
	for id, g := range m.groups {
		awaiting, unsynced, votes := 0, 0, map[string]int{}
		for _, mb := range g.members {
			if mb.joining.on {
				awaiting++
			}
			if mb.unsynced {
				unsynced++
			}
			seen := map[string]bool{}
			for _, p := range mb.protocols {
				if !seen[p.name] {
					votes[p.name]++
				}
				seen[p.name] = true
			}
			if mb.group != g || g.byID[mb.id] != mb || mb.instance != nil && g.static[*mb.instance] != mb {
				return fmt.Errorf("group %s: member %s is not where it should be", id, mb.id)
			}
			if mb.joining.on && g.state != preparing || mb.syncing.on && g.state != completing {
				return fmt.Errorf("group %s: member %s waits in state %v", id, mb.id, g.state)
			}
		}
		switch {
		case awaiting != g.awaiting, unsynced != g.unsynced, fmt.Sprint(votes) != fmt.Sprint(g.votes), len(g.byID) != len(g.members):
			return fmt.Errorf("group %s: counted wrong: %d awaiting, %d unsynced, votes %v: %+v", id, awaiting, unsynced, votes, g)
		case (g.state == empty || g.state == stable) != (g.joinTimer.pos == 0) && g.state != completing:
			return fmt.Errorf("group %s: the timer of joins in state %v", id, g.state)
		case g.state == empty && len(g.members) > 0, (g.state == stable || g.state == completing) && (len(g.members) == 0 || g.byID[g.leader] == nil):
			return fmt.Errorf("group %s: %d members, led by %q, in state %v", id, len(g.members), g.leader, g.state)
		}
	}
	for token, mb := range m.waiting {
		if token == 0 || mb.joining.token != token && mb.syncing.token != token || mb.group.byID[mb.id] != mb {
			return fmt.Errorf("token %d waits for member %s, which does not know", token, mb.id)
		}
	}
	return nil
}

// Rewrite reads a record and writes it again, as this package writes it. It is ok when the key is known.
func Rewrite(key, value []byte) (r Record, ok bool, err error) {
	c, err := parse(key, value)
	if err != nil || c == nil {
		return Record{}, false, err
	}
	return c.record(), true, nil
}
