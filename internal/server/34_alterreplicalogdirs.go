package server

import (
	"context"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// alterReplicaLogDirs answers a request to move partitions to a directory (key 34). There is one, in which they are: whoever names it is answered without an
// error, and any other is LOG_DIR_NOT_FOUND. Partitions are answered once, under their topics, as in Kafka.
func alterReplicaLogDirs(_ context.Context, r *request, req *kmsg.AlterReplicaLogDirsRequest) *kmsg.AlterReplicaLogDirsResponse {
	resp := kmsg.NewPtrAlterReplicaLogDirsResponse()
	resp.Version = req.Version
	dir := r.srv.logDir()
	topics, at := make(map[string]int), make(map[partKey]int) // places of topics in the response, and of partitions in their topics
	for i := range req.Dirs {
		d := &req.Dirs[i]
		for j := range d.Topics {
			in := &d.Topics[j]
			for _, n := range in.Partitions {
				var err error
				if filepath.Clean(d.Dir) != dir {
					err = refuse(kerr.LogDirNotFound, "the broker has no such directory")
				} else {
					_, err = r.srv.partition(in.Topic, n)
				}
				k, ok := topics[in.Topic]
				if !ok {
					k = len(resp.Topics)
					topics[in.Topic] = k
					resp.Topics = append(resp.Topics, kmsg.AlterReplicaLogDirsResponseTopic{Topic: in.Topic})
				}
				out := &resp.Topics[k]
				p := kmsg.NewAlterReplicaLogDirsResponseTopicPartition()
				p.Partition = n
				p.ErrorCode, _ = r.srv.fault(err)
				key := partKey{topic: in.Topic, partition: n}
				if m, twice := at[key]; twice {
					out.Partitions[m] = p
					continue
				}
				at[key] = len(out.Partitions)
				out.Partitions = append(out.Partitions, p)
			}
		}
	}
	return resp
}
