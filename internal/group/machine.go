package group

import "github.com/twmb/franz-go/pkg/kmsg"

// Config is the broker's settings for groups. Times are in milliseconds.
type Config struct {
	MinSessionTimeout int64 // group.min.session.timeout.ms
	MaxSessionTimeout int64 // group.max.session.timeout.ms
	InitialDelay      int64 // group.initial.rebalance.delay.ms
	MaxSize           int   // group.max.size: the most members of a group; 0: any number
	MaxMetadata       int   // offset.metadata.max.bytes: the longest text with an offset
	OffsetRetention   int64 // offsets.retention.minutes, in milliseconds
}

// Token names a request that is answered by a Reply, in this step or in a later one. The caller makes them; they are never 0.
type Token uint64

// Client is who sent a request.
type Client struct {
	ID   string // the client id of the request
	Host string // as Kafka shows it: "/127.0.0.1"
}

// Event is one of the types below: a request of a client, or a fact of the world.
type Event interface{ event() }

type (
	// Join is a JoinGroup request. NewMember is the id that a member without one gets: the instance id, or the client id of a member without an instance, a dash
	// and a random UUID. It must be new.
	Join struct {
		Token     Token
		Client    Client
		NewMember string
		Request   *kmsg.JoinGroupRequest
	}
	// Sync is a SyncGroup request.
	Sync struct {
		Token   Token
		Client  Client
		Request *kmsg.SyncGroupRequest
	}
	// Heartbeat is a Heartbeat request.
	Heartbeat struct {
		Token   Token
		Request *kmsg.HeartbeatRequest
	}
	// Leave is a LeaveGroup request.
	Leave struct {
		Token   Token
		Request *kmsg.LeaveGroupRequest
	}
	// Commit is an OffsetCommit request. Topics stand in it by name; a TopicID that is not zero is stored with the offset (Kafka does so from version 10 on; here the
	// caller gives it in all versions, so that the offset is never taken for one of a topic that is made again).
	// Refused, which may be nil, has the topics and partitions that the caller found not to exist, or not to be allowed. When nothing is left the group is not
	// asked, as in Kafka.
	Commit struct {
		Token   Token
		Request *kmsg.OffsetCommitRequest
		Refused func(topic string, partition int32) int16 // Kafka's error code, 0 for none
	}
	// Fetch is one group of an OffsetFetch request. Topics is nil for all. TopicID, which may be nil, says which topic has a name now, zero when none has:
	// offsets that were committed for another one are not shown.
	Fetch struct {
		Token         Token
		Group         string
		MemberID      *string // version 9
		MemberEpoch   int32
		RequireStable bool
		Topics        []TopicPartitions
		TopicID       func(topic string) [16]byte
	}
	// DeleteOffsets is an OffsetDelete request. Refused is as in Commit, but the group is always asked.
	DeleteOffsets struct {
		Token   Token
		Request *kmsg.OffsetDeleteRequest
		Refused func(topic string, partition int32) int16
	}
	// Describe is one group of a DescribeGroups request of a version.
	Describe struct {
		Token   Token
		Group   string
		Version int16
	}
	// List is a ListGroups request. States and types are compared without regard to case; empty means all.
	List struct {
		Token         Token
		States, Types []string
	}
	// Delete is one group of a DeleteGroups request.
	Delete struct {
		Token Token
		Group string
	}
	// TopicGone says that a topic was deleted: its offsets go too, but for those that were committed after this step, and, when ID is not zero, for those of
	// another topic of the same name. Exact leaves all but those that were committed with this very ID, also when it is zero. Many are deleted in several steps:
	// Next asks for a Tick.
	TopicGone struct {
		Topic string
		ID    [16]byte
		Exact bool
	}
	// Expire asks to let offsets go that are older than the retention, and groups that have nothing left (every offsets.retention.check.interval.ms). Many are
	// deleted in several steps: Next asks for a Tick.
	Expire struct{}
	// Tick says that the time of Next has come.
	Tick struct{}
	// Cancelled says that nobody waits for the answer to a request any more.
	Cancelled struct{ Token Token }
)

func (Join) event()          {}
func (Sync) event()          {}
func (Heartbeat) event()     {}
func (Leave) event()         {}
func (Commit) event()        {}
func (Fetch) event()         {}
func (DeleteOffsets) event() {}
func (Describe) event()      {}
func (List) event()          {}
func (Delete) event()        {}
func (TopicGone) event()     {}
func (Expire) event()        {}
func (Tick) event()          {}
func (Cancelled) event()     {}

// TopicPartitions is partitions of one topic. Offsets that were committed with another topic's id than TopicID are not shown, unless one of the two is zero.
type TopicPartitions struct {
	Topic      string
	TopicID    [16]byte
	Partitions []int32
}

// Record is one record for the group's partition of __consumer_offsets; a nil Value deletes the key.
type Record struct{ Key, Value []byte }

// Reply answers a request. Answer is, by the event:
//
//	Join           *kmsg.JoinGroupResponse
//	Sync           *kmsg.SyncGroupResponse
//	Heartbeat      *kmsg.HeartbeatResponse
//	Leave          *kmsg.LeaveGroupResponse
//	Commit         *kmsg.OffsetCommitResponse
//	Fetch          *kmsg.OffsetFetchResponseGroup
//	DeleteOffsets  *kmsg.OffsetDeleteResponse
//	Describe       *kmsg.DescribeGroupsResponseGroup
//	List           []kmsg.ListGroupsResponseGroup
//	Delete         *kmsg.DeleteGroupsResponseGroup
type Reply struct {
	Token  Token
	Answer any
	// Shows is the number of the last step with records that the answer shows something of: it must not leave before those are durable. 0 when it shows
	// nothing durable, as a heartbeat's does.
	Shows uint64
}

// Effects are what a Step asks for.
type Effects struct {
	// Records are appended as one batch, when there are any, before any record of a later step. Number counts the steps with records, from 1.
	Records []Record
	Number  uint64
	Replies []Reply
}
