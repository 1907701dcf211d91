package server

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// joinAs makes a JoinGroup request of one protocol.
func joinAs(group, member string, metadata []byte) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID, req.ProtocolType = 9, group, member, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 10_000, 10_000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", metadata
	req.Protocols = append(req.Protocols, p)
	return req
}

// enter makes a member of a new group and completes its generation with an assignment.
func (p *peer) enter(group string, metadata, assignment []byte) (member string, generation int32) {
	p.t.Helper()
	first := ask[*kmsg.JoinGroupResponse](p, joinAs(group, "", metadata))
	if first.ErrorCode != kerr.MemberIDRequired.Code || first.MemberID == "" {
		p.t.Fatalf("join without an id: %s, member %q", name(first.ErrorCode), first.MemberID)
	}
	joined := ask[*kmsg.JoinGroupResponse](p, joinAs(group, first.MemberID, metadata))
	if joined.ErrorCode != 0 || joined.LeaderID != first.MemberID {
		p.t.Fatalf("join: %s, leader %q", name(joined.ErrorCode), joined.LeaderID)
	}
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Version, sync.Group, sync.MemberID, sync.Generation = 5, group, first.MemberID, joined.Generation
	sync.ProtocolType, sync.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	a := kmsg.NewSyncGroupRequestGroupAssignment()
	a.MemberID, a.MemberAssignment = first.MemberID, assignment
	sync.GroupAssignment = append(sync.GroupAssignment, a)
	if r := ask[*kmsg.SyncGroupResponse](p, sync); r.ErrorCode != 0 || !bytes.Equal(r.MemberAssignment, assignment) {
		p.t.Fatalf("sync: %s, assignment %q", name(r.ErrorCode), r.MemberAssignment)
	}
	return first.MemberID, joined.Generation
}

// commitOf makes a commit of one offset.
func commitOf(group, member string, generation int32, topic string, offset int64) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 9, group, member, generation
	rt := kmsg.NewOffsetCommitRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewOffsetCommitRequestTopicPartition()
	rp.Offset = offset
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

func offsetsOf(group string) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version = 9
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	req.Groups = append(req.Groups, g)
	return req
}

// committedOf is the offset that a group has committed for its one partition, -1 when there is none.
func (p *peer) committedOf(group string) int64 {
	p.t.Helper()
	g := ask[*kmsg.OffsetFetchResponse](p, offsetsOf(group)).Groups[0]
	if g.ErrorCode != 0 {
		p.t.Fatalf("offsets of %s: %s", group, name(g.ErrorCode))
	}
	if len(g.Topics) == 0 {
		return -1
	}
	return g.Topics[0].Partitions[0].Offset
}

func describeGroup(group string) *kmsg.DescribeGroupsRequest {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Version, req.Groups = 6, []string{group}
	return req
}

var groupSettings = []string{"group.initial.rebalance.delay.ms=0", "offsets.topic.num.partitions=3"}

// What a member says of itself stays what it was when the memory of its requests is used for others.
func TestGroupsKeepTheirOwnBytes(t *testing.T) {
	b := start(t, Limits{}, groupSettings...)
	p := b.dial()
	metadata, assignment := bytes.Repeat([]byte("m"), 3000), bytes.Repeat([]byte("a"), 3000)
	member, _ := p.enter("g", metadata, assignment)
	for i := range 20 {
		ask[*kmsg.JoinGroupResponse](p, joinAs(fmt.Sprint("other", i), "", bytes.Repeat([]byte("x"), 3000)))
	}
	g := ask[*kmsg.DescribeGroupsResponse](p, describeGroup("g")).Groups[0]
	if g.State != "Stable" || len(g.Members) != 1 || g.Members[0].MemberID != member || !bytes.Equal(g.Members[0].ProtocolMetadata, metadata) ||
		!bytes.Equal(g.Members[0].MemberAssignment, assignment) {
		t.Errorf("the group has changed: %s, %d members, %+v", g.State, len(g.Members), g.Members)
	}
}

// No answer, also none of a read, shows a commit that is not durable; a heartbeat waits for no disk.
func TestAnswersWaitForTheRecordsThatTheyShow(t *testing.T) {
	stalled, goOn := make(chan struct{}, 100), make(chan struct{})
	var stalls atomic.Bool
	stall := &vfs.Rule{Op: vfs.OpSync, Name: "*.wal", Times: -1, Delay: func() {
		if stalls.Load() {
			stalled <- struct{}{}
			<-goOn
		}
	}}
	b := startOn(t, vfs.WithFaults(vfs.NewMem(), stall), Limits{}, groupSettings...)
	b.create("t", 1)
	p, other, third := b.dial(), b.dial(), b.dial()
	member, generation := p.enter("g", []byte("m"), []byte("a"))
	if r := ask[*kmsg.OffsetCommitResponse](p, commitOf("g", member, generation, "t", 1)); r.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatalf("commit: %s", name(r.Topics[0].Partitions[0].ErrorCode))
	}
	stalls.Store(true)
	commit := p.send(commitOf("g", member, generation, "t", 2))
	<-stalled
	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Version, beat.Group, beat.MemberID, beat.Generation = 4, "g", member, generation
	if r := ask[*kmsg.HeartbeatResponse](other, beat); r.ErrorCode != 0 {
		t.Errorf("heartbeat beside a stalled disk: %s", name(r.ErrorCode))
	}
	read := other.send(offsetsOf("g"))
	third.SetDeadline(time.Now().Add(200 * time.Millisecond)) // to see that nothing comes; not to see that something does
	described := third.send(describeGroup("g"))
	if n, err := third.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes of an answer (request %d) came before the commit was durable", n, described)
	}
	stalls.Store(false)
	close(goOn)
	done := kmsg.NewPtrOffsetCommitResponse()
	done.Version = 9
	p.receive(commit, done)
	seen := kmsg.NewPtrOffsetFetchResponse()
	seen.Version = 9
	other.receive(read, seen)
	if got := seen.Groups[0].Topics[0].Partitions[0].Offset; got != 2 {
		t.Errorf("the read shows offset %d, want 2", got)
	}
}

// A start after a crash knows the groups, their members and all that was committed.
func TestGroupsAreThereAfterACrash(t *testing.T) {
	mem := vfs.NewMem()
	var member string
	var generation int32
	t.Run("before", func(t *testing.T) {
		b := startOn(t, mem, Limits{}, groupSettings...)
		b.create("t", 1)
		p := b.dial()
		member, generation = p.enter("g", []byte("m"), []byte("a"))
		ask[*kmsg.OffsetCommitResponse](p, commitOf("g", member, generation, "t", 41))
		for i := range 10 {
			simple := fmt.Sprint("simple-", i)
			if r := ask[*kmsg.OffsetCommitResponse](p, commitOf(simple, "", -1, "t", int64(i))); r.Topics[0].Partitions[0].ErrorCode != 0 {
				t.Errorf("commit of %s: %s", simple, name(r.Topics[0].Partitions[0].ErrorCode))
			}
		}
		b.Close()
		b.store.Abort()
	})
	b := startOn(t, mem, Limits{}, groupSettings...)
	p := b.dial()
	if got := p.committedOf("g"); got != 41 {
		t.Errorf("offset %d, want 41", got)
	}
	for i := range 10 {
		if got := p.committedOf(fmt.Sprint("simple-", i)); got != int64(i) {
			t.Errorf("offset of group %d is %d", i, got)
		}
	}
	if r := ask[*kmsg.OffsetCommitResponse](p, commitOf("g", member, generation, "t", 42)); r.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Errorf("the member commits after the start: %s", name(r.Topics[0].Partitions[0].ErrorCode))
	}
	if r := ask[*kmsg.OffsetCommitResponse](p, commitOf("g", member, generation-1, "t", 7)); r.Topics[0].Partitions[0].ErrorCode != kerr.IllegalGeneration.Code {
		t.Errorf("a commit of an old generation: %s", name(r.Topics[0].Partitions[0].ErrorCode))
	}
	list := kmsg.NewPtrListGroupsRequest()
	list.Version = 5
	if r := ask[*kmsg.ListGroupsResponse](p, list); len(r.Groups) != 11 {
		t.Errorf("%d groups, want 11", len(r.Groups))
	}
}

// The offsets of a deleted topic go with it, and a topic of the same name begins without.
func TestOffsetsGoWithTheirTopic(t *testing.T) {
	b := start(t, Limits{}, groupSettings...)
	b.create("t", 1)
	b.create("u", 1)
	p := b.dial()
	ask[*kmsg.OffsetCommitResponse](p, commitOf("g", "", -1, "t", 5))
	ask[*kmsg.OffsetCommitResponse](p, commitOf("other", "", -1, "u", 6))
	del := kmsg.NewPtrDeleteTopicsRequest()
	del.Version, del.TopicNames, del.TimeoutMillis = 5, []string{"t"}, 5000
	if r := ask[*kmsg.DeleteTopicsResponse](p, del); r.Topics[0].ErrorCode != 0 {
		t.Fatalf("delete: %s", name(r.Topics[0].ErrorCode))
	}
	b.create("t", 1)
	if got := p.committedOf("g"); got != -1 {
		t.Errorf("offset %d of the topic that is gone", got)
	}
	if got := p.committedOf("other"); got != 6 {
		t.Errorf("offset %d of the other topic, want 6", got)
	}
}

// Offsets whose topic was deleted, and which a crash kept, are not those of a topic that is made later.
func TestOffsetsOfATopicThatIsGoneDoNotComeBack(t *testing.T) {
	mem := vfs.NewMem()
	t.Run("before", func(t *testing.T) {
		b := startOn(t, mem, Limits{}, groupSettings...)
		b.create("t", 1)
		p := b.dial()
		ask[*kmsg.OffsetCommitResponse](p, commitOf("g", "", -1, "t", 5))
		if err := b.store.DeleteTopic(context.Background(), "t"); err != nil { // the groups are not told
			t.Fatal(err)
		}
	})
	b := startOn(t, mem, Limits{}, groupSettings...)
	p := b.dial()
	for deadline := time.Now().Add(10 * time.Second); p.committedOf("g") != -1; {
		if time.Now().After(deadline) {
			t.Fatal("the offset is still there")
		}
	}
	b.create("t", 1)
	if got := p.committedOf("g"); got != -1 {
		t.Errorf("offset %d of the topic that is gone", got)
	}
}

// A topic that is made again has no offsets of the one before, also when a crash, or the time that it takes, keeps those: not when they are asked for, not after a
// start. Offsets that were committed for the new topic stay when those of the old one go.
func TestOffsetsBelongToOneLifeOfATopic(t *testing.T) {
	mem := vfs.NewMem()
	t.Run("before", func(t *testing.T) {
		b := startOn(t, mem, Limits{}, groupSettings...)
		old := b.create("t", 1)
		p := b.dial()
		ask[*kmsg.OffsetCommitResponse](p, commitOf("g", "", -1, "t", 5))
		ask[*kmsg.OffsetCommitResponse](p, commitOf("both", "", -1, "t", 5))
		if err := b.store.DeleteTopic(context.Background(), "t"); err != nil { // the groups are not told yet
			t.Fatal(err)
		}
		b.create("t", 1)
		for _, group := range []string{"g", "both"} {
			if got := p.committedOf(group); got != -1 {
				t.Errorf("%s has offset %d of the topic that is gone", group, got)
			}
		}
		for _, group := range []string{"both", "new"} {
			ask[*kmsg.OffsetCommitResponse](p, commitOf(group, "", -1, "t", 6))
		}
		b.create("u", 1)
		ask[*kmsg.OffsetCommitResponse](p, commitOf("kept", "", -1, "u", 5))
		if err := b.store.DeleteTopic(context.Background(), "u"); err != nil { // they never are
			t.Fatal(err)
		}
		b.create("u", 1)
		b.groups.topicGone(context.Background(), "t", old.ID)
		for _, group := range []string{"both", "new"} {
			if got := p.committedOf(group); got != 6 {
				t.Errorf("%s has offset %d, want 6: it went with the old topic's", group, got)
			}
		}
	})
	b := startOn(t, mem, Limits{}, groupSettings...)
	p := b.dial()
	for group, want := range map[string]int64{"g": -1, "both": 6, "new": 6, "kept": -1} {
		if got := p.committedOf(group); got != want {
			t.Errorf("after a start %s has offset %d, want %d", group, got, want)
		}
	}
}

// A member that waits for the others is answered when the broker stops, so that it looks for another.
func TestShutdownAnswersMembersThatWait(t *testing.T) {
	b := start(t, Limits{}, "group.initial.rebalance.delay.ms=60000", "offsets.topic.num.partitions=3")
	p := b.dial()
	first := ask[*kmsg.JoinGroupResponse](p, joinAs("g", "", []byte("m")))
	waiting := p.send(joinAs("g", first.MemberID, []byte("m")))
	b.eventually(func(st Stats) bool { return st.Requests[keyJoinGroup] == 2 })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version = 9
	p.receive(waiting, resp)
	if resp.ErrorCode != kerr.NotCoordinator.Code {
		t.Errorf("got %s", name(resp.ErrorCode))
	}
}

// groupSamples are requests of groups that are answered at once.
func groupSamples(t *store.Topic) []kmsg.Request {
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.Version, find.CoordinatorKeys = 6, []string{"g", "h"}
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Version, sync.Group, sync.MemberID, sync.ProtocolType, sync.Protocol = 5, "g", "m", kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: "m", MemberAssignment: []byte("all")}}
	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Version, beat.Group, beat.MemberID = 4, "g", "m"
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Version, leave.Group = 5, "g"
	leave.Members = []kmsg.LeaveGroupRequestMember{{MemberID: "m", InstanceID: kmsg.StringPtr("i"), Reason: kmsg.StringPtr("over")}}
	list := kmsg.NewPtrListGroupsRequest()
	list.Version, list.StatesFilter, list.TypesFilter = 5, []string{"Stable"}, []string{"classic"}
	del := kmsg.NewPtrDeleteGroupsRequest()
	del.Version, del.Groups = 2, []string{"g"}
	offsets := kmsg.NewPtrOffsetDeleteRequest()
	offsets.Group = "g"
	offsets.Topics = []kmsg.OffsetDeleteRequestTopic{{Topic: t.Name, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}}}}
	commit := commitOf("g", "", -1, t.Name, 1)
	commit.Version, commit.Topics[0].TopicID, commit.Topics[0].Partitions[0].Metadata = 10, t.ID, kmsg.StringPtr("text")
	return []kmsg.Request{
		find, joinAs("g", "nobody", []byte("metadata")), sync, beat, leave, describeGroup("g"), list, del, offsets, commit, offsetsOf("g"),
	}
}
