package group

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// describeNotFound is the version of DescribeGroups from which on a group that is not there is an error.
const describeNotFound = 6

// classicType is the type of all groups of this package, as ListGroups names it.
const classicType = "classic"

func (m *Machine) ids() []string { return slices.Sorted(maps.Keys(m.groups)) }

// describe shows a group with its members; what they said for the protocol is shown in a stable group only.
func (m *Machine) describe(ev Describe) {
	resp := kmsg.NewDescribeGroupsResponseGroup()
	resp.Group = ev.Group
	g := m.groups[ev.Group]
	if g == nil {
		resp.State = dead
		if ev.Version >= describeNotFound {
			resp.ErrorCode = groupNotFound
			resp.ErrorMessage = text(fmt.Sprintf("Group %s not found.", ev.Group))
		}
		m.reply(ev.Token, nil, &resp)
		return
	}
	resp.State, resp.ProtocolType = g.state.String(), g.protocolType
	if g.state == stable {
		resp.Protocol = stringOf(g.protocol)
	}
	for _, mb := range g.members {
		x := kmsg.DescribeGroupsResponseGroupMember{
			MemberID: mb.id, InstanceID: mb.instance, ClientID: mb.clientID, ClientHost: mb.host, ProtocolMetadata: []byte{}, MemberAssignment: []byte{},
		}
		if mb.assignment != nil {
			x.MemberAssignment = mb.assignment
		}
		if g.state == stable {
			x.ProtocolMetadata = mb.metadata(g.protocol)
		}
		resp.Members = append(resp.Members, x)
	}
	m.reply(ev.Token, g, &resp)
}

func (m *Machine) list(ev List) {
	resp := []kmsg.ListGroupsResponseGroup{}
	wants := func(filter []string, have string) bool {
		return len(filter) == 0 || slices.ContainsFunc(filter, func(s string) bool { return strings.EqualFold(s, have) })
	}
	newest := &group{number: m.number}
	for _, id := range m.ids() {
		g := m.groups[id]
		if wants(ev.States, g.state.String()) && wants(ev.Types, classicType) {
			resp = append(resp, kmsg.ListGroupsResponseGroup{Group: g.id, ProtocolType: g.protocolType, GroupState: g.state.String(), GroupType: classicType})
		}
	}
	m.reply(ev.Token, newest, resp)
}

// delete deletes a group that has no members, with its offsets.
func (m *Machine) delete(ev Delete) {
	resp := kmsg.NewDeleteGroupsResponseGroup()
	resp.Group = ev.Group
	g := m.groups[ev.Group]
	switch {
	case g == nil:
		resp.ErrorCode = groupNotFound
	case g.state != empty:
		resp.ErrorCode = nonEmptyGroup
	default:
		g.eachOffset(func(topic string, partition int32, _ offset) bool {
			m.write(&offsetGone{g.id, topic, partition})
			return true
		})
		m.write(&groupGone{g.id})
	}
	m.reply(ev.Token, g, &resp)
}

// needDelete bounds the records of a Delete.
func (m *Machine) needDelete(ev Delete) int {
	g := m.groups[ev.Group]
	if g == nil || g.state != empty {
		return 0
	}
	need := recordOverhead + len(g.id)
	for topic, partitions := range g.offsets {
		need += len(partitions) * offsetGoneSize(g.id, topic)
	}
	return need
}

// eachOffset calls f for each offset, by topic and partition, until it is false. F may delete the offset.
func (g *group) eachOffset(f func(topic string, partition int32, o offset) bool) bool {
	for _, topic := range slices.Sorted(maps.Keys(g.offsets)) {
		if !g.eachOf(topic, func(p int32, o offset) bool { return f(topic, p, o) }) {
			return false
		}
	}
	return true
}

// eachOf is eachOffset for one topic.
func (g *group) eachOf(topic string, f func(partition int32, o offset) bool) bool {
	partitions := g.offsets[topic]
	for _, p := range slices.Sorted(maps.Keys(partitions)) {
		if !f(p, partitions[p]) {
			return false
		}
	}
	return true
}

// deleteOffsets deletes offsets of topics that nobody in the group reads.
func (m *Machine) deleteOffsets(ev DeleteOffsets) {
	req := ev.Request
	resp := kmsg.NewPtrOffsetDeleteResponse()
	resp.Version = req.Version
	type part struct {
		topic     string
		partition int32
	}
	var accepted []part
	topics := map[string]int{}
	answer := func(topic string, partition int32, code int16) {
		i, ok := topics[topic]
		if !ok {
			i = len(resp.Topics)
			topics[topic] = i
			resp.Topics = append(resp.Topics, kmsg.OffsetDeleteResponseTopic{Topic: topic})
		}
		resp.Topics[i].Partitions = append(resp.Topics[i].Partitions, kmsg.OffsetDeleteResponseTopicPartition{Partition: partition, ErrorCode: code})
	}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			code := int16(0)
			if ev.Refused != nil {
				code = ev.Refused(t.Topic, p.Partition)
			}
			if code != 0 {
				answer(t.Topic, p.Partition, code)
				continue
			}
			accepted = append(accepted, part{t.Topic, p.Partition})
		}
	}
	g := m.groups[req.Group]
	if code := g.checkDeleteOffsets(req.Group); code != 0 {
		resp.ErrorCode, resp.Topics, accepted = code, nil, nil
	}
	for _, x := range accepted {
		if g.subscribes(x.topic) {
			answer(x.topic, x.partition, subscribedToTopic)
			continue
		}
		if _, ok := g.offsets[x.topic][x.partition]; ok {
			m.write(&offsetGone{g.id, x.topic, x.partition})
		}
		answer(x.topic, x.partition, 0)
	}
	m.reply(ev.Token, g, resp)
}

// checkDeleteOffsets says whether offsets may be deleted: always without members, and under members only when it is known what they read. The group may be nil.
func (g *group) checkDeleteOffsets(id string) int16 {
	switch {
	case id == "":
		return invalidGroup
	case g == nil:
		return groupNotFound
	case g.state != empty && g.protocolType != consumerType:
		return nonEmptyGroup
	}
	return 0
}

// needDeleteOffsets bounds the records of a DeleteOffsets by the request alone.
func (m *Machine) needDeleteOffsets(ev DeleteOffsets) int {
	if m.groups[ev.Request.Group] == nil {
		return 0
	}
	need := 0
	for _, t := range ev.Request.Topics {
		need += len(t.Partitions) * offsetGoneSize(ev.Request.Group, t.Topic)
	}
	return need
}
