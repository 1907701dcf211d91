package compat

import "github.com/twmb/franz-go/pkg/kmsg"

func (r *run) producersOf(alias string, partitions ...int32) *kmsg.DescribeProducersRequest {
	req := kmsg.NewPtrDescribeProducersRequest()
	req.Topics = append(req.Topics, kmsg.DescribeProducersRequestTopic{Topic: r.name(alias), Partitions: partitions})
	return req
}

// describeProducersScenes are about DescribeProducers.
func describeProducersScenes() []scene {
	return []scene{
		{"describe-producers/idempotent", []int16{0}, func(r *run, v int16) {
			r.topic("a", 2)
			p := producer{id: r.producer()}
			r.note("none", v, r.producersOf("a", 0, 1))
			r.fill("a", batchSpec{values: values(3), by: &p}.bytes())
			r.note("one", v, r.producersOf("a", 0, 1))
			p.sequence += 3
			r.fill("a", batchSpec{values: values(2), by: &p}.bytes(), batchSpec{values: values(1)}.bytes())
			r.note("further", v, r.producersOf("a", 0))
		}},
		{"describe-producers/odd", []int16{0}, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("unknown topic", v, r.producersOf("none", 0, 1))
			r.note("unknown partition", v, r.producersOf("a", 0, 5, -1))
			r.note("partition twice", v, r.producersOf("a", 0, 0))
			r.note("no partitions", v, r.producersOf("a"))
			req := r.producersOf("a", 0)
			req.Topics = append(req.Topics, r.producersOf("none", 1).Topics[0], r.producersOf("a", 0).Topics[0])
			r.note("topics", v, req)
			req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "a/b", Partitions: []int32{0}}}
			r.note("invalid name", v, req)
			req.Topics = nil
			r.note("no topics", v, req)
		}},
	}
}
