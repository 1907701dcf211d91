package server

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/producers"
	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// refusal is an error of a request that this package itself finds: Kafka's code and a sentence for the user.
type refusal struct {
	kind   *kerr.Error
	detail string
}

func (r *refusal) Error() string { return r.kind.Message + ": " + r.detail }

func refuse(kind *kerr.Error, detail string) *refusal { return &refusal{kind, detail} }

var (
	errTimeout   = errors.New("the request's time is up")
	errNoTopic   = refuse(kerr.UnknownTopicOrPartition, "this broker has no such topic or partition")
	errNoTopicID = refuse(kerr.UnknownTopicID, "no topic has this id")
)

// codeOf is the one place where errors become Kafka's. The message is for the user.
func codeOf(err error) (code int16, message string) {
	if err == nil {
		return 0, ""
	}
	return kindOf(err).Code, messageOf(err)
}

func messageOf(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.detail
	}
	var c *catalog.Error
	if errors.As(err, &c) {
		return c.Detail
	}
	return err.Error()
}

func kindOf(err error) *kerr.Error {
	var r *refusal
	if errors.As(err, &r) {
		return r.kind
	}
	var c *catalog.Error
	if errors.As(err, &c) {
		return catalogKind(c.Kind)
	}
	for _, m := range reasons {
		if errors.Is(err, m.is) {
			return m.kind
		}
	}
	var (
		outOfRange *commitlog.OffsetError
		corrupt    *commitlog.CorruptError
		offline    *commitlog.OfflineError
		failed     *wal.FailedError
	)
	switch {
	case errors.As(err, &outOfRange):
		return kerr.OffsetOutOfRange
	case errors.As(err, &corrupt):
		return kerr.CorruptMessage
	case errors.As(err, &offline), errors.As(err, &failed), vfs.IsNoSpace(err):
		return kerr.KafkaStorageError
	}
	return kerr.UnknownServerError
}

// reasons maps what errors.Is finds, the first match first. A full disk is retriable (KAFKA_STORAGE_ERROR is): it goes away
// by itself when there is room. Waiting for it in vain is REQUEST_TIMED_OUT.
var reasons = []struct {
	is   error
	kind *kerr.Error
}{
	{wal.ErrNoSpace, kerr.KafkaStorageError},
	{wal.ErrBusy, kerr.RequestTimedOut},
	{commitlog.ErrMemory, kerr.RequestTimedOut},
	{errTimeout, kerr.RequestTimedOut},
	{context.DeadlineExceeded, kerr.RequestTimedOut},
	{context.Canceled, kerr.RequestTimedOut},
	{wal.ErrTooLarge, kerr.MessageTooLarge},
	{wal.ErrClosed, kerr.NotLeaderForPartition},
	{store.ErrClosed, kerr.NotLeaderForPartition},
	{commitlog.ErrClosed, kerr.NotLeaderForPartition},
	{commitlog.ErrDeleted, kerr.UnknownTopicOrPartition},
	{producers.ErrOutOfOrderSequence, kerr.OutOfOrderSequenceNumber},
	{producers.ErrInvalidEpoch, kerr.InvalidProducerEpoch},
	{batch.ErrShort, kerr.CorruptMessage},
	{batch.ErrMagic, kerr.CorruptMessage},
	{batch.ErrCorrupt, kerr.CorruptMessage},
	{batch.ErrCRC, kerr.CorruptMessage},
	{batch.ErrTooLarge, kerr.MessageTooLarge},
	{batch.ErrTimestamp, kerr.InvalidTimestamp},
	{batch.ErrInvalidRecord, kerr.InvalidRecord},
	{batch.ErrCodec, kerr.UnsupportedCompressionType},
}

func catalogKind(k catalog.Kind) *kerr.Error {
	switch k {
	case catalog.InvalidName:
		return kerr.InvalidTopicException
	case catalog.TopicExists:
		return kerr.TopicAlreadyExists
	case catalog.UnknownTopic:
		return kerr.UnknownTopicOrPartition
	case catalog.UnknownTopicID:
		return kerr.UnknownTopicID
	case catalog.InvalidPartitions:
		return kerr.InvalidPartitions
	case catalog.InvalidReplicationFactor:
		return kerr.InvalidReplicationFactor
	case catalog.InvalidAssignment:
		return kerr.InvalidReplicaAssignment
	case catalog.InvalidConfig:
		return kerr.InvalidConfig
	case catalog.InvalidRequest:
		return kerr.InvalidRequest
	case catalog.LimitExceeded:
		return kerr.PolicyViolation
	}
	return kerr.UnknownServerError
}

// fault maps an error for a response and counts it.
func (s *Server) fault(err error) (code int16, message *string) {
	code, text := codeOf(err)
	s.stats.fault(code)
	if text == "" {
		return code, nil
	}
	return code, &text
}
