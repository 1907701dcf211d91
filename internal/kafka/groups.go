package kafka

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// GroupListing is a consumer group as a list shows it.
type GroupListing struct {
	Name        string
	State       string // Stable, Empty, PreparingRebalance …
	Protocol    string // "consumer" for consumers, "connect" for Kafka Connect
	Coordinator int32
}

// Group is a consumer group with its members, and how far it has read.
type Group struct {
	Name        string
	State       string
	Protocol    string // the assignor that the members agreed on
	Coordinator int32
	Members     []GroupMember
	Partitions  []GroupPartition // that are assigned or have a committed offset, by topic and number
}

// GroupMember is one consumer of a group.
type GroupMember struct {
	ID         string
	InstanceID string // of a static member
	ClientID   string
	Host       string
	Assigned   []TopicPartition
}

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// GroupPartition is how far a group has read one partition.
type GroupPartition struct {
	TopicPartition
	Committed int64        // -1 when nothing was committed
	End       int64        // -1 when it is not known
	Lag       int64        // -1 when it is not known
	Member    *GroupMember // nil when no member has it
}

// Idle says whether the group has no members, so that its offsets may be changed.
func (g Group) Idle() bool { return len(g.Members) == 0 && (g.State == "Empty" || g.State == "Dead") }

// Groups returns all groups by name.
func (c *Client) Groups(ctx context.Context) ([]GroupListing, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	listed, err := c.admin.ListGroups(ctx)
	if err != nil {
		return nil, c.wrap("list groups", "", err)
	}
	var out []GroupListing
	for _, g := range listed.Sorted() {
		out = append(out, GroupListing{Name: g.Group, State: g.State, Protocol: g.ProtocolType, Coordinator: g.Coordinator})
	}
	return out, nil
}

// Group returns one group. One that does not exist is an Error of the kind NotFound.
func (c *Client) Group(ctx context.Context, name string) (Group, error) {
	const op = "describe group"
	ctx, cancel := c.bound(ctx)
	defer cancel()
	g, err := c.describeGroup(ctx, name)
	if err != nil {
		return Group{}, c.wrap(op, name, err)
	}
	at := make(map[TopicPartition]*GroupPartition)
	find := func(tp TopicPartition) *GroupPartition {
		p := at[tp]
		if p == nil {
			p = &GroupPartition{TopicPartition: tp, Committed: -1, End: -1, Lag: -1}
			at[tp] = p
		}
		return p
	}
	for i := range g.Members {
		for _, tp := range g.Members[i].Assigned {
			find(tp).Member = &g.Members[i]
		}
	}
	committed, err := c.admin.FetchOffsets(ctx, name)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return Group{}, c.wrap(op, name, err)
	}
	committed.Each(func(o kadm.OffsetResponse) {
		if o.Err == nil && o.At >= 0 {
			find(TopicPartition{o.Topic, o.Partition}).Committed = o.At
		}
	})
	if err := c.addEnds(ctx, at); err != nil {
		return Group{}, c.wrap(op, name, err)
	}
	for _, p := range at {
		g.Partitions = append(g.Partitions, *p)
	}
	slices.SortFunc(g.Partitions, func(a, b GroupPartition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return g, nil
}

// addEnds finds how far behind the ends of their partitions the group is. Topics that are gone have none.
func (c *Client) addEnds(ctx context.Context, at map[TopicPartition]*GroupPartition) error {
	topics := make(map[string]bool)
	for tp := range at {
		topics[tp.Topic] = true
	}
	if len(topics) == 0 {
		return nil
	}
	names := make([]string, 0, len(topics))
	for t := range topics {
		names = append(names, t)
	}
	ends, err := c.admin.ListEndOffsets(ctx, names...)
	if shards, ok := errors.AsType[*kadm.ShardErrors](err); err != nil && (!ok || shards.AllFailed) {
		return err
	}
	for tp, p := range at {
		if end, ok := ends.Lookup(tp.Topic, tp.Partition); ok && end.Err == nil {
			if p.End = end.Offset; p.Committed >= 0 {
				p.Lag = max(p.End-p.Committed, 0)
			}
		}
	}
	return nil
}

// describeGroup finds a group of the classic protocol or, if there is none of that name, of the consumer protocol (KIP-848).
func (c *Client) describeGroup(ctx context.Context, name string) (Group, error) {
	classic, err := c.admin.DescribeGroups(ctx, name)
	if err != nil {
		return Group{}, err
	}
	d, err := classic.On(name, nil)
	if err == nil {
		err = d.Err
	}
	if err == nil && d.State != "Dead" {
		g := Group{Name: name, State: d.State, Protocol: d.Protocol, Coordinator: d.Coordinator.NodeID}
		for _, m := range d.Members {
			n := GroupMember{ID: m.MemberID, ClientID: m.ClientID, Host: m.ClientHost}
			if m.InstanceID != nil {
				n.InstanceID = *m.InstanceID
			}
			if a, ok := m.Assigned.AsConsumer(); ok {
				for _, t := range a.Topics {
					for _, p := range t.Partitions {
						n.Assigned = append(n.Assigned, TopicPartition{t.Topic, p})
					}
				}
			}
			g.Members = append(g.Members, n)
		}
		return g, nil
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return Group{}, err
	}
	newer, err := c.admin.DescribeConsumerGroups(ctx, name)
	if err != nil {
		return Group{}, kerr.GroupIDNotFound // the cluster has no groups of that protocol
	}
	n, ok := newer[name]
	if !ok || n.Err != nil || n.State == "Dead" {
		return Group{}, kerr.GroupIDNotFound
	}
	g := Group{Name: name, State: n.State, Protocol: n.AssignorName, Coordinator: n.Coordinator.NodeID}
	for _, m := range n.Members {
		x := GroupMember{ID: m.MemberID, ClientID: m.ClientID, Host: m.ClientHost}
		if m.InstanceID != nil {
			x.InstanceID = *m.InstanceID
		}
		for t, ps := range m.Assignment {
			for p := range ps {
				x.Assigned = append(x.Assigned, TopicPartition{t, p})
			}
		}
		g.Members = append(g.Members, x)
	}
	return g, nil
}

// DeleteGroup deletes a group that has no members, with its committed offsets.
func (c *Client) DeleteGroup(ctx context.Context, name string) error {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	_, err := c.admin.DeleteGroup(ctx, name)
	return c.wrap("delete group", name, err)
}
