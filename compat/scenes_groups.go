package compat

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// joinScenes are about JoinGroup.
func joinScenes() []scene {
	versions := []int16{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	// enter joins, a second time when the broker wants to see an id first.
	enter := func(m *member, label string, v int16) {
		m.ask(label, v, m.join())
		if v >= 4 && m.instance == nil {
			m.ask(label+" with its id", v, m.join())
		}
	}
	return []scene{
		{"join/first", versions, func(r *run, v int16) {
			m := r.member("g", "first")
			enter(m, "join", v)
			r.awaitGroup("g", "CompletingRebalance", 1)
			r.note("described", 5, r.describeGroup("g"))
			m.ask("sync", 3, m.sync(1, m))
			r.note("described when stable", 5, r.describeGroup("g"))
			m.ask("join of the leader", v, m.join())
			m.ask("join before the sync", v, m.join())
		}},
		{"join/refused", versions, func(r *run, v int16) {
			for label, change := range map[string]func(*kmsg.JoinGroupRequest){
				"no group":                 func(req *kmsg.JoinGroupRequest) { req.Group = "" },
				"short session":            func(req *kmsg.JoinGroupRequest) { req.SessionTimeoutMillis = 5999 },
				"long session":             func(req *kmsg.JoinGroupRequest) { req.SessionTimeoutMillis = 1800001 },
				"negative session":         func(req *kmsg.JoinGroupRequest) { req.SessionTimeoutMillis = -1 },
				"unknown member":           func(req *kmsg.JoinGroupRequest) { req.MemberID = "nobody" },
				"unknown member, no group": func(req *kmsg.JoinGroupRequest) { req.MemberID, req.Group = "nobody", "" },
				"unknown member and type":  func(req *kmsg.JoinGroupRequest) { req.MemberID, req.ProtocolType = "nobody", "" },
			} {
				m := r.member("none", "one")
				req := m.join()
				change(req)
				m.ask(label, v, req)
			}
			r.note("no group was made", 5, r.describeGroup("none"))
		}},
		{"join/without-protocols", versions, func(r *run, v int16) {
			m := r.member("g", "one")
			req := m.join()
			req.Protocols = nil
			m.ask("no protocols", v, req)
			r.awaitGroup("g", "Empty", 0)
			r.note("described", 5, r.describeGroup("g"))
			req = m.join()
			req.ProtocolType = ""
			m.ask("no type", v, req)
			m = r.member("h", "other")
			req = m.join()
			req.ProtocolType = ""
			m.ask("no type, new group", v, req)
			r.awaitGroup("h", "Empty", 0)
			r.note("both", 5, r.describeGroup("h"))
		}},
		{"join/inconsistent", versions, func(r *run, v int16) {
			first := r.member("g", "first")
			stable(first)
			m := r.member("g", "other")
			req := m.join()
			req.ProtocolType = "connect"
			m.ask("type", v, req)
			req = m.join()
			req.Protocols = req.Protocols[:1]
			req.Protocols[0].Name = "sticky"
			m.ask("protocol", v, req)
			req = first.join()
			req.Protocols = req.Protocols[:1]
			req.Protocols[0].Name = "sticky"
			first.ask("the member itself", v, req)
			req = m.join()
			req.MemberID = "nobody"
			m.ask("unknown member", v, req)
			r.note("undisturbed", 5, r.describeGroup("g"))
		}},
		{"join/second", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			generation := stable(a)
			if v >= 4 {
				b.ask("id", v, b.join())
				r.note("undisturbed", 5, r.describeGroup("g"))
			}
			b.send("second", v, b.join())
			r.awaitGroup("g", "PreparingRebalance", 2)
			a.ask("heartbeat", 3, a.heartbeat(generation))
			r.note("described", 5, r.describeGroup("g"))
			a.ask("first again", v, a.join())
			b.answer()
			r.note("described in CompletingRebalance", 5, r.describeGroup("g"))
			b.ask("follower asks again", v, b.join())
			a.ask("leader asks again", v, a.join())
			b.send("sync of the follower", 3, b.sync(2))
			a.ask("sync of the leader", 3, a.sync(2, a, b))
			b.answer()
			r.note("described when stable", 5, r.describeGroup("g"))
			b.ask("follower in Stable", v, b.join())
			b.topics = append(b.topics, r.name("b"))
			b.send("follower with other topics", v, b.join())
			r.awaitGroup("g", "PreparingRebalance", 2)
			a.ask("leader in PreparingRebalance", v, a.join())
			b.answer()
		}},
		{"join/changed-while-assigning", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			generation := completing(a, b)
			a.send("leader with other topics", v, func() kmsg.Request { a.topics = nil; return a.join() }())
			r.awaitGroup("g", "PreparingRebalance", 2)
			b.ask("sync of the last generation", 3, b.sync(generation))
			b.ask("follower", v, b.join())
			a.answer()
		}},
		{"join/votes", []int16{3, 7, 9}, func(r *run, v int16) {
			with := func(m *member, names ...string) *kmsg.JoinGroupRequest {
				req := m.join()
				req.Protocols = nil
				for _, name := range names {
					req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: name, Metadata: consumerMetadata(name, m.name)})
				}
				return req
			}
			for label, lists := range map[string][2][]string{
				"tie range":     {{"range", "roundrobin"}, {"roundrobin", "range"}},
				"tie sticky":    {{"sticky", "range"}, {"range", "sticky"}},
				"tie of three":  {{"cooperative-sticky", "sticky", "range"}, {"sticky", "cooperative-sticky"}},
				"only one":      {{"range", "roundrobin", "sticky"}, {"sticky"}},
				"liked by both": {{"x", "b", "a"}, {"y", "x", "a"}},
				"case":          {{"Range", "range"}, {"range"}},
				"no name":       {{"", "a"}, {""}},
			} {
				a, b := r.member(label, "first"), r.member(label, "second")
				a.quietly(3, with(a, lists[0]...))
				b.send("second, "+label, 3, with(b, lists[1]...))
				r.awaitGroup(label, "PreparingRebalance", 2)
				a.ask("first, "+label, v, with(a, lists[0]...))
				b.answer()
			}
		}},
		{"join/empty-group", versions, func(r *run, v int16) {
			m := r.member("g", "one")
			emptied(m)
			r.note("described", 5, r.describeGroup("g"))
			m.ask("with the old id", v, m.join())
			m.id = ""
			enter(m, "anew", v)
			m.ask("sync", 3, m.sync(3, m))
		}},
		{"join/group-of-offsets", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("commit", 8, r.commit("g", "a", 5))
			m := r.member("g", "one")
			enter(m, "join", v)
			r.note("commit while there are members", 8, r.commit("g", "a", 6))
			r.note("fetch", 7, r.offsetFetch(7, "g", "a", 0))
		}},
		{"join/pending", []int16{4, 5, 7, 9}, func(r *run, v int16) {
			r.topic("a", 1)
			m := r.member("g", "one")
			m.ask("join", v, m.join())
			r.awaitGroup("g", "Empty", 0)
			r.note("described", 5, r.describeGroup("g"))
			m.ask("heartbeat", 3, m.heartbeat(0))
			m.ask("sync", 3, m.sync(0, m))
			m.ask("commit", 8, m.commit(0, "a", 1))
			m.ask("commit without a generation", 8, m.commit(-1, "a", 1))
			m.ask("join with the id", v, m.join())
		}},
		{"join/pending-leaves", []int16{4, 9}, func(r *run, v int16) {
			first := r.member("g", "first")
			generation := stable(first)
			m := r.member("g", "one")
			m.ask("join", v, m.join())
			first.ask("nothing happens", 3, first.heartbeat(generation))
			m.ask("leave", 3, m.leave(m))
			r.note("described", 5, r.describeGroup("g"))
			first.ask("a rebalance", 3, first.heartbeat(generation))
			first.ask("join", v, first.join())
			m.ask("join with the id that is gone", v, m.join())
		}},
		{"join/rebalance-waits-for-pending", []int16{4, 9}, func(r *run, v int16) {
			first := r.member("g", "first")
			stable(first)
			m := r.member("g", "one")
			m.ask("join", v, m.join())
			first.send("the leader", v, first.join())
			r.awaitGroup("g", "PreparingRebalance", 1)
			m.ask("join with the id", v, m.join())
			first.answer()
		}},
		{"join/other-types", []int16{3, 9}, func(r *run, v int16) {
			m := r.member("g", "worker")
			req := m.join()
			req.ProtocolType, req.Protocols = "connect", []kmsg.JoinGroupRequestProtocol{{Name: "sessioned", Metadata: []byte("any bytes")}}
			m.ask("join", v, req)
			if v >= 4 {
				req.MemberID = m.id
				m.ask("join with its id", v, req)
			}
			s := m.sync(1, m)
			m.ask("sync", 3, s)
			r.note("described", 5, r.describeGroup("g"))
			other := r.member("g", "consumer")
			other.ask("a consumer", v, other.join())
			m.quietly(3, m.leave(m))
			r.note("empty", 5, r.describeGroup("g"))
			enter(other, "a consumer in the empty group", v)
		}},
		{"join/session-over", []int16{5}, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			generation := stable(a, b)
			req := b.join()
			req.SessionTimeoutMillis, req.ProtocolType = 6000, "consumer"
			req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: "sticky"})
			b.send("shorter session", v, req)
			r.awaitGroup("g", "PreparingRebalance", 2)
			a.ask("leader", v, a.join())
			b.answer()
			generation++
			a.ask("sync", 3, a.sync(generation, a, b))
			b.ask("sync of the follower", 3, b.sync(generation))
			r.clock()
			r.awaitGroup("g", "PreparingRebalance", 1)
			r.noteWait("the session", 5900e6)
			b.ask("heartbeat of the dead", 3, b.heartbeat(generation))
			a.ask("heartbeat", 3, a.heartbeat(generation))
			a.ask("join", v, a.join())
		}},
		{"join/rebalance-timeout", []int16{5}, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			generation := stable(a, b)
			short := func(m *member) *kmsg.JoinGroupRequest {
				req := m.join()
				req.RebalanceTimeoutMillis = 1500
				return req
			}
			a.send("leader", v, short(a))
			r.awaitGroup("g", "PreparingRebalance", 2)
			b.ask("follower", v, short(b))
			a.answer()
			generation++
			a.quietly(3, a.sync(generation, a, b))
			b.quietly(3, b.sync(generation))
			r.clock()
			b.topics = nil
			b.ask("follower alone", v, short(b))
			r.noteWait("the timeout", 1400e6)
			r.note("described", 5, r.describeGroup("g"))
			a.ask("leader that was late", v, short(a))
		}},
	}
}

// syncScenes are about SyncGroup.
func syncScenes() []scene {
	versions := []int16{0, 1, 2, 3, 4, 5}
	wrong := func(r *run, v int16, m *member, generation int32) {
		for label, change := range map[string]func(*kmsg.SyncGroupRequest){
			"no group":            func(req *kmsg.SyncGroupRequest) { req.Group = "" },
			"other group":         func(req *kmsg.SyncGroupRequest) { req.Group = r.name("none") },
			"unknown member":      func(req *kmsg.SyncGroupRequest) { req.MemberID = "nobody" },
			"no member":           func(req *kmsg.SyncGroupRequest) { req.MemberID = "" },
			"unknown instance":    func(req *kmsg.SyncGroupRequest) { req.InstanceID = kmsg.StringPtr("nothing") },
			"generation before":   func(req *kmsg.SyncGroupRequest) { req.Generation-- },
			"generation after":    func(req *kmsg.SyncGroupRequest) { req.Generation++ },
			"generation -1":       func(req *kmsg.SyncGroupRequest) { req.Generation = -1 },
			"type":                func(req *kmsg.SyncGroupRequest) { req.ProtocolType = kmsg.StringPtr("connect") },
			"protocol":            func(req *kmsg.SyncGroupRequest) { req.Protocol = kmsg.StringPtr("roundrobin") },
			"no type":             func(req *kmsg.SyncGroupRequest) { req.ProtocolType = nil },
			"no protocol":         func(req *kmsg.SyncGroupRequest) { req.Protocol = nil },
			"no type, no group":   func(req *kmsg.SyncGroupRequest) { req.ProtocolType, req.Group = nil, "" },
			"generation and type": func(req *kmsg.SyncGroupRequest) { req.Generation, req.ProtocolType = 77, kmsg.StringPtr("connect") },
		} {
			if v < 5 && (strings.HasSuffix(label, "type") || strings.HasSuffix(label, "protocol")) && label != "generation and type" {
				continue // nothing is wrong then
			}
			if v < 3 && label == "unknown instance" {
				continue
			}
			req := m.sync(generation)
			change(req)
			m.ask(label, v, req)
		}
	}
	return []scene{
		{"sync/unknown", versions, func(r *run, v int16) {
			m := r.member("g", "nobody")
			m.id = "nobody"
			m.ask("no group", v, m.sync(1))
			emptied(r.member("g", "one"))
			m.ask("empty group", v, m.sync(1))
		}},
		{"sync/completing", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			generation := completing(a, b)
			wrong(r, v, b, generation)
			right := a.sync(generation, a)
			right.GroupAssignment = append(right.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: "nobody", MemberAssignment: []byte("lost")})
			a.ask("leader", v, right)
			b.ask("follower that was left out", v, b.sync(generation))
			r.note("described", 5, r.describeGroup("g"))
		}},
		{"sync/stable", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			generation := stable(a, b)
			wrong(r, v, b, generation)
			b.ask("follower", v, b.sync(generation))
			a.ask("leader with another assignment", v, a.sync(generation, b))
			b.ask("follower again", v, b.sync(generation, a, b))
			r.note("described", 5, r.describeGroup("g"))
		}},
		{"sync/preparing", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			generation := preparing(b, a)
			wrong(r, v, a, generation)
			a.ask("member", v, a.sync(generation, a))
		}},
		{"sync/waiting", versions, func(r *run, v int16) {
			a, b, c := r.member("g", "first"), r.member("g", "second"), r.member("g", "third")
			generation := completing(a, b)
			b.send("follower", v, b.sync(generation))
			c.send("newcomer", 3, c.join())
			b.answer()
			a.ask("leader", v, a.sync(generation, a, b))
			a.send("leader joins", 5, a.join())
			b.send("follower joins", 5, b.join())
			a.answer()
			b.answer()
			c.answer()
		}},
		{"sync/twice-assigned", versions, func(r *run, v int16) {
			a := r.member("g", "first")
			generation := completing(a)
			req := a.sync(generation, a, a)
			req.GroupAssignment[1].MemberAssignment = []byte("the last one")
			a.ask("leader", v, req)
			a.ask("again", v, a.sync(generation))
		}},
		{"sync/timeout", []int16{5}, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			stable(a, b)
			short := func(m *member) *kmsg.JoinGroupRequest {
				req := m.join()
				req.RebalanceTimeoutMillis = 1500
				return req
			}
			a.send("leader", 5, short(a))
			r.awaitGroup("g", "PreparingRebalance", 2)
			b.ask("follower", 5, short(b))
			a.answer()
			a.ask("leader's sync", v, a.sync(3, a, b))
			r.clock()
			r.awaitGroup("g", "PreparingRebalance", 1)
			r.noteWait("the timeout", 1400e6)
			b.ask("follower's sync", v, b.sync(3))
			a.ask("leader's heartbeat", 3, a.heartbeat(3))
		}},
	}
}

// heartbeatScenes are about Heartbeat.
func heartbeatScenes() []scene {
	versions := []int16{0, 1, 2, 3, 4}
	all := func(r *run, v int16, m *member, generation int32) {
		for label, change := range map[string]func(*kmsg.HeartbeatRequest){
			"no group":          func(req *kmsg.HeartbeatRequest) { req.Group = "" },
			"other group":       func(req *kmsg.HeartbeatRequest) { req.Group = r.name("none") },
			"unknown member":    func(req *kmsg.HeartbeatRequest) { req.MemberID = "nobody" },
			"no member":         func(req *kmsg.HeartbeatRequest) { req.MemberID = "" },
			"unknown instance":  func(req *kmsg.HeartbeatRequest) { req.InstanceID = kmsg.StringPtr("nothing") },
			"generation before": func(req *kmsg.HeartbeatRequest) { req.Generation-- },
			"generation after":  func(req *kmsg.HeartbeatRequest) { req.Generation++ },
			"right":             func(*kmsg.HeartbeatRequest) {},
		} {
			req := m.heartbeat(generation)
			change(req)
			m.ask(label, v, req)
		}
	}
	return []scene{
		{"heartbeat/empty", versions, func(r *run, v int16) {
			m := r.member("g", "one")
			all(r, v, m, emptied(m)+1)
		}},
		{"heartbeat/preparing", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			all(r, v, a, preparing(b, a))
		}},
		{"heartbeat/completing", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			all(r, v, b, completing(a, b))
		}},
		{"heartbeat/stable", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			all(r, v, b, stable(a, b))
		}},
	}
}

// leaveScenes are about LeaveGroup.
func leaveScenes() []scene {
	versions := []int16{0, 1, 2, 3, 4, 5}
	// out takes one out, noting what is left.
	out := func(r *run, m *member, label string, v int16, req *kmsg.LeaveGroupRequest) {
		m.ask(label, v, req)
		r.note(label+", described", 5, r.describeGroup("g"))
	}
	return []scene{
		{"leave/unknown", versions, func(r *run, v int16) {
			m := r.member("g", "nobody")
			m.id = "nobody"
			m.ask("no group", v, m.leave(m))
			req := m.leave(m)
			req.Group = ""
			m.ask("no group id", v, req)
			emptied(r.member("g", "one"))
			out(r, m, "empty group", v, m.leave(m))
			m.id = ""
			m.ask("no member id", v, m.leave(m))
			m.ask("nobody", v, m.leave())
		}},
		{"leave/stable", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			generation := stable(a, b)
			x := r.member("g", "x")
			x.id = "nobody"
			out(r, x, "unknown member", v, x.leave(x))
			out(r, a, "leader", v, a.leave(a))
			out(r, a, "leader again", v, a.leave(a))
			b.ask("heartbeat", 3, b.heartbeat(generation))
			b.ask("follower joins", 5, b.join())
			out(r, b, "last", v, b.leave(b))
		}},
		{"leave/completing", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			completing(a, b)
			a.send("leader's sync", 3, a.sync(1)) // of a generation that is over, so it does not wait
			a.answer()
			out(r, b, "follower", v, b.leave(b))
			a.ask("leader joins", 5, a.join())
		}},
		{"leave/preparing", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			preparing(b, a)
			b.label = "newcomer" // a waits for nobody: it leaves, and the newcomer is alone
			a.ask("first", v, a.leave(a))
			b.answer()
			r.note("described", 5, r.describeGroup("g"))
		}},
		{"leave/preparing-newcomer", versions, func(r *run, v int16) {
			a, b := r.member("g", "first"), r.member("g", "second")
			stable(a)
			b.id = ""
			req := b.join()
			b.ask("id", 4, req)
			b.send("newcomer", 4, b.join())
			r.awaitGroup("g", "PreparingRebalance", 2)
			a.ask("taken out by another", v, b.leave(b))
			b.answer()
			a.ask("first joins", 5, a.join())
		}},
		{"leave/batch", []int16{3, 4, 5}, func(r *run, v int16) {
			a, b, c := r.static("g", "first", "ia"), r.static("g", "second", "ib"), r.member("g", "third")
			stable(a, b, c)
			admin := r.member("g", "admin")
			req := admin.leave()
			for _, who := range []kmsg.LeaveGroupRequestMember{
				{MemberID: "nobody"}, {InstanceID: kmsg.StringPtr("nothing")}, {}, {MemberID: a.id, InstanceID: b.instance}, {MemberID: c.id, InstanceID: kmsg.StringPtr("ic")},
				{MemberID: "nobody", InstanceID: a.instance},
			} {
				who.Reason = kmsg.StringPtr("to see what happens")
				req.Members = append(req.Members, who)
			}
			out(r, admin, "wrong", v, req)
			req = admin.leave()
			req.Members = []kmsg.LeaveGroupRequestMember{{InstanceID: a.instance}, {MemberID: b.id, InstanceID: b.instance}, {MemberID: b.id, InstanceID: b.instance}}
			out(r, admin, "two", v, req)
			out(r, admin, "static one without its instance", v, admin.leave(c))
		}},
		{"leave/static-without-instance", []int16{0, 2, 3, 5}, func(r *run, v int16) {
			a, b := r.static("g", "first", "ia"), r.static("g", "second", "ib")
			stable(a, b)
			b.instance = nil
			out(r, b, "by its member id", v, b.leave(b))
		}},
	}
}
