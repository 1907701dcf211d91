package compat

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var metadataVersions = []int16{0, 1, 4, 5, 7, 8, 9, 10, 11, 12, 13}

// metadataOf makes a Metadata request for topics by their names.
func metadataOf(topics ...string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, name := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &name
		req.Topics = append(req.Topics, t)
	}
	return req
}

// noteOwn notes the answer to a Metadata request without the topics of others.
func (r *run) noteOwn(label string, version int16, req *kmsg.MetadataRequest) {
	req.SetVersion(version)
	resp, err := ask[kmsg.MetadataResponse](r, req)
	if err != nil {
		r.failed(label, err)
		return
	}
	own := resp.Topics[:0]
	for _, t := range resp.Topics {
		if t.Topic != nil && strings.HasSuffix(*t.Topic, r.tag) {
			own = append(own, t)
		}
	}
	resp.Topics = own
	r.noteFields(label, resp)
}

func metadataScenes() []scene {
	return []scene{
		{"metadata/known", metadataVersions, func(r *run, v int16) {
			a, b := r.topic("a", 1), r.topic("b", 3)
			r.note("one", v, metadataOf(a))
			r.note("both", v, metadataOf(a, b))
			r.note("twice", v, metadataOf(a, a))
		}},
		{"metadata/all", metadataVersions, func(r *run, v int16) {
			r.topic("a", 1)
			req := metadataOf()
			req.Topics = nil
			r.noteOwn("null", v, req)
			r.noteOwn("empty", v, metadataOf())
		}},
		{"metadata/unknown", metadataVersions, func(r *run, v int16) {
			a := r.topic("a", 1)
			req := metadataOf(r.name("none"))
			r.note("not to be created", v, req)
			req = metadataOf(r.name("none"))
			req.AllowAutoTopicCreation = true
			r.note("to be created", v, req)
			r.note("mixed", v, metadataOf(r.name("none"), a))
		}},
		{"metadata/invalid-name", metadataVersions, func(r *run, v int16) {
			for _, name := range []string{"", ".", "..", "a/b", "a b", "ä", strings.Repeat("x", 249), strings.Repeat("x", 250)} {
				for _, create := range []bool{false, true} {
					req := metadataOf(name)
					req.AllowAutoTopicCreation = create
					label := "name " + name
					if create {
						label += " to be created"
					}
					r.note(label, v, req)
				}
			}
		}},
		{"metadata/by-id", []int16{10, 11, 12, 13}, func(r *run, v int16) {
			a := r.topic("a", 2)
			r.topic("b", 1)
			byID := func(name *string, ids ...[16]byte) *kmsg.MetadataRequest {
				req := metadataOf()
				for _, id := range ids {
					t := kmsg.NewMetadataRequestTopic()
					t.TopicID, t.Topic = id, name
					req.Topics = append(req.Topics, t)
				}
				return req
			}
			r.note("known", v, byID(nil, r.known("a")))
			r.note("both", v, byID(nil, r.known("a"), r.known("b")))
			r.note("unknown", v, byID(nil, r.known("none")))
			r.note("mixed", v, byID(nil, r.known("a"), r.known("none")))
			r.note("id and name", v, byID(&a, r.known("a")))
			r.note("neither", v, byID(nil, [16]byte{}))
			req := byID(nil, r.known("b"))
			req.Topics = append(req.Topics, metadataOf(a).Topics...)
			r.note("one by id, one by name", v, req)
		}},
		{"metadata/authorized-operations", []int16{8, 10, 11, 13}, func(r *run, v int16) {
			req := metadataOf(r.topic("a", 1))
			req.IncludeTopicAuthorizedOperations, req.IncludeClusterAuthorizedOperations = true, v <= 10
			r.note("asked", v, req)
		}},
		{"metadata/deleted", []int16{1, 9, 12}, func(r *run, v int16) {
			a := r.topic("a", 1)
			r.remove("a")
			r.note("by name", v, metadataOf(a))
			if v >= 12 {
				req := metadataOf()
				t := kmsg.NewMetadataRequestTopic()
				t.TopicID = r.known("a")
				req.Topics = append(req.Topics, t)
				r.note("by id", v, req)
			}
		}},
	}
}
