package group_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/group"
)

// history is a world with clients that do anything, in which replies leave when the steps that they show are durable, and crashes take back what is not.
type history struct {
	*world
	held      []group.Reply // that wait for their steps
	members   []string      // ids that were given
	requests  map[group.Token]*kmsg.SyncGroupRequest
	fetched   map[group.Token]string // what is asked for by a Fetch: its key
	assigned  map[string][]byte      // by group, generation and instance or member id: what left the broker
	committed map[string]int64       // by key: the offset that was seen last, and that no tombstone or commit has followed
	next      int
}

func newHistory(t *rapid.T) *history {
	h := &history{
		requests: map[group.Token]*kmsg.SyncGroupRequest{}, fetched: map[group.Token]string{}, assigned: map[string][]byte{}, committed: map[string]int64{},
	}
	h.world = newWorld(t, group.Config{
		MinSessionTimeout: 10, MaxSessionTimeout: 60_000, InitialDelay: rapid.SampledFrom([]int64{0, 50}).Draw(t, "delay"), MaxSize: rapid.SampledFrom([]int{2, 100}).Draw(t, "size"),
		MaxMetadata: 20, OffsetRetention: 500,
	})
	h.now = 1_000_000
	return h
}

// do plays an event. What of it stays in the machine must be a copy: the request is overwritten.
func (h *history) do(ev group.Event, wipe ...[]byte) {
	e := h.step(ev)
	for _, b := range wipe {
		for i := range b {
			b[i] = '#'
		}
	}
	h.collect(e)
}

func (h *history) collect(e group.Effects) {
	for _, r := range e.Records {
		h.record(r)
	}
	h.held = append(h.held, e.Replies...)
	h.release()
}

// record notes which offsets are no longer what was seen.
func (h *history) record(r group.Record) {
	if r.Key[1] != 1 {
		return
	}
	var k kmsg.OffsetCommitKey
	if err := k.ReadFrom(r.Key); err != nil {
		h.t.Fatalf("%v", err)
	}
	delete(h.committed, fmt.Sprintf("%s %s/%d", k.Group, k.Topic, k.Partition))
}

// release lets the replies leave whose steps are durable.
func (h *history) release() {
	h.held = slices.DeleteFunc(h.held, func(r group.Reply) bool {
		if r.Shows > h.durable {
			return false
		}
		h.left(r)
		return true
	})
}

// left looks at a reply that leaves.
func (h *history) left(r group.Reply) {
	switch a := r.Answer.(type) {
	case *kmsg.JoinGroupResponse:
		if a.MemberID != "" && !slices.Contains(h.members, a.MemberID) {
			h.members = append(h.members, a.MemberID)
		}
	case *kmsg.SyncGroupResponse:
		if a.ErrorCode != 0 {
			return
		}
		req := h.requests[r.Token]
		key := fmt.Sprintf("%s %d %s", req.Group, req.Generation, req.MemberID)
		if before, ok := h.assigned[key]; ok && !bytes.Equal(before, a.MemberAssignment) {
			h.t.Fatalf("%s was given %q, and now %q", key, before, a.MemberAssignment)
		}
		h.assigned[key] = a.MemberAssignment
		// An owner names itself and its generation in the leader's request; what it gets is its own, of this generation.
		if own := []byte(fmt.Sprintf("%d", req.Generation)); len(a.MemberAssignment) > 0 && !bytes.HasPrefix(a.MemberAssignment, own) {
			h.t.Fatalf("%s got the assignment %q of another generation", key, a.MemberAssignment)
		}
	case *kmsg.OffsetFetchResponseGroup:
		key := h.fetched[r.Token]
		delete(h.fetched, r.Token)
		if at := a.Topics[0].Partitions[0].Offset; at >= 0 && h.m != nil {
			h.seen(key, at)
		}
	}
}

// seen notes an offset that left the broker, if it is still the one that the machine knows.
func (h *history) seen(key string, at int64) {
	if now := h.offset(key); now == at {
		h.committed[key] = at
	}
}

// offset is what a machine would show for a key.
func (h *history) offset(key string) int64 {
	var id, topic string
	var p int32
	if _, err := fmt.Sscanf(key, "%s t/%d", &id, &p); err != nil {
		h.t.Fatalf("%v", err)
	}
	topic = "t"
	e := h.m.Step(h.now, group.Fetch{Token: 1 << 60, Group: id, Topics: []group.TopicPartitions{{Topic: topic, Partitions: []int32{p}}}})
	return e.Replies[0].Answer.(*kmsg.OffsetFetchResponseGroup).Topics[0].Partitions[0].Offset
}

func (h *history) checkCommitted() {
	for _, key := range slices.Sorted(maps.Keys(h.committed)) {
		if now := h.offset(key); now != h.committed[key] {
			h.t.Fatalf("offset %s was seen as %d, and is now %d without a record that says so", key, h.committed[key], now)
		}
	}
}

func (h *history) crash() {
	h.held = nil
	h.collect(h.restart())
	h.checkCommitted()
}

func (h *history) play(t *rapid.T) {
	groups := rapid.SampledFrom([]string{"g", "h"})
	instance := func() *string {
		return rapid.SampledFrom([]*string{nil, nil, nil, text("i"), text("j")}).Draw(t, "instance")
	}
	member := func() string {
		recent := h.members[max(0, len(h.members)-6):]
		return rapid.SampledFrom(append([]string{""}, recent...)).Draw(t, "member")
	}
	generation := func() int32 { return rapid.Int32Range(-1, 12).Draw(t, "generation") }
	switch rapid.SampledFrom([]string{
		"join", "join", "join", "join again", "join again", "sync", "sync", "sync all", "sync all", "heartbeat", "leave", "commit", "commit all", "fetch", "delete", "delete offsets",
		"gone", "expire", "time", "time", "tick", "cancel", "durable", "durable", "crash", "describe", "list",
	}).Draw(t, "do") {
	case "join", "join again":
		req := kmsg.NewPtrJoinGroupRequest()
		req.Version = rapid.Int16Range(0, 9).Draw(t, "version")
		req.Group, req.MemberID, req.InstanceID, req.ProtocolType = groups.Draw(t, "group"), member(), instance(), "consumer"
		req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = rapid.Int32Range(100, 300).Draw(t, "session"), rapid.Int32Range(100, 300).Draw(t, "rebalance")
		var wipe [][]byte
		for _, name := range rapid.SampledFrom([][]string{{"r"}, {"s"}, {"r", "s"}, {"s", "r"}, {"s", "s", "r"}}).Draw(t, "protocols") {
			p := kmsg.NewJoinGroupRequestProtocol()
			p.Name, p.Metadata = name, consumer(rapid.SampledFrom([]string{"t", "u", "t+u"}).Draw(t, "topics"))
			wipe = append(wipe, p.Metadata)
			req.Protocols = append(req.Protocols, p)
		}
		h.next++
		h.do(group.Join{Token: h.newToken(), Client: group.Client{ID: "c", Host: "/h"}, NewMember: fmt.Sprintf("m%d", h.next), Request: req}, wipe...)
	case "sync":
		h.sync(groups.Draw(t, "group"), member(), instance(), generation(), nil)
	case "sync all":
		// Every member of a group comes, the leader with an assignment for each.
		id := groups.Draw(t, "group")
		members, gen := h.membersOf(id)
		for _, mb := range members {
			h.sync(id, mb, nil, gen, members)
		}
	case "heartbeat":
		req := kmsg.NewPtrHeartbeatRequest()
		req.Group, req.MemberID, req.InstanceID, req.Generation = groups.Draw(t, "group"), member(), instance(), generation()
		h.do(group.Heartbeat{Token: h.newToken(), Request: req})
	case "leave":
		req := kmsg.NewPtrLeaveGroupRequest()
		req.Version = rapid.SampledFrom([]int16{2, 5}).Draw(t, "version")
		req.Group, req.MemberID = groups.Draw(t, "group"), member()
		for range rapid.IntRange(1, 2).Draw(t, "members") {
			req.Members = append(req.Members, kmsg.LeaveGroupRequestMember{MemberID: member(), InstanceID: instance()})
		}
		h.do(group.Leave{Token: h.newToken(), Request: req})
	case "commit":
		h.commit(t, groups.Draw(t, "group"), member(), instance(), generation())
	case "commit all":
		id := groups.Draw(t, "group")
		members, gen := h.membersOf(id)
		if len(members) == 0 {
			h.commit(t, id, "", nil, -1)
		}
		for _, mb := range members {
			h.commit(t, id, mb, nil, gen)
		}
	case "fetch":
		id, p := groups.Draw(t, "group"), rapid.Int32Range(0, 2).Draw(t, "partition")
		token := h.newToken()
		h.fetched[token] = fmt.Sprintf("%s t/%d", id, p)
		h.do(group.Fetch{Token: token, Group: id, Topics: []group.TopicPartitions{{Topic: "t", Partitions: []int32{p}}}})
	case "delete":
		h.do(group.Delete{Token: h.newToken(), Group: groups.Draw(t, "group")})
	case "delete offsets":
		req := kmsg.NewPtrOffsetDeleteRequest()
		req.Group = groups.Draw(t, "group")
		req.Topics = []kmsg.OffsetDeleteRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: rapid.Int32Range(0, 2).Draw(t, "partition")}}}}
		h.do(group.DeleteOffsets{Token: h.newToken(), Request: req})
	case "gone":
		h.do(group.TopicGone{Topic: "t", ID: [16]byte{rapid.ByteRange(0, 2).Draw(t, "id")}, Exact: rapid.Bool().Draw(t, "exact")})
	case "expire":
		h.do(group.Expire{})
	case "time":
		h.advance(rapid.Int64Range(0, 400).Draw(t, "ms"), h.collect)
	case "tick":
		h.now += rapid.Int64Range(0, 100).Draw(t, "late") // ticks may be late, and may come for nothing
		h.do(group.Tick{})
	case "cancel":
		if waiting := slices.Sorted(maps.Keys(h.asked)); len(waiting) > 0 {
			h.do(group.Cancelled{Token: rapid.SampledFrom(waiting).Draw(t, "token")})
		}
	case "durable":
		h.durable = rapid.Uint64Range(h.durable, h.end()).Draw(t, "durable")
		h.release()
	case "crash":
		h.crash()
	case "describe":
		h.do(group.Describe{Token: h.newToken(), Group: groups.Draw(t, "group"), Version: 6})
	case "list":
		h.do(group.List{Token: h.newToken()})
	}
}

func (h *history) sync(id, member string, instance *string, generation int32, assign []string) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID, req.Generation = 4, id, member, instance, generation
	var wipe [][]byte
	for _, mb := range assign {
		b := fmt.Appendf(nil, "%d for %s by %s at %d", generation, mb, member, h.token)
		wipe = append(wipe, b)
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: mb, MemberAssignment: b})
	}
	token := h.newToken()
	h.requests[token] = req
	h.do(group.Sync{Token: token, Request: req}, wipe...)
}

func (h *history) commit(t *rapid.T, id, member string, instance *string, generation int32) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID, req.Generation = rapid.Int16Range(2, 10).Draw(t, "version"), id, member, instance, generation
	if req.Version < 5 {
		req.RetentionTimeMillis = rapid.SampledFrom([]int64{-1, 100}).Draw(t, "retention")
	}
	at := kmsg.OffsetCommitRequestTopic{Topic: "t"}
	if req.Version >= 10 {
		at.TopicID = [16]byte{1}
	}
	for range rapid.IntRange(0, 3).Draw(t, "offsets") {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset = rapid.Int32Range(0, 2).Draw(t, "partition"), rapid.Int64Range(0, 1000).Draw(t, "offset")
		p.Metadata = rapid.SampledFrom([]*string{nil, text("m"), text("more than 20 letters, so it is refused")}).Draw(t, "metadata")
		at.Partitions = append(at.Partitions, p)
	}
	req.Topics = []kmsg.OffsetCommitRequestTopic{at}
	h.do(group.Commit{Token: h.newToken(), Request: req})
}

// membersOf asks the machine who is in a group. Its generation is not in the answer, so it is asked for by heartbeats.
func (h *history) membersOf(id string) (members []string, generation int32) {
	e := h.m.Step(h.now, group.Describe{Token: 1 << 60, Group: id})
	for _, mb := range e.Replies[0].Answer.(*kmsg.DescribeGroupsResponseGroup).Members {
		members = append(members, mb.MemberID)
	}
	if len(members) == 0 {
		return nil, 0
	}
	for generation = range 1000 {
		req := kmsg.NewPtrHeartbeatRequest()
		req.Group, req.MemberID, req.Generation = id, members[0], generation
		e := h.m.Step(h.now, group.Heartbeat{Token: 1 << 60, Request: req})
		if e.Replies[0].Answer.(*kmsg.HeartbeatResponse).ErrorCode != 22 { // ILLEGAL_GENERATION
			break
		}
	}
	return members, generation
}

func text(s string) *string { return &s }

// TestHistories lets clients do anything. It proves that each step's records fit into what Need said, that each Join and Sync is answered once, that a member of a
// generation has one assignment and only of that generation, that ticking comes to an end, that what left the broker is still there after a crash, and that a
// machine made of the log knows the same.
func TestHistories(t *testing.T) { rapid.Check(t, anything) }

func FuzzHistories(f *testing.F) { f.Fuzz(rapid.MakeFuzz(anything)) }

func anything(t *rapid.T) {
	h := newHistory(t)
	for range rapid.IntRange(1, 120).Draw(t, "steps") {
		h.play(t)
		h.checkReplay()
	}
	// Without any further request everybody who waits is answered in the end.
	h.durable = h.end()
	h.release()
	h.advance(10*60*1000, h.collect)
	if len(h.asked) > 0 {
		t.Fatalf("tokens %v still wait in\n%v", slices.Sorted(maps.Keys(h.asked)), h.m)
	}
	if at, ok := h.m.Next(); ok {
		t.Fatalf("a tick is wanted at %d, with nobody left in\n%v", at, h.m)
	}
	h.crash()
}
