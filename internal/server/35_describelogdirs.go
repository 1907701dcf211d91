package server

import (
	"context"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/store"
)

// describeLogDirs answers how large partitions are, and how much room there is (key 35): in one directory, the broker's. What does not exist is left out,
// and so is a topic of which no partition was asked, as in Kafka. A partition's size is that of its record batches, those included that are still in the
// write-ahead log; the log itself, indexes and checkpoints are not counted.
func describeLogDirs(_ context.Context, r *request, req *kmsg.DescribeLogDirsRequest) *kmsg.DescribeLogDirsResponse {
	st := r.srv.store
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	resp.Version = req.Version
	d := kmsg.NewDescribeLogDirsResponseDir()
	d.Dir = r.srv.logDir()
	if req.Version >= 4 {
		stats := st.Stats()
		d.TotalBytes, d.UsableBytes = stats.DiskTotal, stats.DiskFree
	}
	if req.Topics == nil {
		for _, t := range st.Topics() {
			out := kmsg.NewDescribeLogDirsResponseDirTopic()
			out.Topic = t.Name
			for i := range t.Partitions {
				out.Partitions = append(out.Partitions, sizeOf(t, int32(i)))
			}
			d.Topics = append(d.Topics, out)
		}
	}
	topics, at := make(map[string]int), make(map[partKey]int) // places of topics in the response, and of partitions in their topics
	for i := range req.Topics {
		in := &req.Topics[i]
		t := st.Topic(in.Topic)
		if t == nil {
			continue
		}
		for _, n := range in.Partitions {
			if n < 0 || int(n) >= len(t.Partitions) {
				continue
			}
			k, ok := topics[in.Topic]
			if !ok {
				k = len(d.Topics)
				topics[in.Topic] = k
				d.Topics = append(d.Topics, kmsg.DescribeLogDirsResponseDirTopic{Topic: in.Topic})
			}
			out := &d.Topics[k]
			key := partKey{topic: in.Topic, partition: n}
			if _, twice := at[key]; !twice {
				at[key] = len(out.Partitions)
				out.Partitions = append(out.Partitions, sizeOf(t, n))
			}
		}
	}
	resp.Dirs = append(resp.Dirs, d)
	return resp
}

func sizeOf(t *store.Topic, partition int32) kmsg.DescribeLogDirsResponseDirTopicPartition {
	p := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
	p.Partition, p.Size = partition, t.Partitions[partition].Size()
	return p
}

// logDir is the data directory as clients are told.
func (s *Server) logDir() string {
	dir := s.store.Dir()
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}
