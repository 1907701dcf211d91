package server

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/store"
)

// maxDescribed is how many partitions one response has at most, as Kafka's max.request.partition.size.limit.
const maxDescribed = 2000

// describeTopicPartitions answers what partitions topics have (key 75, KIP-966): in pages, by topic and partition, each with the place where the next one
// begins. A topic that does not exist is named with its error, and takes no room on the page. A name that is not valid is answered as such; Kafka fails on the
// whole request.
func describeTopicPartitions(_ context.Context, r *request, req *kmsg.DescribeTopicPartitionsRequest) *kmsg.DescribeTopicPartitionsResponse {
	resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
	resp.Version = req.Version
	d := describing{r: r, resp: resp, self: []int32{r.srv.store.NodeID()}, room: int(max(1, min(req.ResponsePartitionLimit, maxDescribed)))}
	if c := req.Cursor; c != nil {
		d.topic, d.partition = c.Topic, c.Partition
		named := len(req.Topics) == 0 || slices.ContainsFunc(req.Topics, func(t kmsg.DescribeTopicPartitionsRequestTopic) bool { return t.Topic == c.Topic })
		if c.Partition < 0 || !named {
			err := refuse(kerr.InvalidRequest, "the cursor must name a partition of a topic that the request asks for")
			for i := range req.Topics {
				d.refuse(req.Topics[i].Topic, err)
				resp.Topics[i].AuthorizedOperations = math.MinInt32 // as Kafka has it: not asked for
			}
			return resp
		}
	}
	if len(req.Topics) == 0 {
		topics := r.srv.store.Topics()
		from, _ := slices.BinarySearchFunc(topics, d.topic, func(t *store.Topic, name string) int { return strings.Compare(t.Name, name) })
		for _, t := range topics[from:] {
			if !d.add(t.Name, t) {
				break
			}
		}
		return resp
	}
	names := make([]string, 0, len(req.Topics))
	for i := range req.Topics {
		if name := req.Topics[i].Topic; name >= d.topic {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if !d.add(name, r.srv.store.Topic(name)) {
			break
		}
	}
	return resp
}

// describing is a response on its way.
type describing struct {
	r         *request
	resp      *kmsg.DescribeTopicPartitionsResponse
	self      []int32
	room      int
	topic     string // of the cursor
	partition int32
}

// add describes a topic from the cursor on. It reports false when the page is full and more follows.
func (d *describing) add(name string, t *store.Topic) bool {
	if d.room == 0 {
		d.resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name}
		return false
	}
	if t == nil {
		err := catalog.CheckName(name)
		if err == nil {
			err = errNoTopic
		}
		d.refuse(name, err)
		return true
	}
	from := int32(0)
	if name == d.topic {
		from = min(d.partition, int32(len(t.Partitions)))
	}
	out := kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.TopicID, out.IsInternal, out.AuthorizedOperations = &t.Name, t.ID, t.Catalog.Internal(), allTopicOperations
	logs := t.Partitions[from:]
	full := len(logs) > d.room
	if full {
		logs = logs[:d.room]
		d.resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name, Partition: from + int32(d.room)}
	}
	out.Partitions = make([]kmsg.DescribeTopicPartitionsResponseTopicPartition, len(logs))
	for i, l := range logs {
		p := &out.Partitions[i]
		*p = kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		bounds, err := l.Bounds()
		p.Partition, p.LeaderID, p.LeaderEpoch, p.Replicas, p.ISR = from+int32(i), d.self[0], bounds.Epoch, d.self, d.self
		p.EligibleLeaderReplicas, p.LastKnownELR = []int32{}, []int32{}
		if err != nil {
			p.ErrorCode, p.LeaderID, p.ISR, p.OfflineReplicas = kerr.LeaderNotAvailable.Code, -1, nil, d.self
		}
	}
	d.room -= len(logs)
	d.resp.Topics = append(d.resp.Topics, out)
	return !full
}

func (d *describing) refuse(name string, err error) {
	out := kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.AuthorizedOperations = &name, allTopicOperations
	out.ErrorCode, _ = d.r.srv.fault(err)
	d.resp.Topics = append(d.resp.Topics, out)
}
