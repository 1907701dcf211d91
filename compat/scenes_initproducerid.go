package compat

import "github.com/twmb/franz-go/pkg/kmsg"

func initProducerIDScenes() []scene {
	versions := []int16{0, 1, 2, 3, 4, 5}
	plain := func() *kmsg.InitProducerIDRequest {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.ProducerID, req.ProducerEpoch = -1, -1
		return req
	}
	return []scene{
		{"init-producer-id/new", versions, func(r *run, v int16) {
			r.note("one", v, plain())
			first, ok := r.note("another", v, plain()).(*kmsg.InitProducerIDResponse)
			second, ok2 := r.note("a third", v, plain()).(*kmsg.InitProducerIDResponse)
			if ok && ok2 && first.ProducerID == second.ProducerID {
				r.out["ids"] = "given twice"
			}
		}},
		{"init-producer-id/timeouts", versions, func(r *run, v int16) {
			for label, ms := range map[string]int32{"0": 0, "-1": -1, "huge": 1 << 30} {
				req := plain()
				req.TransactionTimeoutMillis = ms
				r.note(label, v, req)
			}
		}},
		{"init-producer-id/known", []int16{3, 4, 5}, func(r *run, v int16) {
			req := plain()
			req.ProducerID, req.ProducerEpoch = r.producer(), 0
			r.note("id and epoch", v, req)
			req = plain()
			req.ProducerID = 5
			r.note("id without epoch", v, req)
			req = plain()
			req.ProducerEpoch = 5
			r.note("epoch without id", v, req)
		}},
		{"init-producer-id/empty-transactional-id", versions, func(r *run, v int16) {
			req := plain()
			empty := ""
			req.TransactionalID, req.TransactionTimeoutMillis = &empty, 1000
			r.note("answer", v, req)
		}},
	}
}
