package group_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/group"
)

func plain() group.Config {
	return group.Config{MinSessionTimeout: 10, MaxSessionTimeout: 1_800_000, MaxSize: math.MaxInt32, MaxMetadata: 4096, OffsetRetention: 1000}
}

func (w *world) commitMany(id string, partitions int, at int64) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group = 8, id
	topic := kmsg.OffsetCommitRequestTopic{Topic: "t"}
	for p := range partitions {
		x := kmsg.NewOffsetCommitRequestTopicPartition()
		x.Partition, x.Offset = int32(p), at
		topic.Partitions = append(topic.Partitions, x)
	}
	req.Topics = append(req.Topics, topic)
	w.step(group.Commit{Token: w.newToken(), Request: req})
}

func batchSize(e group.Effects) int {
	b := batch.NewBuilder(batch.NoProducer())
	for _, r := range e.Records {
		b.Append(0, r.Key, r.Value)
	}
	return b.Size()
}

// What a deleted topic or the retention leaves to delete goes in pieces, by Ticks; offsets that are committed meanwhile stay.
func TestManyOffsetsAreDeletedInPieces(t *testing.T) {
	for name, ev := range map[string]group.Event{"topic": group.TopicGone{Topic: "t"}, "expiry": group.Expire{}} {
		w := newWorld(t, plain())
		for g := range 4 {
			w.commitMany(fmt.Sprintf("g%d", g), 4000, 1)
		}
		w.now += 1000
		pieces := 1
		biggest := batchSize(w.step(ev))
		w.commitMany("g3", 1, 2) // partition 0 is new, and was not yet looked at
		if name == "expiry" {
			w.step(ev) // asking again changes nothing
		}
		w.advance(0, func(e group.Effects) {
			pieces++
			biggest = max(biggest, batchSize(e))
		})
		if pieces < 3 || biggest > 300<<10 {
			t.Errorf("%s: %d pieces of up to %d bytes", name, pieces, biggest)
		}
		w.checkReplay()
		if c := w.m.Counts(); c.Offsets != 1 || name == "expiry" && w.m.Groups() != 1 {
			t.Errorf("%s: left over: %+v", name, c)
		}
	}
}

// The ids that are given away to members that never come back are bounded, as texts are that no record could hold.
func TestWhatRequestsMakeGrowIsBounded(t *testing.T) {
	w := newWorld(t, plain())
	join := func(i int, group_ string) *kmsg.JoinGroupRequest {
		req := kmsg.NewPtrJoinGroupRequest()
		req.Version, req.Group, req.SessionTimeoutMillis, req.ProtocolType = 9, group_, 1000, "consumer"
		req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
		return req
	}
	last := ""
	for i := range 10_001 {
		e := w.m.Step(0, group.Join{Token: 1, NewMember: fmt.Sprint(i), Request: join(i, "g")})
		last = codeName(e.Replies[0].Answer.(*kmsg.JoinGroupResponse).ErrorCode)
	}
	if last != "GROUP_MAX_SIZE_REACHED" || w.m.Counts().Pending != 10_000 {
		t.Errorf("%s, %+v", last, w.m.Counts())
	}
	long := strings.Repeat("x", 1<<15)
	for what, change := range map[string]func(*group.Join){
		"group":    func(ev *group.Join) { ev.Request.Group = long },
		"member":   func(ev *group.Join) { ev.Request.MemberID = long },
		"new":      func(ev *group.Join) { ev.NewMember = long },
		"instance": func(ev *group.Join) { ev.Request.InstanceID = &long },
		"type":     func(ev *group.Join) { ev.Request.ProtocolType = long },
		"protocol": func(ev *group.Join) { ev.Request.Protocols[0].Name = long },
	} {
		ev := group.Join{Token: w.newToken(), NewMember: "new", Request: join(0, "h")}
		change(&ev)
		if code := codeName(w.step(ev).Replies[0].Answer.(*kmsg.JoinGroupResponse).ErrorCode); code != "INVALID_REQUEST" {
			t.Errorf("%s of 32 KiB: %s", what, code)
		}
	}
	w.commitMany(long, 1, 1)
	if w.m.Groups() != 1 {
		t.Errorf("%d groups", w.m.Groups())
	}
}

// A Tick does a bounded number of things; what is left is due at once.
func TestManyTimersAreHandledInPieces(t *testing.T) {
	w := newWorld(t, plain())
	for i := range 1000 {
		req := kmsg.NewPtrJoinGroupRequest()
		req.Version, req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 3, fmt.Sprintf("g%d", i), 1000, 1000, "consumer"
		req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
		w.step(group.Join{Token: w.newToken(), NewMember: "m", Request: req})
	}
	answers, ticks := 0, 0
	w.advance(0, func(e group.Effects) { ticks++; answers += len(e.Replies) })
	if ticks != 4 || answers != 1000 {
		t.Errorf("%d answers by %d ticks", answers, ticks)
	}
	w.advance(1000, func(e group.Effects) { ticks++; answers += len(e.Records) })
	if ticks != 8 || answers != 2000 || w.m.Counts() != (group.Counts{Empty: 1000}) {
		t.Errorf("%d answers and records by %d ticks: %+v", answers, ticks, w.m.Counts())
	}
}

// A group that its record deletes while it has offsets goes on as one that only keeps offsets: nothing that was committed vanishes without a record of its own.
func TestAGroupsTombstoneLeavesItsOffsets(t *testing.T) {
	w := newWorld(t, plain())
	w.commitMany("g", 1, 5)
	if err := w.m.Replay(kmsgKey("g"), nil); err != nil {
		t.Fatal(err)
	}
	if have, want := w.m.String(), "group g: Empty, generation 0\n  offset t/0: 5, at 0\n"; have != want {
		t.Errorf("%s", have)
	}
	if topics := w.m.Topics(); len(topics) != 1 || topics[0] != (group.TopicRef{Topic: "t"}) {
		t.Errorf("topics %v", topics)
	}
}

func kmsgKey(id string) []byte { return (&kmsg.GroupMetadataKey{Version: 2, Group: id}).AppendTo(nil) }
