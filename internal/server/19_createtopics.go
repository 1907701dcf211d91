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

// createTopics makes topics in the order of the request. They are durable and serve before the answer leaves.
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
	errs := make([]error, 0, len(named))
	var wanted []catalog.NewTopic // of those that nothing is wrong with so far
	var places []int              // in the response
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
		n, err := newTopicOf(q)
		switch {
		case times > 1:
			err = refuse(kerr.InvalidRequest, "Duplicate topic name.")
		case q.Topic == metadataTopic:
			err = refuse(kerr.InvalidRequest, "Creation of internal topic "+metadataTopic+" is prohibited.")
		case err == nil:
			wanted, places = append(wanted, n), append(places, len(errs))
		}
		resp.Topics, errs = append(resp.Topics, out), append(errs, err)
	}
	rows := catalog.TopicSettings()
	for i, made := range r.srv.makeTopics(ctx, wanted, req.ValidateOnly) {
		out := &resp.Topics[places[i]]
		if errs[places[i]] = made.err; made.err != nil {
			continue
		}
		r.srv.describeNew(req, rows, made.topic, out)
		if !req.ValidateOnly {
			r.changed(slog.LevelDebug, "topic created", "topic", out.Topic, "partitions", out.NumPartitions)
		}
	}
	for i, err := range errs {
		resp.Topics[i].ErrorCode, resp.Topics[i].ErrorMessage = r.srv.fault(err)
	}
	return resp
}

func within(ctx context.Context, millis int32) (context.Context, context.CancelFunc) {
	d := min(max(time.Duration(millis)*time.Millisecond, minAdminTime), adminTime)
	return context.WithTimeoutCause(ctx, d, errTimeout)
}

// newTopicOf is what a request wants of a topic.
func newTopicOf(q *kmsg.CreateTopicsRequestTopic) (catalog.NewTopic, error) {
	n := catalog.NewTopic{Name: q.Topic, Partitions: q.NumPartitions, ReplicationFactor: q.ReplicationFactor}
	for i := range q.Configs {
		n.Configs = append(n.Configs, catalog.ConfigValue{Name: q.Configs[i].Name, Value: q.Configs[i].Value})
	}
	if len(q.ReplicaAssignment) > 0 {
		n.Assignments = make(map[int32][]int32, len(q.ReplicaAssignment))
		for i := range q.ReplicaAssignment {
			a := &q.ReplicaAssignment[i]
			if _, twice := n.Assignments[a.Partition]; twice {
				return n, refuse(kerr.InvalidReplicaAssignment, "Found multiple manual partition assignments for one partition.")
			}
			n.Assignments[a.Partition] = a.Replicas
		}
	}
	return n, nil
}

// madeTopic is a topic that was made, or that could be, or why not.
type madeTopic struct {
	topic *catalog.Topic
	err   error
}

// makeTopics makes topics, or only finds out whether they could be made.
func (s *Server) makeTopics(ctx context.Context, topics []catalog.NewTopic, validateOnly bool) []madeTopic {
	out := make([]madeTopic, len(topics))
	if validateOnly {
		for i, n := range topics {
			c, err := s.store.CheckTopic(n)
			out[i] = madeTopic{&catalog.Topic{Name: c.Name, ID: c.ID, Partitions: c.Partitions, Configs: c.Configs}, err}
		}
		return out
	}
	for i, made := range s.store.CreateTopics(ctx, topics) {
		if out[i].err = made.Err; made.Err == nil {
			out[i].topic = made.Topic.Catalog
		}
	}
	return out
}

// describeNew fills in what a topic is like that was made; rows are all settings.
func (s *Server) describeNew(req *kmsg.CreateTopicsRequest, rows []catalog.Setting, t *catalog.Topic, out *kmsg.CreateTopicsResponseTopic) {
	out.TopicID, out.NumPartitions, out.ReplicationFactor = t.ID, t.Partitions, 1
	if req.Version < 5 {
		return
	}
	out.Configs = make([]kmsg.CreateTopicsResponseTopicConfig, 0, len(rows))
	for i := range rows {
		v, _ := t.Resolve(s.store.Settings(), rows[i].Name)
		c := kmsg.NewCreateTopicsResponseTopicConfig()
		c.Name, c.Value, c.Source = rows[i].Name, valueOf(&v), int8(v.Source)
		out.Configs = append(out.Configs, c)
	}
}

// valueOf is a setting's value as responses have it.
func valueOf(v *catalog.Resolved) *string {
	if v.Null {
		return nil
	}
	return &v.Value
}
