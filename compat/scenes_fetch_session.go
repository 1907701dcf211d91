package compat

import "github.com/twmb/franz-go/pkg/kmsg"

// fetchSessionScenes are about sessions (KIP-227).
func fetchSessionScenes() []scene {
	versions := []int16{7, 11, 12, 13, 16}
	three := func() []byte { return batchSpec{values: values(3)}.bytes() }
	// open begins a session and returns its id.
	open := func(r *run, v int16, alias string, parts ...part) int32 {
		req := r.fetchOf(alias, parts...)
		req.SessionEpoch = 0
		if resp, ok := r.note("open", v, req).(*kmsg.FetchResponse); ok {
			return resp.SessionID
		}
		return 0
	}
	next := func(r *run, label string, v int16, id, epoch int32, alias string, parts ...part) {
		req := r.fetchOf(alias, parts...)
		req.SessionID, req.SessionEpoch = id, epoch
		if len(parts) == 0 {
			req.Topics = nil
		}
		r.note(label, v, req)
	}
	return []scene{
		{"fetch-session/incremental", versions, func(r *run, v int16) {
			r.topic("a", 3)
			r.fill("a", three())
			id := open(r, v, "a", part{}, part{partition: 1}, part{partition: 2})
			next(r, "same offsets", v, id, 1, "a")
			next(r, "moved on", v, id, 2, "a", part{offset: 3})
			next(r, "nothing new", v, id, 3, "a")
			r.fill("a", three())
			next(r, "new records", v, id, 4, "a")
			next(r, "another partition's offset", v, id, 5, "a", part{partition: 1, offset: 9})
			next(r, "its error again", v, id, 6, "a")
			next(r, "its error corrected", v, id, 7, "a", part{partition: 1})
		}},
		{"fetch-session/epochs", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", three())
			id := open(r, v, "a", part{})
			next(r, "too high", v, id, 2, "a")
			next(r, "right after that", v, id, 1, "a")
			next(r, "again the same", v, id, 1, "a")
			next(r, "right again", v, id, 2, "a")
			next(r, "negative", v, id, -2, "a")
		}},
		{"fetch-session/unknown", versions, func(r *run, v int16) {
			r.topic("a", 1)
			next(r, "id", v, 4711, 1, "a", part{})
			next(r, "id without epoch", v, 4711, -1, "a", part{})
			next(r, "id with epoch 0", v, 4711, 0, "a", part{})
			next(r, "no id with epoch 1", v, 0, 1, "a", part{})
		}},
		{"fetch-session/closed", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", three())
			id := open(r, v, "a", part{})
			next(r, "close", v, id, -1, "a", part{})
			next(r, "after", v, id, 1, "a")
		}},
		{"fetch-session/reopened", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", three())
			id := open(r, v, "a", part{})
			next(r, "new one by the old id", v, id, 0, "a", part{})
			next(r, "old one", v, id, 1, "a")
		}},
		{"fetch-session/forgotten", versions, func(r *run, v int16) {
			r.topic("a", 2)
			r.fill("a", three())
			r.note("fill other", 9, r.produceTo("a", -1, nil, three()))
			id := open(r, v, "a", part{offset: 3}, part{partition: 1, offset: 3})
			forget := func(label string, epoch int32, alias string, partition int32) {
				req := r.fetchOf(alias)
				req.SessionID, req.SessionEpoch, req.Topics = id, epoch, nil
				f := kmsg.NewFetchRequestForgottenTopic()
				f.Topic, f.TopicID, f.Partitions = r.name(alias), r.known(alias), []int32{partition}
				req.ForgottenTopics = append(req.ForgottenTopics, f)
				r.note(label, v, req)
			}
			forget("one", 1, "a", 1)
			r.note("fill other again", 9, r.produceTo("a", -1, three(), three()))
			next(r, "without it", v, id, 2, "a")
			forget("one that is not in it", 3, "a", 7)
			forget("a topic that is not in it", 4, "none", 0)
			forget("the last one", 5, "a", 0)
			next(r, "empty", v, id, 6, "a")
		}},
		{"fetch-session/errors", versions, func(r *run, v int16) {
			r.topic("a", 1)
			id := open(r, v, "a", part{}, part{partition: 5})
			next(r, "unknown partition again", v, id, 1, "a")
			req := r.fetchOf("none", part{})
			req.SessionID, req.SessionEpoch = id, 2
			r.note("unknown topic added", v, req)
			next(r, "unknown topic again", v, id, 3, "a")
		}},
		{"fetch-session/empty", versions, func(r *run, v int16) {
			r.topic("a", 1)
			req := r.fetchOf("a")
			req.SessionEpoch, req.Topics = 0, nil
			r.note("open with nothing", v, req)
		}},
		{"fetch-session/deleted", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.topic("b", 1)
			r.fill("b", three())
			req := r.fetchOf("a", part{})
			r.addFetch(req, "b", part{offset: 3})
			req.SessionEpoch = 0
			resp, ok := r.note("open", v, req).(*kmsg.FetchResponse)
			if !ok {
				return
			}
			r.remove("b")
			next(r, "after", v, resp.SessionID, 1, "a")
			next(r, "after that", v, resp.SessionID, 2, "a")
		}},
		{"fetch-session/log-start", []int16{7, 12, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", three())
			id := open(r, v, "a", part{offset: 3})
			next(r, "high watermark known", v, id, 1, "a")
			r.fill("a", three())
			req := r.fetchOf("a", part{offset: 6})
			req.SessionID, req.SessionEpoch = id, 2
			r.note("only the high watermark is new", v, req)
			next(r, "and is not said twice", v, id, 3, "a")
		}},
	}
}
