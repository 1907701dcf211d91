package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/store"
)

// What everybody may do where nobody is asked who they are, as Kafka says it without an authorizer: the bits of the operations of an ACL.
const (
	allTopicOperations   = 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<10 | 1<<11
	allClusterOperations = 1<<5 | 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<12
)

// metadata answers where topics are: all here. A topic that is made on demand serves when the answer leaves; Kafka says LEADER_NOT_AVAILABLE first.
func metadata(ctx context.Context, r *request, req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	st := r.srv.store
	resp := kmsg.NewPtrMetadataResponse()
	resp.Version = req.Version
	b := kmsg.NewMetadataResponseBroker()
	b.NodeID, b.Host, b.Port = st.NodeID(), r.host, r.port
	resp.Brokers = append(resp.Brokers, b)
	resp.ClusterID, resp.ControllerID = kmsg.StringPtr(st.ClusterID()), b.NodeID
	if req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = allClusterOperations
	}
	m := metadataOf{r: r, req: req, self: []int32{b.NodeID}}
	// All topics are asked for with null, and with an empty list in version 0.
	if req.Topics == nil || req.Version == 0 && len(req.Topics) == 0 {
		topics := st.Topics()
		resp.Topics = make([]kmsg.MetadataResponseTopic, 0, len(topics))
		for _, t := range topics {
			resp.Topics = append(resp.Topics, m.topic(t))
		}
		return resp
	}
	resp.Topics = make([]kmsg.MetadataResponseTopic, 0, len(req.Topics))
	seen := make(map[string]bool)
	for i := range req.Topics {
		q := &req.Topics[i]
		if q.Topic != nil && seen[*q.Topic] {
			continue
		}
		if q.Topic != nil {
			seen[*q.Topic] = true
		}
		t, err := m.find(ctx, q)
		if err != nil {
			resp.Topics = append(resp.Topics, m.fault(q, err))
			continue
		}
		resp.Topics = append(resp.Topics, m.topic(t))
	}
	return resp
}

// metadataOf is what the answer about each topic needs.
type metadataOf struct {
	r    *request
	req  *kmsg.MetadataRequest
	self []int32
}

func (m *metadataOf) find(ctx context.Context, q *kmsg.MetadataRequestTopic) (*store.Topic, error) {
	s := m.r.srv
	switch {
	case m.req.Version < 12 && (q.Topic == nil || q.TopicID != [16]byte{}):
		return nil, refuse(kerr.InvalidRequest, "topics are asked for by id from version 12 on")
	case q.Topic == nil:
		if t := s.store.TopicByID(q.TopicID); t != nil {
			return t, nil
		}
		return nil, errNoTopicID
	}
	if t := s.store.Topic(*q.Topic); t != nil {
		return t, nil
	}
	if err := catalog.CheckName(*q.Topic); err != nil {
		return nil, err
	}
	if !s.conf.autoCreate || m.req.Version >= 4 && !m.req.AllowAutoTopicCreation || catalog.IsInternal(*q.Topic) || *q.Topic == metadataTopic {
		return nil, errNoTopic
	}
	t, err := s.store.CreateTopic(ctx, catalog.NewTopic{Name: *q.Topic, Partitions: -1, ReplicationFactor: -1})
	if kind := kindOf(err); err != nil && kind == kerr.TopicAlreadyExists {
		if t = s.store.Topic(*q.Topic); t != nil { // somebody else was faster
			return t, nil
		}
	}
	return t, err
}

func (m *metadataOf) fault(q *kmsg.MetadataRequestTopic, err error) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID = q.Topic, q.TopicID
	if out.Topic == nil && m.req.Version < 12 {
		out.Topic = kmsg.StringPtr("") // not nullable there
	}
	if m.req.IncludeTopicAuthorizedOperations && q.Topic != nil {
		out.AuthorizedOperations = allTopicOperations
	}
	out.ErrorCode, _ = m.r.srv.fault(err)
	return out
}

func (m *metadataOf) topic(t *store.Topic) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID, out.IsInternal = &t.Name, t.ID, t.Catalog.Internal()
	if m.req.IncludeTopicAuthorizedOperations {
		out.AuthorizedOperations = allTopicOperations
	}
	out.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Partitions))
	for i, l := range t.Partitions {
		p := &out.Partitions[i]
		*p = kmsg.NewMetadataResponseTopicPartition()
		bounds, err := l.Bounds()
		p.Partition, p.Leader, p.LeaderEpoch, p.Replicas, p.ISR = int32(i), m.self[0], bounds.Epoch, m.self, m.self
		if err != nil {
			p.ErrorCode, p.Leader, p.ISR, p.OfflineReplicas = kerr.LeaderNotAvailable.Code, -1, nil, m.self
		}
	}
	return out
}
