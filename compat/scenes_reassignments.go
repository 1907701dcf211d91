package compat

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// assign makes an AlterPartitionReassignments request for one partition. nil replicas cancel.
func (r *run) assign(alias string, partition int32, replicas []int32) *kmsg.AlterPartitionAssignmentsRequest {
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.TimeoutMillis = 10_000
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic = r.name(alias)
	t.Partitions = append(t.Partitions, kmsg.AlterPartitionAssignmentsRequestTopicPartition{Partition: partition, Replicas: replicas})
	req.Topics = append(req.Topics, t)
	return req
}

func (r *run) elect(kind int8, alias string, partitions ...int32) *kmsg.ElectLeadersRequest {
	req := kmsg.NewPtrElectLeadersRequest()
	req.TimeoutMillis, req.ElectionType = 10_000, kind
	t := kmsg.NewElectLeadersRequestTopic()
	t.Topic, t.Partitions = r.name(alias), partitions
	req.Topics = append(req.Topics, t)
	return req
}

// electAll asks for all partitions, of which others may have made some: it notes what is said of topic a.
func (r *run) electAll(v int16, req *kmsg.ElectLeadersRequest) {
	req.Topics = nil
	req.SetVersion(v)
	resp := must(ask[kmsg.ElectLeadersResponse](r, req))
	resp.Topics = slices.DeleteFunc(resp.Topics, func(t kmsg.ElectLeadersResponseTopic) bool { return t.Topic != r.name("a") })
	r.noteFields("all", resp)
}

// reassignmentScenes are about replicas, of which there is one each: AlterPartitionReassignments, ListPartitionReassignments and ElectLeaders.
func reassignmentScenes() []scene {
	list := func(topics ...kmsg.ListPartitionReassignmentsRequestTopic) *kmsg.ListPartitionReassignmentsRequest {
		req := kmsg.NewPtrListPartitionReassignmentsRequest()
		req.TimeoutMillis, req.Topics = 10_000, topics
		return req
	}
	return []scene{
		{"reassignments/list", []int16{0}, func(r *run, v int16) {
			a := r.topic("a", 2)
			r.note("all", v, list())
			r.note("of a topic", v, list(kmsg.ListPartitionReassignmentsRequestTopic{Topic: a, Partitions: []int32{0, 1}}))
			r.note("of none", v, list(kmsg.ListPartitionReassignmentsRequestTopic{Topic: r.name("none"), Partitions: []int32{0}}))
			r.note("of unknown partitions", v, list(kmsg.ListPartitionReassignmentsRequestTopic{Topic: a, Partitions: []int32{7, -1}}))
			req := list()
			req.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{}
			r.note("empty list", v, req)
		}},
		{"reassignments/alter", []int16{0, 1}, func(r *run, v int16) {
			r.topic("a", 2)
			r.note("to where it is", v, r.assign("a", 0, []int32{r.node}))
			r.note("cancel none", v, r.assign("a", 0, nil))
			r.note("unknown broker", v, r.assign("a", 0, []int32{4711}))
			r.note("two replicas", v, r.assign("a", 0, []int32{r.node, 4711}))
			r.note("one twice", v, r.assign("a", 0, []int32{r.node, r.node}))
			r.note("no replica", v, r.assign("a", 0, []int32{}))
			r.note("negative broker", v, r.assign("a", 0, []int32{-1}))
			r.note("unknown topic", v, r.assign("none", 0, []int32{r.node}))
			r.note("unknown partition", v, r.assign("a", 7, []int32{r.node}))
			r.note("cancel of an unknown partition", v, r.assign("a", 7, nil))
			r.note("negative partition", v, r.assign("a", -1, []int32{r.node}))
			req := r.assign("a", 0, []int32{r.node})
			req.Topics = append(req.Topics, r.assign("none", 0, nil).Topics[0])
			req.Topics[0].Partitions = append(req.Topics[0].Partitions, r.assign("a", 1, []int32{4711}).Topics[0].Partitions[0])
			r.note("several", v, req)
			req = r.assign("a", 0, []int32{r.node})
			req.AllowReplicationFactorChange = v < 1
			r.note("factor fixed", v, req)
			req = r.assign("a", 0, []int32{r.node, 4711})
			r.note("factor fixed, two replicas", v, req)
			req.Topics = nil
			r.note("nothing", v, req)
		}},
		{"elect-leaders/preferred", []int16{0, 1, 2}, func(r *run, v int16) {
			r.topic("a", 2)
			r.note("one", v, r.elect(0, "a", 0))
			r.note("all of a topic", v, r.elect(0, "a", 0, 1))
			r.note("unknown topic", v, r.elect(0, "none", 0))
			r.note("unknown partition", v, r.elect(0, "a", 0, 7, -1))
			r.note("partition twice", v, r.elect(0, "a", 0, 0))
			r.note("no partitions", v, r.elect(0, "a"))
			req := r.elect(0, "a", 0)
			req.Topics = append(req.Topics, r.elect(0, "a", 1).Topics[0])
			r.note("topic twice", v, req)
			req.Topics = []kmsg.ElectLeadersRequestTopic{}
			r.note("no topics", v, req)
			r.electAll(v, req)
		}},
		{"elect-leaders/unclean", []int16{1, 2}, func(r *run, v int16) {
			r.topic("a", 2)
			r.note("one", v, r.elect(1, "a", 0))
			r.note("unknown", v, r.elect(1, "none", 0))
			r.note("unknown partition", v, r.elect(1, "a", 7))
			r.note("no such type", v, r.elect(7, "a", 0))
			r.electAll(v, r.elect(1, "a"))
		}},
	}
}
