package group_test

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// Each transcript is a story of requests and what came of them. The first word of a request is its name, under which its answer shows up; it is also the id
// that a member gets which comes without one. Times are in milliseconds from the start.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		s := &story{names: map[group.Token]string{}, refused: map[string]int16{}, t: t}
		s.world = newWorld(t, group.Config{
			MinSessionTimeout: 100, MaxSessionTimeout: 30 * 60 * 1000, InitialDelay: 3000, MaxSize: math.MaxInt32, MaxMetadata: 4096, OffsetRetention: 60_000,
		})
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.d = t, d
			s.world.t = t
			out := s.run()
			s.checkReplay()
			return out
		})
	})
}

type story struct {
	*world
	t       *testing.T
	d       *datadriven.TestData
	names   map[group.Token]string
	refused map[string]int16
	out     strings.Builder
}

func (s *story) run() string {
	s.out.Reset()
	switch d := s.d; d.Cmd {
	case "config":
		s.config.InitialDelay = s.number("delay", s.config.InitialDelay)
		s.config.MaxSize = int(s.number("size", int64(s.config.MaxSize)))
		s.config.MaxMetadata = int(s.number("metadata", int64(s.config.MaxMetadata)))
		s.durable = s.end()
		s.show(s.restart())
	case "restart":
		s.durable = s.end()
		s.show(s.restart())
		return s.out.String() + s.m.String()
	case "crash": // the last steps were not durable
		s.durable = s.end() - uint64(s.number("lost", 1))
		s.show(s.restart())
		return s.out.String() + s.m.String()
	case "after":
		ms, err := strconv.ParseInt(d.CmdArgs[0].Key, 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		s.advance(ms, func(e group.Effects) {
			if len(e.Records) > 0 || len(e.Replies) > 0 {
				fmt.Fprintf(&s.out, "at %d\n", s.now)
			}
			s.show(e)
		})
	case "show":
		return s.m.String()
	case "refuse":
		s.refused[d.CmdArgs[0].Key] = int16(s.number("code", 3))
	case "expire":
		s.play(group.Expire{})
	case "gone":
		s.play(group.TopicGone{Topic: d.CmdArgs[0].Key, ID: [16]byte{byte(s.number("id", 0))}, Exact: s.optional("exact") != nil})
	case "cancel":
		for token, name := range s.names {
			if name == d.CmdArgs[0].Key {
				s.play(group.Cancelled{Token: token})
			}
		}
	case "list":
		s.play(group.List{Token: s.name(), States: s.words("states"), Types: s.words("types")})
	default:
		s.play(s.event())
	}
	if s.out.Len() == 0 {
		return "nothing\n"
	}
	return s.out.String()
}

func (s *story) play(ev group.Event) { s.show(s.step(ev)) }

// name makes a token for the request that is named by the first word.
func (s *story) name() group.Token {
	token := s.newToken()
	s.names[token] = s.d.CmdArgs[0].Key
	return token
}

func (s *story) text(key, otherwise string) string {
	for _, a := range s.d.CmdArgs {
		if a.Key == key {
			return strings.Join(a.Vals, ",")
		}
	}
	return otherwise
}

func (s *story) optional(key string) *string {
	for _, a := range s.d.CmdArgs {
		if a.Key == key {
			v := strings.Join(a.Vals, ",")
			return &v
		}
	}
	return nil
}

func (s *story) number(key string, otherwise int64) int64 {
	v := s.optional(key)
	if v == nil {
		return otherwise
	}
	n, err := strconv.ParseInt(*v, 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *story) words(key string) []string {
	v := s.optional(key)
	if v == nil {
		return nil
	}
	return strings.Split(*v, ",")
}

// pairs reads k:v,k:v.
func (s *story) pairs(key, otherwise string) (out [][2]string) {
	for _, kv := range strings.Split(s.text(key, otherwise), ",") {
		if k, v, _ := strings.Cut(kv, ":"); k != "" {
			out = append(out, [2]string{k, v})
		}
	}
	return out
}

// consumer is a consumer's metadata: version 0, topics, no user data.
func consumer(topics string) []byte {
	var list []string
	if topics != "" {
		list = strings.Split(topics, "+")
	}
	m := kmsg.NewConsumerMemberMetadata()
	m.Topics = list
	return m.AppendTo(nil)
}

func (s *story) event() group.Event {
	id := s.text("group", "g")
	first := s.d.CmdArgs[0].Key
	switch s.d.Cmd {
	case "join":
		req := kmsg.NewPtrJoinGroupRequest()
		req.Version = int16(s.number("version", 3))
		req.Group, req.MemberID, req.InstanceID = id, s.text("member", ""), s.optional("instance")
		req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = int32(s.number("session", 10_000)), int32(s.number("rebalance", 20_000))
		req.ProtocolType = s.text("type", "consumer")
		for _, p := range s.pairs("protocols", "range:t") {
			x := kmsg.NewJoinGroupRequestProtocol()
			x.Name, x.Metadata = p[0], consumer(p[1])
			if strings.HasPrefix(p[1], "=") {
				x.Metadata = []byte(p[1][1:])
			}
			req.Protocols = append(req.Protocols, x)
		}
		if s.text("protocols", "some") == "none" {
			req.Protocols = nil
		}
		return group.Join{Token: s.name(), Client: group.Client{ID: s.text("client", "c"), Host: "/127.0.0.1"}, NewMember: first, Request: req}
	case "sync":
		req := kmsg.NewPtrSyncGroupRequest()
		req.Version = int16(s.number("version", 4))
		req.Group, req.MemberID, req.InstanceID = id, s.text("member", first), s.optional("instance")
		req.Generation = int32(s.number("generation", 1))
		req.ProtocolType, req.Protocol = s.optional("type"), s.optional("protocol")
		for _, a := range s.pairs("assign", "") {
			x := kmsg.NewSyncGroupRequestGroupAssignment()
			x.MemberID, x.MemberAssignment = a[0], []byte(a[1])
			req.GroupAssignment = append(req.GroupAssignment, x)
		}
		return group.Sync{Token: s.name(), Request: req}
	case "heartbeat":
		req := kmsg.NewPtrHeartbeatRequest()
		req.Version = int16(s.number("version", 4))
		req.Group, req.MemberID, req.InstanceID, req.Generation = id, s.text("member", first), s.optional("instance"), int32(s.number("generation", 1))
		return group.Heartbeat{Token: s.name(), Request: req}
	case "leave":
		req := kmsg.NewPtrLeaveGroupRequest()
		req.Version = int16(s.number("version", 5))
		req.Group, req.MemberID = id, s.text("member", "")
		for _, who := range s.pairs("members", "") { // member:instance, - for none
			x := kmsg.NewLeaveGroupRequestMember()
			if who[0] != "-" {
				x.MemberID = who[0]
			}
			if who[1] != "" {
				x.InstanceID = &who[1]
			}
			req.Members = append(req.Members, x)
		}
		return group.Leave{Token: s.name(), Request: req}
	case "commit":
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Version = int16(s.number("version", 8))
		req.Group, req.MemberID, req.InstanceID, req.Generation = id, s.text("member", ""), s.optional("instance"), int32(s.number("generation", -1))
		req.RetentionTimeMillis = s.number("retention", -1)
		for _, o := range s.pairs("offsets", "") { // topic/partition:offset
			topic, partition, _ := strings.Cut(o[0], "/")
			p := kmsg.NewOffsetCommitRequestTopicPartition()
			n, err := strconv.ParseInt(partition, 10, 32)
			if err != nil {
				s.t.Fatal(err)
			}
			p.Partition = int32(n)
			if p.Offset, err = strconv.ParseInt(o[1], 10, 64); err != nil {
				s.t.Fatal(err)
			}
			p.LeaderEpoch, p.Metadata = int32(s.number("epoch", -1)), s.optional("metadata")
			if n := s.number("long", 0); n > 0 {
				long := strings.Repeat("x", int(n))
				p.Metadata = &long
			}
			if len(req.Topics) == 0 || req.Topics[len(req.Topics)-1].Topic != topic {
				req.Topics = append(req.Topics, kmsg.OffsetCommitRequestTopic{Topic: topic, TopicID: [16]byte{byte(s.number("id", 0))}})
			}
			at := &req.Topics[len(req.Topics)-1]
			at.Partitions = append(at.Partitions, p)
		}
		return group.Commit{Token: s.name(), Request: req, Refused: s.isRefused}
	case "fetch":
		ev := group.Fetch{Token: s.name(), Group: id, MemberEpoch: -1}
		for _, o := range s.words("of") {
			topic, partition, _ := strings.Cut(o, "/")
			n, err := strconv.ParseInt(partition, 10, 32)
			if err != nil {
				s.t.Fatal(err)
			}
			ev.Topics = append(ev.Topics, group.TopicPartitions{Topic: topic, TopicID: [16]byte{byte(s.number("id", 0))}, Partitions: []int32{int32(n)}})
		}
		return ev
	case "delete-offsets":
		req := kmsg.NewPtrOffsetDeleteRequest()
		req.Group = id
		for _, o := range s.words("of") {
			topic, partition, _ := strings.Cut(o, "/")
			n, err := strconv.ParseInt(partition, 10, 32)
			if err != nil {
				s.t.Fatal(err)
			}
			req.Topics = append(req.Topics, kmsg.OffsetDeleteRequestTopic{Topic: topic, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: int32(n)}}})
		}
		return group.DeleteOffsets{Token: s.name(), Request: req, Refused: s.isRefused}
	case "describe":
		return group.Describe{Token: s.name(), Group: id, Version: int16(s.number("version", 6))}
	case "delete":
		return group.Delete{Token: s.name(), Group: id}
	}
	s.t.Fatalf("unknown command %q", s.d.Cmd)
	return nil
}

func (s *story) isRefused(topic string, partition int32) int16 {
	return s.refused[fmt.Sprintf("%s/%d", topic, partition)]
}

// show writes what came of a step.
func (s *story) show(e group.Effects) {
	if len(e.Records) > 0 {
		fmt.Fprintf(&s.out, "records of step %d:\n", e.Number)
	}
	for _, r := range e.Records {
		fmt.Fprintf(&s.out, "  %s\n", describeRecord(s.t, r))
	}
	for _, r := range e.Replies {
		fmt.Fprintf(&s.out, "%s: %s", s.names[r.Token], describeAnswer(r.Answer))
		if r.Shows > 0 {
			fmt.Fprintf(&s.out, " (after step %d)", r.Shows)
		}
		s.out.WriteByte('\n')
	}
}

func describeRecord(t *testing.T, r group.Record) string {
	if r.Key[1] == 2 {
		var k kmsg.GroupMetadataKey
		if err := k.ReadFrom(r.Key); err != nil {
			t.Fatal(err)
		}
		if r.Value == nil {
			return fmt.Sprintf("group %s is gone", k.Group)
		}
		v := kmsg.NewGroupMetadataValue()
		if err := v.ReadFrom(r.Value); err != nil {
			t.Fatal(err)
		}
		out := fmt.Sprintf("group %s v%d: generation %d type %q protocol %s leader %s since %d", k.Group, v.Version, v.Generation, v.ProtocolType, orNull(v.Protocol),
			orNull(v.Leader), v.CurrentStateTimestamp)
		for _, m := range v.Members {
			out += fmt.Sprintf("\n    %s instance %s client %s%s timeouts %d %d assigned %q", m.MemberID, orNull(m.InstanceID), m.ClientID, m.ClientHost,
				m.RebalanceTimeoutMillis, m.SessionTimeoutMillis, m.Assignment)
		}
		return out
	}
	var k kmsg.OffsetCommitKey
	if err := k.ReadFrom(r.Key); err != nil {
		t.Fatal(err)
	}
	if r.Value == nil {
		return fmt.Sprintf("offset %s %s/%d is gone", k.Group, k.Topic, k.Partition)
	}
	v := kmsg.OffsetCommitValue{LeaderEpoch: -1}
	if err := v.ReadFrom(r.Value); err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintf("offset %s %s/%d v%d: %d epoch %d metadata %q at %d", k.Group, k.Topic, k.Partition, v.Version, v.Offset, v.LeaderEpoch, v.Metadata, v.CommitTimestamp)
	if len(v.Metadata) > 100 {
		out = fmt.Sprintf("offset %s %s/%d v%d: %d with %d bytes of metadata", k.Group, k.Topic, k.Partition, v.Version, v.Offset, len(v.Metadata))
	}
	if v.Version == 1 {
		out += fmt.Sprintf(" until %d", v.ExpireTimestamp)
	}
	if v.TopicID != [16]byte{} {
		out += fmt.Sprintf(" of id %d", v.TopicID[0])
	}
	return out
}

func orNull(s *string) string {
	if s == nil {
		return "null"
	}
	return fmt.Sprintf("%q", *s)
}

func describeAnswer(answer any) string {
	switch a := answer.(type) {
	case *kmsg.JoinGroupResponse:
		if a.ErrorCode != 0 {
			return fmt.Sprintf("%s member %q generation %d protocol %s", codeName(a.ErrorCode), a.MemberID, a.Generation, orNull(a.Protocol))
		}
		out := fmt.Sprintf("joined as %s in generation %d of %s by %s, led by %s", a.MemberID, a.Generation, orNull(a.ProtocolType), orNull(a.Protocol), a.LeaderID)
		if a.SkipAssignment {
			out += ", nothing to assign"
		}
		for _, m := range a.Members {
			out += fmt.Sprintf("\n  %s instance %s %s", m.MemberID, orNull(m.InstanceID), describeMetadata(m.ProtocolMetadata))
		}
		return out
	case *kmsg.SyncGroupResponse:
		if a.ErrorCode != 0 {
			return codeName(a.ErrorCode)
		}
		return fmt.Sprintf("synced by %s %s: %q", orNull(a.ProtocolType), orNull(a.Protocol), a.MemberAssignment)
	case *kmsg.HeartbeatResponse:
		return codeName(a.ErrorCode)
	case *kmsg.LeaveGroupResponse:
		out := codeName(a.ErrorCode)
		for _, m := range a.Members {
			out += fmt.Sprintf(", %q %s %s", m.MemberID, orNull(m.InstanceID), codeName(m.ErrorCode))
		}
		return out
	case *kmsg.OffsetCommitResponse:
		var out []string
		for _, t := range a.Topics {
			for _, p := range t.Partitions {
				out = append(out, fmt.Sprintf("%s/%d %s", t.Topic, p.Partition, codeName(p.ErrorCode)))
			}
		}
		return strings.Join(out, ", ")
	case *kmsg.OffsetFetchResponseGroup:
		out := []string{codeName(a.ErrorCode)}
		for _, t := range a.Topics {
			for _, p := range t.Partitions {
				out = append(out, fmt.Sprintf("%s/%d at %d epoch %d %s %s", t.Topic, p.Partition, p.Offset, p.LeaderEpoch, orNull(p.Metadata), codeName(p.ErrorCode)))
			}
		}
		return strings.Join(out, ", ")
	case *kmsg.OffsetDeleteResponse:
		out := []string{codeName(a.ErrorCode)}
		for _, t := range a.Topics {
			for _, p := range t.Partitions {
				out = append(out, fmt.Sprintf("%s/%d %s", t.Topic, p.Partition, codeName(p.ErrorCode)))
			}
		}
		return strings.Join(out, ", ")
	case *kmsg.DescribeGroupsResponseGroup:
		out := fmt.Sprintf("%s %s of %q by %q", codeName(a.ErrorCode), a.State, a.ProtocolType, a.Protocol)
		if a.ErrorMessage != nil {
			out += ": " + *a.ErrorMessage
		}
		for _, m := range a.Members {
			out += fmt.Sprintf("\n  %s instance %s client %s%s %s assigned %q", m.MemberID, orNull(m.InstanceID), m.ClientID, m.ClientHost,
				describeMetadata(m.ProtocolMetadata), m.MemberAssignment)
		}
		return out
	case []kmsg.ListGroupsResponseGroup:
		out := fmt.Sprintf("%d groups", len(a))
		for _, g := range a {
			out += fmt.Sprintf("\n  %s %q %s %s", g.Group, g.ProtocolType, g.GroupState, g.GroupType)
		}
		return out
	case *kmsg.DeleteGroupsResponseGroup:
		return a.Group + " " + codeName(a.ErrorCode)
	}
	return fmt.Sprintf("%T", answer)
}

// describeMetadata shows the topics of a consumer's metadata.
func describeMetadata(b []byte) string {
	var m kmsg.ConsumerMemberMetadata
	if err := m.ReadFrom(b); err != nil || !bytes.Equal(m.AppendTo(nil), b) {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprint(m.Topics)
}
