package server

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

// deleteTopics deletes topics, one after the other, by name or, from version 6 on, by id. Each is durably gone before the answer leaves.
func deleteTopics(ctx context.Context, r *request, req *kmsg.DeleteTopicsRequest) *kmsg.DeleteTopicsResponse {
	ctx, cancel := within(ctx, req.TimeoutMillis)
	defer cancel()
	if req.Version < 6 {
		req.Topics = make([]kmsg.DeleteTopicsRequestTopic, len(req.TopicNames))
		for i := range req.TopicNames {
			req.Topics[i].Topic = &req.TopicNames[i]
		}
	}
	d := deletion{request: r, srv: r.srv, version: req.Version, names: make(map[string]int), ids: make(map[catalog.ID]int), both: make(map[catalog.ID]bool)}
	for i := range req.Topics {
		if q := &req.Topics[i]; q.Topic != nil {
			d.names[*q.Topic]++
		} else {
			d.ids[q.TopicID]++
		}
	}
	for id := range d.ids {
		if t := r.srv.store.TopicByID(id); t != nil && d.names[t.Name] > 0 {
			d.both[id], d.names[t.Name] = true, 0 // answered by its id
		}
	}
	resp := kmsg.NewPtrDeleteTopicsResponse()
	resp.Version = req.Version
	for i := range req.Topics {
		if out, ok := d.topic(ctx, &req.Topics[i]); ok {
			resp.Topics = append(resp.Topics, out)
		}
	}
	return resp
}

// deletion is one request; its maps say how often a topic is named.
type deletion struct {
	request *request
	srv     *Server
	version int16
	names   map[string]int
	ids     map[catalog.ID]int
	both    map[catalog.ID]bool // named by name as well
}

// topic deletes one topic. It reports false for one that was named before.
func (d *deletion) topic(ctx context.Context, q *kmsg.DeleteTopicsRequestTopic) (kmsg.DeleteTopicsResponseTopic, bool) {
	out := kmsg.NewDeleteTopicsResponseTopic()
	out.Topic, out.TopicID = q.Topic, q.TopicID
	times := 0
	if q.Topic != nil {
		times = d.names[*q.Topic]
		d.names[*q.Topic] = 0
	} else {
		times = d.ids[q.TopicID]
		d.ids[q.TopicID] = 0
	}
	if times == 0 {
		return out, false
	}
	var err error
	st := d.srv.store
	switch {
	case !d.srv.conf.deleteTopics && d.version < 3:
		err = refuse(kerr.InvalidRequest, "Topic deletion is disabled.")
	case !d.srv.conf.deleteTopics:
		err = refuse(kerr.TopicDeletionDisabled, "Topic deletion is disabled (delete.topic.enable).")
	case q.Topic != nil && q.TopicID != [16]byte{}:
		err = refuse(kerr.InvalidRequest, "You may not specify both topic name and topic id.")
	case q.Topic == nil && q.TopicID == [16]byte{}:
		err = refuse(kerr.InvalidRequest, "Neither topic name nor id were specified.")
	case times > 1 && q.Topic != nil:
		err = refuse(kerr.InvalidRequest, "Duplicate topic name.")
	case times > 1:
		err = refuse(kerr.InvalidRequest, "Duplicate topic id.")
	case d.both[q.TopicID]:
		if t := st.TopicByID(q.TopicID); t != nil {
			out.Topic = &t.Name
		}
		err = refuse(kerr.InvalidRequest, "The topic is given by its name and by its id.")
	case q.Topic != nil:
		if t := st.Topic(*q.Topic); t != nil {
			out.TopicID = t.ID
		}
		err = st.DeleteTopic(ctx, *q.Topic)
	default:
		if t := st.TopicByID(q.TopicID); t != nil {
			out.Topic = &t.Name
		}
		err = st.DeleteTopicID(ctx, q.TopicID)
	}
	if err == nil && out.Topic != nil {
		d.srv.groups.topicGone(ctx, *out.Topic, out.TopicID)
		d.request.changed(slog.LevelInfo, "topic deleted", "topic", *out.Topic)
	}
	out.ErrorCode, out.ErrorMessage = d.srv.fault(err)
	return out, true
}
