package compat

import (
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceSequenceScenes are about idempotent producers.
func produceSequenceScenes() []scene {
	versions := []int16{3, 8, 13}
	// send is a batch of two records of the producer.
	send := func(r *run, label string, v int16, p int64, epoch int16, sequence int32) {
		r.note(label, v, r.produceTo("a", -1, batchSpec{values: values(2), by: &producer{p, epoch, sequence}}.bytes()))
	}
	look := func(r *run) { r.note("fetch", 11, r.fetchOf("a", part{})) }
	return []scene{
		{"produce/sequence/in-order", versions, func(r *run, v int16) {
			r.topic("a", 1)
			p := r.producer()
			for i, label := range []string{"0", "2", "4", "6", "8", "10"} {
				send(r, label, v, p, 0, int32(2*i))
			}
			for i, label := range []string{"0", "2", "4", "6", "8", "10"} {
				send(r, "duplicate of "+label, v, p, 0, int32(2*i))
			}
			look(r)
		}},
		{"produce/sequence/gap", versions, func(r *run, v int16) {
			r.topic("a", 1)
			p := r.producer()
			send(r, "first", v, p, 0, 0)
			send(r, "gap", v, p, 0, 4)
			send(r, "overlap", v, p, 0, 1)
			send(r, "next", v, p, 0, 2)
			look(r)
		}},
		{"produce/sequence/first-not-0", versions, func(r *run, v int16) {
			r.topic("a", 1)
			send(r, "7", v, r.producer(), 0, 7)
			look(r)
		}},
		{"produce/sequence/epochs", versions, func(r *run, v int16) {
			r.topic("a", 1)
			p := r.producer()
			send(r, "epoch 1", v, p, 1, 0)
			send(r, "old epoch", v, p, 0, 2)
			send(r, "new epoch, not 0", v, p, 2, 2)
			send(r, "new epoch", v, p, 2, 0)
			send(r, "old epoch again", v, p, 1, 2)
			look(r)
		}},
		{"produce/sequence/wrap", versions, func(r *run, v int16) {
			r.topic("a", 1)
			p := r.producer()
			send(r, "near the end", v, p, 0, math.MaxInt32-2)
			send(r, "over the end", v, p, 0, math.MaxInt32)
			send(r, "after", v, p, 0, 1)
			send(r, "duplicate", v, p, 0, math.MaxInt32)
			look(r)
		}},
		{"produce/sequence/unknown-producer", versions, func(r *run, v int16) {
			r.topic("a", 1)
			send(r, "id never given", v, 1<<40, 0, 0)
			look(r)
		}},
		{"produce/sequence/length-differs", versions, func(r *run, v int16) {
			r.topic("a", 1)
			p := r.producer()
			send(r, "first", v, p, 0, 0)
			r.note("same start, one more", v, r.produceTo("a", -1, batchSpec{values: values(3), by: &producer{id: p}}.bytes()))
			r.note("same start, one less", v, r.produceTo("a", -1, batchSpec{values: values(1), by: &producer{id: p}}.bytes()))
			look(r)
		}},
		{"produce/sequence/transaction-not-begun", versions, func(r *run, v int16) {
			r.topic("a", 1)
			p := r.producer()
			req := r.produceTo("a", -1, batchSpec{values: values(2), by: &producer{id: p}, attributes: 1 << 4}.bytes())
			id := "t" + r.tag
			req.TransactionID = &id
			r.note("batch", v, req)
			look(r)
		}},
		{"produce/sequence/append-time", versions, func(r *run, v int16) {
			r.topic("a", 1, "message.timestamp.type=LogAppendTime")
			p := r.producer()
			send(r, "first", v, p, 0, 0)
			send(r, "duplicate", v, p, 0, 0)
			send(r, "gap", v, p, 0, 6)
			look(r)
		}},
	}
}

// producer gets a producer's id. A broker that has just started asks for patience first.
func (r *run) producer() int64 {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.ProducerID, req.ProducerEpoch = 4, -1, -1
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		resp := must(ask[kmsg.InitProducerIDResponse](r, req))
		switch err := kerr.ErrorForCode(resp.ErrorCode); {
		case err == nil:
			return resp.ProducerID
		case !kerr.IsRetriable(err) || time.Now().After(deadline):
			panic(broken{fmt.Errorf("get a producer id: %w", err)})
		}
	}
}
