package compat

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitScenes are about OffsetCommit.
func commitScenes() []scene {
	versions := []int16{2, 3, 4, 5, 6, 7, 8, 9, 10}
	// ways commits in every way that may be wrong.
	ways := func(r *run, v int16, m *member, generation int32) {
		for _, way := range []struct {
			label  string
			change func(*kmsg.OffsetCommitRequest)
		}{ // in this order: one of them makes the group
			{"as member", func(*kmsg.OffsetCommitRequest) {}},
			{"generation before", func(req *kmsg.OffsetCommitRequest) { req.Generation-- }},
			{"generation after", func(req *kmsg.OffsetCommitRequest) { req.Generation++ }},
			{"no generation", func(req *kmsg.OffsetCommitRequest) { req.Generation = -1 }},
			{"nobody", func(req *kmsg.OffsetCommitRequest) { req.Generation, req.MemberID, req.InstanceID = -1, "", nil }},
			{"no member", func(req *kmsg.OffsetCommitRequest) { req.MemberID = "" }},
			{"unknown member", func(req *kmsg.OffsetCommitRequest) { req.MemberID = "nobody" }},
			{"unknown without gen.", func(req *kmsg.OffsetCommitRequest) { req.MemberID, req.Generation = "nobody", -1 }},
			{"unknown instance", func(req *kmsg.OffsetCommitRequest) { req.InstanceID = kmsg.StringPtr("nothing") }},
			{"generation -2", func(req *kmsg.OffsetCommitRequest) { req.Generation = -2 }},
		} {
			req := m.commit(generation, "a", 7)
			way.change(req)
			m.ask(way.label, v, req)
		}
	}
	return []scene{
		{"commit/nobody", versions, func(r *run, v int16) {
			r.topic("a", 2)
			req := r.commit("g", "a", 5)
			r.addCommit(req, "a", 1, 1<<40).Metadata = kmsg.StringPtr("with a note")
			req.Topics[0].Partitions[1].LeaderEpoch = 3
			r.note("commit", v, req)
			r.note("fetch", 7, r.offsetFetch(7, "g", "a", 0, 1))
			r.note("described", 5, r.describeGroup("g"))
			req = r.commit("g", "a", 4)
			r.note("back", v, req)
			r.note("fetch after it", 7, r.offsetFetch(7, "g", "a", 0, 1))
		}},
		{"commit/values", versions, func(r *run, v int16) {
			r.topic("a", 6)
			req := r.commit("g", "a", -1)
			r.addCommit(req, "a", 1, -5)
			r.addCommit(req, "a", 2, 1<<62).LeaderEpoch = 1 << 30
			r.addCommit(req, "a", 3, 0).LeaderEpoch = -7
			r.addCommit(req, "a", 4, 0).Metadata = kmsg.StringPtr("")
			r.addCommit(req, "a", 5, 1).Metadata = kmsg.StringPtr("ünï😀")
			r.note("commit", v, req)
			r.note("fetch", 7, r.offsetFetch(7, "g", "a", 0, 1, 2, 3, 4, 5))
		}},
		{"commit/metadata", versions, func(r *run, v int16) {
			r.topic("a", 3)
			req := r.commit("g", "a", 1)
			req.Topics[0].Partitions[0].Metadata = kmsg.StringPtr(strings.Repeat("x", 4096))
			r.addCommit(req, "a", 1, 2).Metadata = kmsg.StringPtr(strings.Repeat("x", 4097))
			r.addCommit(req, "a", 2, 3).Metadata = kmsg.StringPtr(strings.Repeat("ü", 4096))
			r.note("commit", v, req)
			req = r.commit("h", "a", 1)
			req.Topics[0].Partitions[0].Metadata = kmsg.StringPtr(strings.Repeat("😀", 2049))
			r.note("all too long", v, req)
			r.note("fetch", 7, r.offsetFetch(7, "h", "a", 0))
		}},
		{"commit/unknown-topics", versions, func(r *run, v int16) {
			r.topic("a", 1)
			req := r.commit("g", "none", 1)
			r.note("topic", v, req)
			r.note("no group was made", 5, r.describeGroup("g"))
			r.addCommit(req, "a", 0, 2)
			r.addCommit(req, "a", 1, 3)
			r.addCommit(req, "a", -1, 4)
			r.note("mixed", v, req)
			r.note("fetch", 7, r.offsetFetch(7, "g", "a", 0, 1))
			req = r.commit("h", "a", 1)
			req.Topics[0].Partitions[0].Partition = 5
			r.note("partition", v, req)
			r.note("no group was made either", 5, r.describeGroup("h"))
			req.Topics[0].Partitions = nil
			r.note("no partitions", v, req)
			req.Topics = nil
			r.note("no topics", v, req)
			req.Generation, req.MemberID = 5, "nobody"
			r.note("no topics of a member", v, req)
		}},
		{"commit/twice", versions, func(r *run, v int16) {
			r.topic("a", 1)
			req := r.commit("g", "a", 1)
			r.addCommit(req, "a", 0, 2)
			r.note("partition", v, req)
			r.note("fetch", 7, r.offsetFetch(7, "g", "a", 0))
		}},
		{"commit/no-group", versions, func(r *run, v int16) {
			r.topic("a", 1)
			m := r.member("none", "one")
			ways(r, v, m, 1)
			m.id = "nobody"
			x := r.member("none2", "two")
			x.id = "nobody"
			x.ask("member of no group", v, x.commit(3, "a", 1))
			r.note("described", 5, r.describeGroup("none2"))
		}},
		{"commit/no-group-id", versions, func(r *run, v int16) {
			r.topic("a", 1)
			req := r.commit("g", "a", 1)
			req.Group = ""
			r.note("nobody", v, req)
			del := kmsg.NewPtrDeleteGroupsRequest()
			del.Groups = []string{""}
			r.note("deleted", 2, del)
		}},
		{"commit/empty", versions, func(r *run, v int16) {
			r.topic("a", 1)
			m := r.member("g", "one")
			ways(r, v, m, emptied(m)+1)
		}},
		{"commit/preparing", versions, func(r *run, v int16) {
			r.topic("a", 1)
			a, b := r.member("g", "first"), r.member("g", "second")
			ways(r, v, a, preparing(b, a))
			r.note("fetch", 7, r.offsetFetch(7, "g", "a", 0))
		}},
		{"commit/completing", versions, func(r *run, v int16) {
			r.topic("a", 1)
			a, b := r.member("g", "first"), r.member("g", "second")
			ways(r, v, b, completing(a, b))
		}},
		{"commit/stable", versions, func(r *run, v int16) {
			r.topic("a", 1)
			a, b := r.member("g", "first"), r.member("g", "second")
			ways(r, v, b, stable(a, b))
			r.note("fetch", 7, r.offsetFetch(7, "g", "a", 0))
		}},
		{"commit/static", []int16{7, 8, 9, 10}, func(r *run, v int16) {
			r.topic("a", 1)
			a, b := r.static("g", "first", "ia"), r.static("g", "second", "ib")
			generation := stable(a, b)
			a.ask("as member", v, a.commit(generation, "a", 1))
			req := a.commit(generation, "a", 2)
			req.InstanceID = b.instance
			a.ask("as another", v, req)
			req = a.commit(generation, "a", 3)
			req.MemberID = ""
			a.ask("by the instance alone", v, req)
			req = a.commit(-1, "a", 3)
			req.MemberID = ""
			a.ask("by the instance, no generation", v, req)
		}},
		{"commit/retention", []int16{2, 3, 4}, func(r *run, v int16) {
			r.topic("a", 3)
			for label, ms := range map[string]int64{"zero": 0, "negative": -5, "long": 1 << 40} {
				req := r.commit(label, "a", 1)
				req.RetentionTimeMillis = ms
				r.note(label, v, req)
				r.note(label+", fetch", 7, r.offsetFetch(7, label, "a", 0))
			}
		}},
	}
}

// offsetFetchScenes are about OffsetFetch.
func offsetFetchScenes() []scene {
	versions := []int16{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	return []scene{
		{"offset-fetch/committed", versions, func(r *run, v int16) {
			r.topic("a", 3)
			r.topic("b", 1)
			req := r.commit("g", "a", 5)
			p := r.addCommit(req, "a", 2, 7)
			p.Metadata, p.LeaderEpoch = kmsg.StringPtr("note"), 4
			r.addCommit(req, "b", 0, 9)
			r.note("commit", 8, req)
			r.note("some", v, r.offsetFetch(v, "g", "a", 0, 1, 2, 3))
			r.note("partition twice", v, r.offsetFetch(v, "g", "a", 0, 0))
			r.note("negative partition", v, r.offsetFetch(v, "g", "a", -1))
			r.note("no partitions", v, r.offsetFetch(v, "g", "a"))
			r.note("unknown topic", v, r.offsetFetch(v, "g", "none", 0))
			if v >= 2 {
				r.note("all", v, r.offsetFetch(v, "g", ""))
			}
			if v >= 7 {
				stable := r.offsetFetch(v, "g", "a", 0, 1)
				stable.RequireStable = true
				r.note("stable", v, stable)
				stable = r.offsetFetch(v, "g", "")
				stable.RequireStable = true
				r.note("all stable", v, stable)
			}
		}},
		{"offset-fetch/unknown-group", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("some", v, r.offsetFetch(v, "none", "a", 0, 1))
			if v >= 2 {
				r.note("all", v, r.offsetFetch(v, "none", ""))
			}
			req := r.offsetFetch(v, "none", "a", 0)
			if v < 8 {
				req.Group = ""
			} else {
				req.Groups[0].Group = ""
			}
			r.note("no group id", v, req)
			r.note("described", 5, r.describeGroup("none"))
		}},
		{"offset-fetch/empty-topics", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("commit", 8, r.commit("g", "a", 5))
			req := r.offsetFetch(v, "g", "")
			if v < 8 {
				req.Topics = []kmsg.OffsetFetchRequestTopic{}
			} else {
				req.Groups[0].Topics = []kmsg.OffsetFetchRequestGroupTopic{}
			}
			r.note("no topics", v, req)
		}},
		{"offset-fetch/groups", []int16{8, 9, 10}, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("commit", 8, r.commit("g", "a", 5))
			r.note("commit to h", 8, r.commit("h", "a", 6))
			req := r.offsetFetch(v, "g", "a", 0)
			req.Groups = append(req.Groups, r.offsetFetch(v, "h", "").Groups[0], r.offsetFetch(v, "none", "a", 0).Groups[0])
			r.note("three", v, req)
			req.Groups = append(req.Groups[:1], req.Groups[0])
			r.note("one twice", v, req)
			req.Groups = nil
			r.note("none", v, req)
		}},
		{"offset-fetch/members", []int16{9, 10}, func(r *run, v int16) {
			r.topic("a", 1)
			m := r.member("g", "one")
			generation := stable(m)
			m.quietly(8, m.commit(generation, "a", 5))
			for label, who := range map[string]struct {
				id    *string
				epoch int32
			}{
				"as member": {&m.id, generation}, "wrong epoch": {&m.id, 77}, "unknown member": {kmsg.StringPtr("nobody"), generation}, "no member": {nil, generation},
				"empty member": {kmsg.StringPtr(""), -1},
			} {
				req := r.offsetFetch(v, "g", "a", 0)
				req.Groups[0].MemberID, req.Groups[0].MemberEpoch = who.id, who.epoch
				r.note(label, v, req)
			}
		}},
		{"offset-fetch/recreated-topic", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("commit", 10, r.commit("g", "a", 5))
			r.note("commit by name", 9, r.commit("h", "a", 6))
			r.note("before", v, r.offsetFetch(v, "g", "a", 0))
			r.remove("a")
			req := r.offsetFetch(7, "g", "")
			r.await("offsets of the deleted topic go", func() bool {
				req.Version = 7
				return len(must(ask[kmsg.OffsetFetchResponse](r, req)).Topics) == 0
			})
			r.note("deleted", v, r.offsetFetch(v, "g", "a", 0))
			r.ids[r.known("a")] = "the first a"
			r.topic("a", 1)
			r.note("made again", v, r.offsetFetch(v, "g", "a", 0))
			r.note("made again, by name", v, r.offsetFetch(v, "h", "a", 0))
			r.note("described", 5, r.describeGroup("g"))
		}},
	}
}
