package compat

import "github.com/twmb/franz-go/pkg/kmsg"

// sizesOf makes a DescribeLogDirs request for partitions of a topic.
func (r *run) sizesOf(alias string, partitions ...int32) *kmsg.DescribeLogDirsRequest {
	req := kmsg.NewPtrDescribeLogDirsRequest()
	t := kmsg.NewDescribeLogDirsRequestTopic()
	t.Topic, t.Partitions = r.name(alias), partitions
	req.Topics = append(req.Topics, t)
	return req
}

// learnDir asks for the name of the data directory, so that it has one name for both brokers.
func (r *run) learnDir() string {
	req := kmsg.NewPtrDescribeLogDirsRequest()
	req.Version, req.Topics = 2, []kmsg.DescribeLogDirsRequestTopic{}
	if resp := must(ask[kmsg.DescribeLogDirsResponse](r, req)); len(resp.Dirs) == 1 {
		r.dir = resp.Dirs[0].Dir
	}
	return r.dir
}

// moveTo makes an AlterReplicaLogDirs request for partitions of a topic.
func (r *run) moveTo(dir, alias string, partitions ...int32) *kmsg.AlterReplicaLogDirsRequest {
	req := kmsg.NewPtrAlterReplicaLogDirsRequest()
	d := kmsg.NewAlterReplicaLogDirsRequestDir()
	d.Dir = dir
	d.Topics = append(d.Topics, kmsg.AlterReplicaLogDirsRequestDirTopic{Topic: r.name(alias), Partitions: partitions})
	req.Dirs = append(req.Dirs, d)
	return req
}

// logDirsScenes are about DescribeLogDirs and AlterReplicaLogDirs.
func logDirsScenes() []scene {
	return []scene{
		{"log-dirs/describe", []int16{1, 2, 3, 4}, func(r *run, v int16) {
			r.topic("a", 2)
			r.fill("a", batchSpec{values: values(30)}.bytes(), batchSpec{values: values(5)}.bytes())
			r.learnDir()
			r.note("all of a topic", v, r.sizesOf("a", 0, 1))
			r.note("one partition", v, r.sizesOf("a", 1))
			r.note("unknown topic", v, r.sizesOf("none", 0))
			r.note("unknown partition", v, r.sizesOf("a", 0, 7, -1))
			r.note("partition twice", v, r.sizesOf("a", 0, 0))
			r.note("no partitions", v, r.sizesOf("a"))
			req := r.sizesOf("a", 0)
			req.Topics = append(req.Topics, r.sizesOf("a", 1).Topics[0])
			r.note("topic twice", v, req)
			req.Topics = []kmsg.DescribeLogDirsRequestTopic{}
			r.note("no topics", v, req)
			r.note("delete", 2, r.deleteBefore("a", part{offset: 30}))
			r.note("after delete", v, r.sizesOf("a", 0))
		}},
		{"log-dirs/all", []int16{1, 2, 3, 4}, func(r *run, v int16) {
			a := r.topic("a", 1)
			r.fill("a", batchSpec{values: values(30)}.bytes())
			req := kmsg.NewPtrDescribeLogDirsRequest()
			req.Version = v
			for _, d := range must(ask[kmsg.DescribeLogDirsResponse](r, req)).Dirs {
				for _, t := range d.Topics {
					if t.Topic == a && len(t.Partitions) == 1 && t.Partitions[0].Size > 0 {
						r.out["the topic among all"] = "found"
					}
				}
			}
		}},
		{"log-dirs/move", []int16{1, 2}, func(r *run, v int16) {
			r.topic("a", 2)
			dir := r.learnDir()
			r.note("where it is", v, r.moveTo(dir, "a", 0))
			r.note("unknown directory", v, r.moveTo("/no/such/directory", "a", 0, 1))
			r.note("relative directory", v, r.moveTo("data", "a", 0))
			r.note("empty directory", v, r.moveTo("", "a", 0))
			r.note("unknown topic", v, r.moveTo(dir, "none", 0))
			r.note("unknown partition", v, r.moveTo(dir, "a", 7, -1))
			r.note("unknown topic and directory", v, r.moveTo("/no/such/directory", "none", 0))
			r.note("no partitions", v, r.moveTo(dir, "a"))
			r.note("partition twice", v, r.moveTo(dir, "a", 0, 0))
			req := r.moveTo(dir, "a", 0)
			req.Dirs = append(req.Dirs, r.moveTo("/no/such/directory", "a", 1).Dirs[0])
			r.note("two directories", v, req)
			req.Dirs = nil
			r.note("nothing", v, req)
		}},
	}
}
