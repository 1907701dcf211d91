package group

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// change is one record: what it says, how it is written, and what follows from it. The bytes are in docs/formats/consumer-offsets.md.
type change interface {
	group() string
	record() Record
	apply(m *Machine)
}

// Versions that are written; all older ones are read.
const (
	offsetKeyVersion   = 1
	groupKeyVersion    = 2
	groupValueVersion  = 3
	offsetValueVersion = 4 // 1 when the offset has a time of its own at which it expires
	expiringVersion    = 1
	newestValueVersion = 4 // of both
)

// offset is a committed offset.
type offset struct {
	at        int64
	epoch     int32 // of the leader; -1: not known
	metadata  string
	committed int64 // milliseconds since 1970
	expires   int64 // milliseconds since 1970; -1: by the retention
	topicID   [16]byte
	number    uint64 // of the step that committed it; 0 when it comes from the log. Not in the record.
}

// offsetSet says that a group has committed an offset.
type offsetSet struct {
	id, topic string
	partition int32
	offset
}

// offsetGone says that a group has no offset of a partition any more.
type offsetGone struct {
	id, topic string
	partition int32
}

// groupSet says what a group is in a generation: empty, or stable.
type groupSet struct {
	id           string
	generation   int32
	protocolType string
	protocol     *string
	leader       string
	since        int64
	members      []groupMember
}

type groupMember struct {
	id, clientID, host string
	instance           *string
	rebalanceTimeout   int32
	sessionTimeout     int32
	metadata           []byte
	assignment         []byte
}

// groupGone says that there is no group of this id.
type groupGone struct{ id string }

func (c *offsetSet) group() string  { return c.id }
func (c *offsetGone) group() string { return c.id }
func (c *groupSet) group() string   { return c.id }
func (c *groupGone) group() string  { return c.id }

func offsetKey(id, topic string, partition int32) []byte {
	return (&kmsg.OffsetCommitKey{Version: offsetKeyVersion, Group: id, Topic: topic, Partition: partition}).AppendTo(nil)
}

func groupKey(id string) []byte {
	return (&kmsg.GroupMetadataKey{Version: groupKeyVersion, Group: id}).AppendTo(nil)
}

func (c *offsetSet) record() Record {
	v := kmsg.OffsetCommitValue{
		Version: offsetValueVersion, Offset: c.at, LeaderEpoch: c.epoch, Metadata: c.metadata, CommitTimestamp: c.committed, ExpireTimestamp: c.expires,
		TopicID: c.topicID,
	}
	if c.expires != -1 {
		v.Version = expiringVersion
	}
	return Record{offsetKey(c.id, c.topic, c.partition), v.AppendTo(nil)}
}

func (c *offsetGone) record() Record { return Record{Key: offsetKey(c.id, c.topic, c.partition)} }

func (c *groupSet) record() Record {
	v := kmsg.NewGroupMetadataValue()
	v.Version, v.ProtocolType, v.Generation, v.Protocol, v.CurrentStateTimestamp = groupValueVersion, c.protocolType, c.generation, c.protocol, c.since
	if c.leader != "" {
		v.Leader = &c.leader
	}
	for _, mb := range c.members {
		x := kmsg.NewGroupMetadataValueMember()
		x.MemberID, x.InstanceID, x.ClientID, x.ClientHost = mb.id, mb.instance, mb.clientID, mb.host
		x.RebalanceTimeoutMillis, x.SessionTimeoutMillis, x.Subscription, x.Assignment = mb.rebalanceTimeout, mb.sessionTimeout, mb.metadata, mb.assignment
		v.Members = append(v.Members, x)
	}
	return Record{groupKey(c.id), v.AppendTo(nil)}
}

func (c *groupGone) record() Record { return Record{Key: groupKey(c.id)} }

// parse reads a record. It returns no change for keys that are not known: those of the newer protocols.
func parse(key, value []byte) (change, error) {
	if len(key) < 2 {
		return nil, fmt.Errorf("group: replay: a key of %d bytes has no version", len(key))
	}
	switch version := int16(key[0])<<8 | int16(key[1]); version {
	case 0, 1:
		var k kmsg.OffsetCommitKey
		if err := k.ReadFrom(key); err != nil {
			return nil, fmt.Errorf("group: replay: key of an offset, version %d: %w", version, err)
		}
		if value == nil {
			return &offsetGone{k.Group, k.Topic, k.Partition}, nil
		}
		return parseOffset(k, value)
	case groupKeyVersion:
		var k kmsg.GroupMetadataKey
		if err := k.ReadFrom(key); err != nil {
			return nil, fmt.Errorf("group: replay: key of a group: %w", err)
		}
		if value == nil {
			return &groupGone{k.Group}, nil
		}
		return parseGroup(k, value)
	}
	return nil, nil
}

// versionOf reads the version that a value starts with.
func versionOf(value []byte) (int16, error) {
	if len(value) < 2 {
		return 0, fmt.Errorf("a value of %d bytes has no version", len(value))
	}
	version := int16(value[0])<<8 | int16(value[1])
	if version < 0 || version > newestValueVersion {
		return 0, fmt.Errorf("version %d is none of 0 to %d", version, newestValueVersion)
	}
	return version, nil
}

func parseOffset(k kmsg.OffsetCommitKey, value []byte) (change, error) {
	version, err := versionOf(value)
	v := kmsg.OffsetCommitValue{}
	if err == nil {
		err = v.ReadFrom(value)
	}
	if err != nil {
		return nil, fmt.Errorf("group: replay: offset of group %q for partition %d of topic %q: %w", k.Group, k.Partition, k.Topic, err)
	}
	o := offset{at: v.Offset, epoch: -1, metadata: v.Metadata, committed: v.CommitTimestamp, expires: -1, topicID: v.TopicID}
	if version >= 3 {
		o.epoch = v.LeaderEpoch
	}
	if version == expiringVersion {
		o.expires = v.ExpireTimestamp
	}
	return &offsetSet{id: k.Group, topic: k.Topic, partition: k.Partition, offset: o}, nil
}

func parseGroup(k kmsg.GroupMetadataKey, value []byte) (change, error) {
	fail := func(err error) (change, error) { return nil, fmt.Errorf("group: replay: group %q: %w", k.Group, err) }
	if _, err := versionOf(value); err != nil {
		return fail(err)
	}
	v := kmsg.NewGroupMetadataValue()
	if err := v.ReadFrom(value); err != nil {
		return fail(err)
	}
	c := &groupSet{id: k.Group, generation: v.Generation, protocolType: v.ProtocolType, protocol: v.Protocol, since: v.CurrentStateTimestamp}
	if v.Leader != nil && len(v.Members) > 0 {
		c.leader = *v.Leader
	}
	if len(v.Members) > 0 && (v.ProtocolType == "" || v.Protocol == nil) {
		return fail(fmt.Errorf("it has %d members and no protocol", len(v.Members)))
	}
	seen := map[string]bool{}
	for _, x := range v.Members {
		mb := groupMember{
			id: x.MemberID, instance: x.InstanceID, clientID: x.ClientID, host: x.ClientHost, rebalanceTimeout: x.RebalanceTimeoutMillis,
			sessionTimeout: x.SessionTimeoutMillis, metadata: bytes.Clone(x.Subscription), assignment: bytes.Clone(x.Assignment),
		}
		if mb.rebalanceTimeout == -1 {
			mb.rebalanceTimeout = mb.sessionTimeout
		}
		instance := "\x00" + stringOf(mb.instance) // no member id starts so, and if one did the record would be refused, not misread
		if seen[mb.id] || mb.instance != nil && seen[instance] {
			return fail(fmt.Errorf("member %q or its instance is in it twice", mb.id))
		}
		seen[mb.id] = true
		if mb.instance != nil {
			seen[instance] = true
		}
		c.members = append(c.members, mb)
	}
	if c.leader != "" && !seen[c.leader] {
		return fail(fmt.Errorf("its leader %q is not in it", c.leader))
	}
	return c, nil
}

// apply stores the offset. A group that only commits is made by it.
func (c *offsetSet) apply(m *Machine) {
	g := m.groups[c.id]
	if g == nil {
		g = newGroup(strings.Clone(c.id))
		m.groups[g.id] = g
	}
	o := c.offset
	o.number = m.number
	partitions := g.offsets[c.topic]
	if partitions == nil {
		if g.offsets == nil {
			g.offsets = map[string]map[int32]offset{}
		}
		partitions = map[int32]offset{}
		g.offsets[strings.Clone(c.topic)] = partitions
	}
	partitions[c.partition] = o
}

func (c *offsetGone) apply(m *Machine) {
	g := m.groups[c.id]
	if g == nil {
		return
	}
	delete(g.offsets[c.topic], c.partition)
	if len(g.offsets[c.topic]) == 0 {
		delete(g.offsets, c.topic)
	}
}

// apply makes the group what the record says. What is not in the record stays: the other protocols of members that go on, ids that are pending, and requests that
// wait.
func (c *groupSet) apply(m *Machine) {
	g := m.groups[c.id]
	if g == nil {
		g = newGroup(strings.Clone(c.id))
		m.groups[g.id] = g
	}
	g.before, g.state = g.state, empty
	if len(c.members) > 0 {
		g.state = stable
	}
	g.generation, g.protocolType, g.protocol, g.leader, g.since = c.generation, c.protocolType, c.protocol, c.leader, c.since
	g.record, g.broken = c, len(c.members) > 0 && c.leader == ""
	stay := make(map[string]bool, len(c.members))
	for _, x := range c.members {
		stay[x.id] = true
	}
	for _, mb := range slices.Clone(g.members) {
		if !stay[mb.id] {
			m.remove(g, mb.id)
		}
	}
	g.leader = c.leader
	for _, x := range c.members {
		mb := g.byID[x.id]
		if mb == nil {
			mb = &member{
				id: x.id, instance: x.instance, clientID: x.clientID, host: x.host, rebalanceTimeout: x.rebalanceTimeout, sessionTimeout: x.sessionTimeout,
				protocolType: c.protocolType, protocols: []protocol{{*c.protocol, x.metadata}},
			}
			g.add(mb)
		}
		mb.assignment = x.assignment
	}
	g.readSubscriptions()
}

// apply deletes the group. Offsets that no record has deleted stay, in a group that only keeps offsets.
func (c *groupGone) apply(m *Machine) {
	g := m.groups[c.id]
	if g == nil {
		return
	}
	m.dropMembers(g)
	delete(m.groups, c.id)
	if len(g.offsets) > 0 {
		n := newGroup(g.id)
		n.offsets = g.offsets
		m.groups[g.id] = n
	}
}

// snapshot is the record of the group as it is, with the assignments given. Members that are not in them get an empty one.
func (g *group) snapshot(assignment func(*member) []byte) *groupSet {
	c := &groupSet{id: g.id, generation: g.generation, protocolType: g.protocolType, protocol: g.protocol, leader: g.leader, since: g.since}
	for _, mb := range g.members {
		c.members = append(c.members, groupMember{
			id: mb.id, instance: mb.instance, clientID: mb.clientID, host: mb.host, rebalanceTimeout: mb.rebalanceTimeout, sessionTimeout: mb.sessionTimeout,
			metadata: mb.metadata(g.protocol), assignment: assignment(mb),
		})
	}
	return c
}

// Sizes. Each is at least what the batch takes; recordOverhead covers the lengths, times and numbers of a record and all fields of fixed size.
const (
	batchHeader    = 61
	recordOverhead = 100
	memberOverhead = 40
)

func offsetSize(id, topic, metadata string) int {
	return recordOverhead + len(id) + len(topic) + len(metadata)
}

func offsetGoneSize(id, topic string) int { return recordOverhead + len(id) + len(topic) }

// size bounds the record.
func (c *groupSet) size() int {
	n := recordOverhead + len(c.id) + len(c.protocolType) + len(stringOf(c.protocol)) + len(c.leader)
	for _, x := range c.members {
		n += memberOverhead + len(x.id) + len(stringOf(x.instance)) + len(x.clientID) + len(x.host) + len(x.metadata) + len(x.assignment)
	}
	return n
}

// emptySize bounds the record of the group without members.
func (g *group) emptySize() int { return recordOverhead + len(g.id) + len(g.protocolType) }

// size bounds the record of the group with its members, each with its longest metadata, without assignments.
func (g *group) size() int {
	n := g.emptySize() + len(g.leader)
	longest := 0
	for _, mb := range g.members {
		n += memberOverhead + len(mb.id) + len(stringOf(mb.instance)) + len(mb.clientID) + len(mb.host)
		metadata := 0
		for _, p := range mb.protocols {
			metadata, longest = max(metadata, len(p.metadata)), max(longest, len(p.name))
		}
		n += metadata
	}
	return n + longest
}
