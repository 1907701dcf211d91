package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// initProducerID gives an idempotent producer an id that no other one has had.
//
// A transactional id is answered with UNSUPPORTED_VERSION: transactions are not served, nor are the requests that belong to them advertised. Clients
// stop with that error at once, where a coordinator that is "not available" would make them try for ever.
func initProducerID(ctx context.Context, r *request, req *kmsg.InitProducerIDRequest) *kmsg.InitProducerIDResponse {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.Version, resp.ProducerID, resp.ProducerEpoch = req.Version, -1, -1
	var err error
	switch {
	case req.TransactionalID != nil && *req.TransactionalID == "":
		err = refuse(kerr.InvalidRequest, "the transactional id is empty")
	case req.TransactionalID != nil:
		err = refuse(kerr.UnsupportedVersion, "transactions are not served")
	case (req.ProducerID == -1) != (req.ProducerEpoch == -1):
		err = refuse(kerr.InvalidRequest, "producer id and epoch belong together")
	default:
		var id int64
		if id, err = r.srv.store.NewProducerID(ctx); err == nil {
			resp.ProducerID, resp.ProducerEpoch = id, 0
		} else if kind := kindOf(err); kind == kerr.RequestTimedOut || kind == kerr.KafkaStorageError {
			err = refuse(kerr.CoordinatorLoadInProgress, err.Error()) // what Kafka says while it has no ids: try again
		}
	}
	resp.ErrorCode, _ = r.srv.fault(err)
	return resp
}
