package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

// metadataTopic is the name of Kafka's log of metadata, which no client makes.
const metadataTopic = "__cluster_metadata"

// adminTime is how long a change of topics may take, whatever the client says; minAdminTime is what it may always take.
const (
	adminTime    = 5 * time.Minute
	minAdminTime = time.Second
)

// createTopics makes topics, one after the other. Each is durable and serves before the answer leaves.
func createTopics(ctx context.Context, r *request, req *kmsg.CreateTopicsRequest) *kmsg.CreateTopicsResponse {
	ctx, cancel := within(ctx, req.TimeoutMillis)
	defer cancel()
	resp := kmsg.NewPtrCreateTopicsResponse()
	resp.Version = req.Version
	named := make(map[string]int, len(req.Topics))
	for i := range req.Topics {
		named[req.Topics[i].Topic]++
	}
	resp.Topics = make([]kmsg.CreateTopicsResponseTopic, 0, len(named))
	for i := range req.Topics {
		q := &req.Topics[i]
		times := named[q.Topic]
		if times == 0 {
			continue // answered already
		}
		delete(named, q.Topic)
		out := kmsg.NewCreateTopicsResponseTopic()
		out.Topic, out.NumPartitions, out.ReplicationFactor = q.Topic, -1, -1
		out.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		var err error
		switch {
		case times > 1:
			err = refuse(kerr.InvalidRequest, "Duplicate topic name.")
		case q.Topic == metadataTopic:
			err = refuse(kerr.InvalidRequest, "Creation of internal topic "+metadataTopic+" is prohibited.")
		default:
			err = r.srv.createTopic(ctx, req, q, &out)
		}
		if err == nil && !req.ValidateOnly {
			r.changed(slog.LevelDebug, "topic created", "topic", q.Topic, "partitions", out.NumPartitions)
		}
		out.ErrorCode, out.ErrorMessage = r.srv.fault(err)
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func within(ctx context.Context, millis int32) (context.Context, context.CancelFunc) {
	d := min(max(time.Duration(millis)*time.Millisecond, minAdminTime), adminTime)
	return context.WithTimeoutCause(ctx, d, errTimeout)
}

func (s *Server) createTopic(ctx context.Context, req *kmsg.CreateTopicsRequest, q *kmsg.CreateTopicsRequestTopic, out *kmsg.CreateTopicsResponseTopic) error {
	n := catalog.NewTopic{Name: q.Topic, Partitions: q.NumPartitions, ReplicationFactor: q.ReplicationFactor}
	for i := range q.Configs {
		n.Configs = append(n.Configs, catalog.ConfigValue{Name: q.Configs[i].Name, Value: q.Configs[i].Value})
	}
	if len(q.ReplicaAssignment) > 0 {
		n.Assignments = make(map[int32][]int32, len(q.ReplicaAssignment))
		for i := range q.ReplicaAssignment {
			a := &q.ReplicaAssignment[i]
			if _, twice := n.Assignments[a.Partition]; twice {
				return refuse(kerr.InvalidReplicaAssignment, "Found multiple manual partition assignments for one partition.")
			}
			n.Assignments[a.Partition] = a.Replicas
		}
	}
	var t *catalog.Topic
	if req.ValidateOnly {
		c, err := s.store.CheckTopic(n)
		if err != nil {
			return err
		}
		t = &catalog.Topic{Name: c.Name, ID: c.ID, Partitions: c.Partitions, Configs: c.Configs}
	} else {
		made, err := s.store.CreateTopic(ctx, n)
		if err != nil {
			return err
		}
		t = made.Catalog
	}
	out.TopicID, out.NumPartitions, out.ReplicationFactor = t.ID, t.Partitions, 1
	if req.Version >= 5 {
		for _, row := range catalog.TopicSettings() {
			v, _ := t.Resolve(s.store.Settings(), row.Name)
			c := kmsg.NewCreateTopicsResponseTopicConfig()
			c.Name, c.Value, c.Source = row.Name, valueOf(&v), int8(v.Source)
			out.Configs = append(out.Configs, c)
		}
	}
	return nil
}

// valueOf is a setting's value as responses have it.
func valueOf(v *catalog.Resolved) *string {
	if v.Null {
		return nil
	}
	return &v.Value
}
