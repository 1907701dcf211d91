package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Kind is what sort of failure an Error is.
type Kind uint8

// The kinds.
const (
	Other        Kind = iota // nothing of the below
	Invalid                  // what was asked for makes no sense
	NotFound                 // there is no such topic or partition
	Exists                   // there is one already
	Unauthorized             // the cluster does not let us
	Unreachable              // there is no connection, or no leader
	Timeout                  // it took too long
	Interrupted              // the caller gave up
	Fenced                   // the member is no longer part of its group's generation: its partitions are others'
	TooLarge                 // the cluster, or the producer before it, takes no record of this size
)

// Error says what failed, on what, why, and what to try.
type Error struct {
	Op    string // "create a topic"
	Topic string // or group; empty when it is about none
	Kind  Kind
	Code  string // Kafka's name of the error, such as TOPIC_ALREADY_EXISTS; empty when the cluster did not answer
	Err   error
	Hint  string // what to try; empty when we do not know
}

func (e *Error) Error() string {
	if e.Topic == "" {
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Op, e.Topic, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first Error in err's chain, Interrupted for a cancelled context, else Other.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, context.Canceled) {
		return Interrupted
	}
	return Other
}

func newError(op, topic, brokers string, err error) *Error {
	e := &Error{Op: op, Topic: topic, Err: err}
	if ke, ok := errors.AsType[*kerr.Error](err); ok {
		e.Code = ke.Message
		e.Kind, e.Hint = kindOfCode(ke)
		// The code and its meaning, without the wrapping of the layers between.
		e.Err = &codeError{code: ke}
		return e
	}
	_, firstRead := errors.AsType[*kgo.ErrFirstReadEOF](err)
	dial, isNet := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, context.Canceled):
		e.Kind = Interrupted
	case firstRead:
		e.Kind = Unreachable
		e.Hint = brokers + " closed the connection at once: does it expect TLS or a login, or is it no Kafka broker?"
	case isNet && dial.Op == "dial":
		e.Kind, e.Err = Unreachable, dial
		e.Hint = fmt.Sprintf("is a broker running at %s? `bobbin serve` starts one, and -B HOST:PORT names another", brokers)
		if advertised := dial.Addr; advertised != nil && advertised.String() != brokers {
			e.Hint += fmt.Sprintf(" (a broker may have told its clients to use %s: see its advertised.listeners)", advertised)
		}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, kgo.ErrRecordTimeout):
		e.Kind = Timeout
		e.Hint = "the brokers at " + brokers + " did not answer in time: are they up, and not overloaded?"
	case isNet, kgo.IsRetryableBrokerErr(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		e.Kind = Unreachable
		e.Hint = "the connection to " + brokers + " was lost: is the broker still running?"
	}
	return e
}

// codeError prints a code of Kafka's with its meaning.
type codeError struct{ code *kerr.Error }

func (e *codeError) Error() string { return e.code.Message + ": " + e.code.Description }
func (e *codeError) Unwrap() error { return e.code }

// kindOfCode is the one place where Kafka's codes get a kind and a hint.
func kindOfCode(e *kerr.Error) (Kind, string) {
	switch e {
	case kerr.UnknownTopicOrPartition, kerr.UnknownTopicID:
		return NotFound, "`bobbin topic list` shows the topics that there are"
	case kerr.GroupIDNotFound:
		return NotFound, "`bobbin group list` shows the groups that there are"
	case kerr.NonEmptyGroup:
		return Other, "stop the group's consumers first; `bobbin group describe` shows them"
	case kerr.OffsetOutOfRange:
		return Invalid, "`bobbin topic describe` shows the partition's offsets"
	case kerr.TopicAlreadyExists:
		return Exists, "choose another name, or delete it first"
	case kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.GroupAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed, kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism:
		return Unauthorized, "ask whoever runs the cluster for the right"
	case kerr.RequestTimedOut:
		return Timeout, "the broker was too busy or its disk is full: try again"
	case kerr.LeaderNotAvailable, kerr.NotLeaderForPartition, kerr.BrokerNotAvailable, kerr.CoordinatorNotAvailable, kerr.NetworkException:
		return Unreachable, "the partition has no leader at the moment: try again"
	case kerr.KafkaStorageError:
		return Other, "the broker's disk failed or the partition is offline: its log says why"
	case kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.FencedMemberEpoch, kerr.StaleMemberEpoch:
		return Fenced, "the group went on without this member; what it had not committed is read by another"
	case kerr.MessageTooLarge, kerr.RecordListTooLarge:
		return TooLarge, "the topic's max.message.bytes is the limit"
	case kerr.InconsistentGroupProtocol:
		return Invalid, "the group's other members share its partitions in another way: give all the same partition.assignment.strategy"
	case kerr.InvalidTopicException:
		return Invalid, "a name has 1 to 249 of the characters a-z A-Z 0-9 . _ -"
	case kerr.InvalidPartitions, kerr.InvalidReplicationFactor, kerr.InvalidConfig, kerr.InvalidRequest,
		kerr.InvalidReplicaAssignment, kerr.PolicyViolation:
		return Invalid, ""
	}
	return Other, ""
}

// retriable says whether the same question may be answered in another way a little later.
func retriable(e *Error) bool {
	return kerr.IsRetriable(e) || errors.Is(e, kerr.RebalanceInProgress)
}

// fencedForGood says whether joining the group again would fight with the one that took its place.
func fencedForGood(err error) bool { return errors.Is(err, kerr.FencedInstanceID) }

// withDetail puts the sentence of the broker's answer in place of the code's general meaning.
func (e *Error) withDetail(detail string) *Error {
	if detail != "" && e.Code != "" {
		e.Err = fmt.Errorf("%s: %s%w", e.Code, detail, hidden{e.Err})
	}
	return e
}

// hidden keeps an error in the chain and out of the text.
type hidden struct{ err error }

func (hidden) Error() string   { return "" }
func (h hidden) Unwrap() error { return h.err }
