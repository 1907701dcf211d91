package compat

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// member is a client of a group. It has a connection of its own, since its requests may wait for other members.
type member struct {
	r        *run
	name     string // under which its ids show up in answers
	group    string
	instance *string
	id       string // the last one that it was given
	ids      int    // how many it was given
	topics   []string
	conn     *conn
	asked    kmsg.Request // that waits for its answer
	label    string
}

// group makes a group's id this run's own, and waits until the broker is its coordinator.
func (r *run) group(alias string) string {
	id := r.name(alias)
	if slices.Contains(r.groups, id) {
		return id
	}
	r.groups = append(r.groups, id)
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Version, req.Groups = 5, []string{id}
	r.await("the coordinator of "+alias, func() bool {
		find := kmsg.NewPtrFindCoordinatorRequest()
		find.Version, find.CoordinatorKeys = 4, []string{id}
		return must(ask[kmsg.FindCoordinatorResponse](r, find)).Coordinators[0].ErrorCode == 0 &&
			must(ask[kmsg.DescribeGroupsResponse](r, req)).Groups[0].ErrorCode == 0
	})
	return id
}

// await waits until something is so.
func (r *run) await(what string, so func() bool) {
	deadline := time.Now().Add(patience)
	for !so() {
		if time.Now().After(deadline) {
			panic(broken{fmt.Errorf("%s: not there in %v", what, patience)})
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// awaitGroup waits until a group is in a state with so many members. A new group may be shown only after its first member was answered: Kafka answers a Join before
// the group's record is committed.
func (r *run) awaitGroup(alias, state string, members int) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Version, req.Groups = 5, []string{r.group(alias)}
	r.await(fmt.Sprintf("group %s in state %s with %d members", alias, state, members), func() bool {
		g := must(ask[kmsg.DescribeGroupsResponse](r, req)).Groups[0]
		return g.State == state && len(g.Members) == members
	})
}

// clearGroups takes all members out of the groups of the scene and deletes these.
func (r *run) clearGroups() {
	for _, m := range r.clients {
		if m.conn != nil {
			m.conn.Close()
		}
	}
	if len(r.groups) == 0 {
		return
	}
	r.reconnect()
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Version, req.Groups = 5, r.groups
	for _, g := range must(ask[kmsg.DescribeGroupsResponse](r, req)).Groups {
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Version, leave.Group = 5, g.Group
		for _, m := range g.Members {
			leave.Members = append(leave.Members, kmsg.LeaveGroupRequestMember{MemberID: m.MemberID, InstanceID: m.InstanceID})
		}
		if len(leave.Members) > 0 {
			must(ask[kmsg.LeaveGroupResponse](r, leave))
		}
	}
	del := kmsg.NewPtrDeleteGroupsRequest()
	del.Version, del.Groups = 2, r.groups
	must(ask[kmsg.DeleteGroupsResponse](r, del)) // what it says of each is not asked
}

// member makes a client of a group, which subscribes to topic a.
func (r *run) member(group, name string) *member {
	m := &member{r: r, name: name, group: r.group(group), topics: []string{r.name("a")}}
	r.clients = append(r.clients, m)
	return m
}

// static makes a client with an instance id.
func (r *run) static(group, name, instance string) *member {
	m := r.member(group, name)
	m.instance = &instance
	return m
}

// consumerMetadata is what a consumer says of itself: its topics.
func consumerMetadata(topics ...string) []byte {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Topics = topics
	return meta.AppendTo(nil)
}

func (m *member) join() *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.InstanceID = m.group, m.id, m.instance
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 15_000, 15_000, "consumer"
	for _, name := range []string{"range", "roundrobin"} {
		p := kmsg.NewJoinGroupRequestProtocol()
		p.Name, p.Metadata = name, consumerMetadata(m.topics...)
		req.Protocols = append(req.Protocols, p)
	}
	return req
}

// sync makes a request in a generation; the leader's assigns each of the members its name.
func (m *member) sync(generation int32, members ...*member) *kmsg.SyncGroupRequest {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.InstanceID, req.Generation = m.group, m.id, m.instance, generation
	req.ProtocolType, req.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	for _, x := range members {
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: x.id, MemberAssignment: []byte("for " + x.name)})
	}
	return req
}

func (m *member) heartbeat(generation int32) *kmsg.HeartbeatRequest {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.InstanceID, req.Generation = m.group, m.id, m.instance, generation
	return req
}

// leave makes a request for members; up to version 2 the first alone is taken out.
func (m *member) leave(members ...*member) *kmsg.LeaveGroupRequest {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = m.group, m.id
	for _, x := range members {
		req.Members = append(req.Members, kmsg.LeaveGroupRequestMember{MemberID: x.id, InstanceID: x.instance})
	}
	return req
}

// send sends a request of which the answer is noted later, under the label.
func (m *member) send(label string, version int16, req kmsg.Request) {
	req.SetVersion(version)
	if m.conn == nil {
		m.conn = must(dial(m.r.addr))
	}
	m.label, m.asked = label, req
	if err := m.conn.send(req); err != nil {
		panic(broken{fmt.Errorf("%s: %w", label, err)})
	}
}

// answer notes the answer to what was sent. A label of nothing notes nothing.
func (m *member) answer() kmsg.Response {
	resp, err := m.conn.receive(m.asked)
	if err != nil {
		m.conn.Close()
		m.conn = nil
		if m.label == "" {
			panic(broken{err})
		}
		m.r.out[m.label] = "connection closed"
		return nil
	}
	if j, ok := resp.(*kmsg.JoinGroupResponse); ok && j.MemberID != "" && m.r.members[j.MemberID] == "" && j.MemberID == idOf(j, m.asked) {
		m.named(j.MemberID)
	}
	if m.label != "" {
		m.r.noteFields(m.label, resp)
	}
	return resp
}

// idOf is the id that an answer gives to one who came without.
func idOf(resp *kmsg.JoinGroupResponse, req kmsg.Request) string {
	if req.(*kmsg.JoinGroupRequest).MemberID != "" {
		return ""
	}
	return resp.MemberID
}

// named takes an id that the broker gave, and notes how it looks.
func (m *member) named(id string) {
	m.id = id
	m.ids++
	alias := m.name
	if m.ids > 1 {
		alias = fmt.Sprintf("%s#%d", m.name, m.ids)
	}
	m.r.members[id] = alias
	shape := "something else"
	for prefix, what := range map[string]string{"compat": "client id", orNone(m.instance): "instance id"} {
		if uuid.ReplaceAllString(id, "") == prefix {
			shape = what + " and a random id"
		}
	}
	m.r.out["id of "+alias] = shape
}

func orNone(s *string) string {
	if s == nil {
		return "none"
	}
	return *s
}

// ask sends a request and notes its answer.
func (m *member) ask(label string, version int16, req kmsg.Request) kmsg.Response {
	m.send(label, version, req)
	return m.answer()
}

// quietly sends a request and notes nothing; it must be answered without an error.
func (m *member) quietly(version int16, req kmsg.Request) {
	m.send("", version, req)
	m.quietAnswer()
}

func (m *member) quietAnswer() {
	code := int16(0)
	switch resp := m.answer().(type) {
	case *kmsg.JoinGroupResponse:
		code = resp.ErrorCode
	case *kmsg.SyncGroupResponse:
		code = resp.ErrorCode
	case *kmsg.LeaveGroupResponse:
		code = resp.ErrorCode
		for _, x := range resp.Members {
			code = max(code, x.ErrorCode)
		}
	case *kmsg.OffsetCommitResponse:
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				code = max(code, p.ErrorCode)
			}
		}
	}
	if err := kerr.ErrorForCode(code); err != nil {
		panic(broken{fmt.Errorf("%s: %w", m.name, err)})
	}
}

// completing brings the group into CompletingRebalance with these members, the first of which leads. It returns the generation. Each member joins as the only
// one that is missing, so that the broker never chooses who is first.
func completing(members ...*member) int32 {
	const version = 5
	alias := strings.TrimSuffix(members[0].group, members[0].r.tag)
	enter := func(m *member) {
		if m.instance == nil {
			m.send("", 3, m.join()) // from before members without an id were sent away
			return
		}
		m.send("", version, m.join())
	}
	enter(members[0])
	members[0].quietAnswer()
	for n := 1; n < len(members); n++ {
		enter(members[n])
		members[0].r.awaitGroup(alias, "PreparingRebalance", n+1)
		for _, m := range members[:n] {
			m.send("", version, m.join())
		}
		for _, m := range members[:n+1] {
			m.quietAnswer()
		}
	}
	return int32(len(members))
}

// stable brings the group into Stable with these members, the first of which leads. It returns the generation.
func stable(members ...*member) int32 {
	generation := completing(members...)
	members[0].quietly(3, members[0].sync(generation, members...))
	for _, m := range members[1:] {
		m.quietly(3, m.sync(generation))
	}
	return generation
}

// preparing brings the group into PreparingRebalance, with these members in a generation that is over and one more that waits. It returns the generation.
func preparing(newcomer *member, members ...*member) int32 {
	generation := stable(members...)
	newcomer.send("", 3, newcomer.join())
	newcomer.r.awaitGroup(strings.TrimSuffix(newcomer.group, newcomer.r.tag), "PreparingRebalance", len(members)+1)
	return generation
}

// emptied leaves a group without members that had some. It returns the generation that the last of them was in.
func emptied(m *member) int32 {
	generation := stable(m)
	m.quietly(3, m.leave(m))
	return generation
}

// commit makes an OffsetCommit request of nobody for partition 0 of a topic.
func (r *run) commit(group, topic string, offset int64) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group = r.group(group)
	r.addCommit(req, topic, 0, offset)
	return req
}

func (r *run) addCommit(req *kmsg.OffsetCommitRequest, topic string, partition int32, offset int64) *kmsg.OffsetCommitRequestTopicPartition {
	i := slices.IndexFunc(req.Topics, func(t kmsg.OffsetCommitRequestTopic) bool { return t.Topic == r.name(topic) })
	if i < 0 {
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic, t.TopicID = r.name(topic), r.known(topic)
		req.Topics = append(req.Topics, t)
		i = len(req.Topics) - 1
	}
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset = partition, offset
	req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
	return &req.Topics[i].Partitions[len(req.Topics[i].Partitions)-1]
}

// commit makes the member's own.
func (m *member) commit(generation int32, topic string, offset int64) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.InstanceID, req.Generation = m.group, m.id, m.instance, generation
	m.r.addCommit(req, topic, 0, offset)
	return req
}

// offsetFetch asks a group for partitions of a topic; without a topic for all.
func (r *run) offsetFetch(v int16, group, topic string, partitions ...int32) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	if v < 8 {
		req.Group = r.group(group)
		if topic != "" {
			req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: r.name(topic), Partitions: partitions}}
		}
		return req
	}
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = r.group(group)
	if topic != "" {
		g.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: r.name(topic), TopicID: r.known(topic), Partitions: partitions}}
	}
	req.Groups = append(req.Groups, g)
	return req
}

// describeGroup asks for one group.
func (r *run) describeGroup(alias string) *kmsg.DescribeGroupsRequest {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{r.group(alias)}
	return req
}
