package catalog

import "errors"

// Kind says why a decision was refused. The server alone maps kinds to Kafka's error codes; each constant names its
// code.
type Kind uint8

// The kinds of refusals.
const (
	InvalidName              Kind = iota + 1 // INVALID_TOPIC_EXCEPTION
	TopicExists                              // TOPIC_ALREADY_EXISTS
	UnknownTopic                             // UNKNOWN_TOPIC_OR_PARTITION
	UnknownTopicID                           // UNKNOWN_TOPIC_ID
	InvalidPartitions                        // INVALID_PARTITIONS
	InvalidReplicationFactor                 // INVALID_REPLICATION_FACTOR
	InvalidAssignment                        // INVALID_REPLICA_ASSIGNMENT
	InvalidConfig                            // INVALID_CONFIG
	InvalidRequest                           // INVALID_REQUEST
	LimitExceeded                            // POLICY_VIOLATION
)

var kindNames = [...]string{
	InvalidName:              "invalid topic name",
	TopicExists:              "topic exists",
	UnknownTopic:             "unknown topic",
	UnknownTopicID:           "unknown topic id",
	InvalidPartitions:        "invalid number of partitions",
	InvalidReplicationFactor: "invalid replication factor",
	InvalidAssignment:        "invalid replica assignment",
	InvalidConfig:            "invalid setting",
	InvalidRequest:           "invalid request",
	LimitExceeded:            "limit exceeded",
}

// String returns the kind in words.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown kind"
}

// Error is a refused decision: a user asked for what cannot be.
type Error struct {
	Kind   Kind
	Topic  string // the name asked for; empty where the refusal is about the broker
	Detail string // one sentence for the user, fit for the message field of Kafka's response
}

// Error says kind, topic and detail.
func (e *Error) Error() string {
	if e.Topic == "" {
		return e.Kind.String() + ": " + e.Detail
	}
	return "topic " + e.Topic + ": " + e.Kind.String() + ": " + e.Detail
}

// The reasons for which stored bytes or changes are refused; errors wrap one of them.
var (
	// ErrMalformed says that bytes are no change or no snapshot.
	ErrMalformed = errors.New("malformed catalog data")

	// ErrNewer says that bytes were written by a newer version of Bobbin.
	ErrNewer = errors.New("catalog data of a newer format")

	// ErrGap says that a change does not follow the catalog's version: a change between them is missing.
	ErrGap = errors.New("catalog change out of order")

	// ErrConflict says that a change contradicts the catalog, such as the deletion of a topic that is not there.
	// Decisions never make one; it shows a damaged log or a caller that applied a decision to another state.
	ErrConflict = errors.New("catalog change contradicts the catalog")
)
