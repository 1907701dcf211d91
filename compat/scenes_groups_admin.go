package compat

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupAdminScenes are about FindCoordinator, DescribeGroups, ListGroups, DeleteGroups and OffsetDelete.
func groupAdminScenes() []scene {
	// eachState makes a group in each state.
	eachState := func(r *run) (aliases []string) {
		r.topic("a", 1)
		must(ask[kmsg.OffsetCommitResponse](r, func() kmsg.Request { req := r.commit("offsets", "a", 5); req.Version = 8; return req }()))
		emptied(r.member("empty", "gone"))
		completing(r.member("completing", "c1"), r.member("completing", "c2"))
		preparing(r.member("preparing", "p2"), r.member("preparing", "p1"))
		stable(r.member("stable", "s1"), r.static("stable", "s2", "is"))
		pending := r.member("pending", "p")
		pending.send("", 4, pending.join())
		pending.answer()
		r.awaitGroup("pending", "Empty", 0)
		return []string{"offsets", "empty", "completing", "preparing", "stable", "pending", "none"}
	}
	// listed lists groups and notes those of the run.
	listed := func(r *run, label string, v int16, states, types []string) {
		req := kmsg.NewPtrListGroupsRequest()
		req.Version, req.StatesFilter, req.TypesFilter = v, states, types
		resp := must(ask[kmsg.ListGroupsResponse](r, req))
		resp.Groups = slices.DeleteFunc(resp.Groups, func(g kmsg.ListGroupsResponseGroup) bool { return !strings.HasSuffix(g.Group, r.tag) })
		r.noteFields(label, resp)
	}
	offsetDelete := func(r *run, group string, topics ...string) *kmsg.OffsetDeleteRequest {
		req := kmsg.NewPtrOffsetDeleteRequest()
		req.Group = r.group(group)
		for _, t := range topics {
			req.Topics = append(req.Topics, kmsg.OffsetDeleteRequestTopic{Topic: r.name(t), Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}, {Partition: 1}}})
		}
		return req
	}
	return []scene{
		{"find-coordinator", []int16{0, 1, 2, 3, 4, 5, 6}, func(r *run, v int16) {
			find := func(kind int8, keys ...string) *kmsg.FindCoordinatorRequest {
				req := kmsg.NewPtrFindCoordinatorRequest()
				req.CoordinatorType = kind
				if v < 4 {
					req.CoordinatorKey = keys[0]
				} else {
					req.CoordinatorKeys = keys
				}
				return req
			}
			r.group("g")
			r.note("group", v, find(0, r.name("g"), r.name("h")))
			r.note("empty key", v, find(0, ""))
			if v >= 1 {
				r.note("type 9", v, find(9, r.name("g")))
			}
			if v >= 4 {
				r.note("no keys", v, find(0))
				r.note("key twice", v, find(0, r.name("g"), r.name("g")))
			}
		}},
		{"describe-groups", []int16{0, 1, 2, 3, 4, 5, 6}, func(r *run, v int16) {
			req := kmsg.NewPtrDescribeGroupsRequest()
			for _, alias := range eachState(r) {
				r.note(alias, v, r.describeGroup(alias))
				req.Groups = append(req.Groups, r.name(alias))
			}
			r.note("all", v, req)
			req.IncludeAuthorizedOperations = v >= 3
			req.Groups = req.Groups[:1]
			r.note("with what is allowed", v, req)
			req.Groups = append(req.Groups, req.Groups[0])
			r.note("one twice", v, req)
			req.Groups = []string{""}
			r.note("no group id", v, req)
			req.Groups = nil
			r.note("none", v, req)
		}},
		{"list-groups", []int16{0, 1, 2, 3, 4, 5}, func(r *run, v int16) {
			eachState(r)
			listed(r, "all", v, nil, nil)
			if v < 4 {
				return
			}
			listed(r, "stable", v, []string{"Stable"}, nil)
			listed(r, "case", v, []string{"sTABLE", "eMPTY"}, nil)
			listed(r, "rebalances", v, []string{"PreparingRebalance", "CompletingRebalance"}, nil)
			listed(r, "dead", v, []string{"Dead"}, nil)
			listed(r, "nonsense", v, []string{"nonsense"}, nil)
			listed(r, "empty text", v, []string{""}, nil)
			if v < 5 {
				return
			}
			listed(r, "classic", v, nil, []string{"classic"})
			listed(r, "case of the type", v, nil, []string{"CLASSIC"})
			listed(r, "consumer", v, nil, []string{"consumer"})
			listed(r, "two types", v, nil, []string{"consumer", "classic"})
			listed(r, "unknown type", v, nil, []string{"nonsense"})
			listed(r, "state and type", v, []string{"Stable"}, []string{"classic"})
		}},
		{"delete-groups", []int16{0, 1, 2}, func(r *run, v int16) {
			req := kmsg.NewPtrDeleteGroupsRequest()
			for _, alias := range eachState(r) {
				req.Groups = append(req.Groups, r.name(alias))
			}
			r.note("all", v, req)
			r.note("again", v, req)
			r.note("offsets are gone", 7, r.offsetFetch(7, "offsets", "a", 0))
			r.note("described", 5, r.describeGroup("empty"))
			req.Groups = []string{r.name("none"), r.name("none")}
			r.note("one twice", v, req)
			req.Groups = nil
			r.note("none", v, req)
		}},
		{"delete-groups/pending", []int16{2}, func(r *run, v int16) {
			m := r.member("g", "one")
			m.send("", 4, m.join())
			m.answer()
			req := kmsg.NewPtrDeleteGroupsRequest()
			req.Groups = []string{r.group("g")}
			r.note("delete", v, req)
			m.ask("join", 4, m.join())
		}},
		{"offset-delete/empty", []int16{0}, func(r *run, v int16) {
			r.topic("a", 2)
			r.topic("b", 1)
			commit := r.commit("g", "a", 5)
			r.addCommit(commit, "a", 1, 6)
			r.addCommit(commit, "b", 0, 7)
			r.note("commit", 8, commit)
			r.note("delete", v, offsetDelete(r, "g", "a"))
			r.note("again", v, offsetDelete(r, "g", "a"))
			r.note("left", 7, r.offsetFetch(7, "g", ""))
			r.note("mixed", v, offsetDelete(r, "g", "b", "none"))
			r.note("described", 5, r.describeGroup("g"))
			r.note("unknown topic", v, offsetDelete(r, "g", "none"))
			r.note("no topics", v, offsetDelete(r, "g"))
			req := offsetDelete(r, "g", "a")
			req.Topics[0].Partitions = nil
			r.note("no partitions", v, req)
			r.note("unknown group", v, offsetDelete(r, "other", "a"))
			r.note("unknown group and topic", v, offsetDelete(r, "other", "none"))
			r.note("unknown group, no topics", v, offsetDelete(r, "other"))
			req = offsetDelete(r, "g", "a")
			req.Group = ""
			r.note("no group id", v, req)
		}},
		{"offset-delete/members", []int16{0}, func(r *run, v int16) {
			r.topic("a", 2)
			r.topic("b", 2)
			a, b := r.member("g", "first"), r.member("g", "second")
			generation := stable(a)
			commit := a.commit(generation, "a", 5)
			r.addCommit(commit, "b", 0, 6)
			a.quietly(8, commit)
			r.note("stable", v, offsetDelete(r, "g", "a", "b", "none"))
			b.topics = []string{r.name("b")}
			b.send("second", 3, b.join())
			r.awaitGroup("g", "PreparingRebalance", 2)
			r.note("preparing", v, offsetDelete(r, "g", "a", "b"))
			a.quietly(5, a.join())
			b.answer()
			r.note("completing", v, offsetDelete(r, "g", "a", "b"))
			r.note("left", 7, r.offsetFetch(7, "g", ""))
			a.quietly(3, a.leave(a, b))
			r.note("empty", v, offsetDelete(r, "g", "a", "b"))
		}},
		{"offset-delete/other-protocols", []int16{0}, func(r *run, v int16) {
			r.topic("a", 2)
			worker := r.member("w", "worker")
			req := worker.join()
			req.ProtocolType = "connect"
			worker.quietly(3, req)
			r.note("worker, completing", v, offsetDelete(r, "w", "a"))
			worker.quietly(3, worker.sync(1, worker))
			r.note("worker, stable", v, offsetDelete(r, "w", "a"))
			odd := r.member("odd", "odd")
			req = odd.join()
			for i := range req.Protocols {
				req.Protocols[i].Metadata = []byte{1}
			}
			odd.quietly(3, req)
			odd.quietly(3, odd.sync(1, odd))
			r.note("metadata that nobody understands", v, offsetDelete(r, "odd", "a"))
		}},
	}
}
