package server

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/store"
)

// createPartitions gives topics more partitions (key 37), one topic after the other. The new partitions are durable, and serve, before the answer leaves.
// A topic that is named more than once is refused once, and the others go on, as in Kafka.
func createPartitions(ctx context.Context, r *request, req *kmsg.CreatePartitionsRequest) *kmsg.CreatePartitionsResponse {
	ctx, cancel := within(ctx, req.TimeoutMillis)
	defer cancel()
	resp := kmsg.NewPtrCreatePartitionsResponse()
	resp.Version = req.Version
	named := make(map[string]int, len(req.Topics))
	for i := range req.Topics {
		named[req.Topics[i].Topic]++
	}
	resp.Topics = make([]kmsg.CreatePartitionsResponseTopic, 0, len(named))
	for i := range req.Topics {
		q := &req.Topics[i]
		times := named[q.Topic]
		if times == 0 {
			continue // answered already
		}
		delete(named, q.Topic)
		p := store.Partitions{Topic: q.Topic, Total: q.Count}
		if q.Assignment != nil {
			p.Assignments = make([][]int32, len(q.Assignment))
			for j := range q.Assignment {
				p.Assignments[j] = q.Assignment[j].Replicas
			}
		}
		var err error
		switch {
		case times > 1:
			err = refuse(kerr.InvalidRequest, "Duplicate topic name.")
		case req.ValidateOnly:
			err = r.srv.store.CheckPartitions(p)
		default:
			err = r.srv.store.AddPartitions(ctx, p)
		}
		if err == nil && !req.ValidateOnly {
			r.changed(slog.LevelInfo, "partitions added", "topic", q.Topic, "partitions", q.Count)
		}
		out := kmsg.NewCreatePartitionsResponseTopic()
		out.Topic = q.Topic
		out.ErrorCode, out.ErrorMessage = r.srv.fault(err)
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}
