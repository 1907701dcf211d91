package compat

import "github.com/twmb/franz-go/pkg/kmsg"

// staticScenes are about members with instance ids (KIP-345, KIP-814).
func staticScenes() []scene {
	versions := []int16{5, 6, 7, 8, 9}
	return []scene{
		{"static/first", versions, func(r *run, v int16) {
			m := r.static("g", "first", "ia")
			m.ask("join", v, m.join())
			m.ask("sync", 5, m.sync(1, m))
			r.note("described", 5, r.describeGroup("g"))
			m.ask("heartbeat", 3, m.heartbeat(1))
			m.ask("with the id", v, m.join())
		}},
		{"static/replaced", versions, func(r *run, v int16) {
			r.topic("a", 1)
			a, b := r.static("g", "first", "ia"), r.static("g", "second", "ib")
			generation := stable(a, b)
			old := *b
			b.id = ""
			b.ask("join", v, b.join())
			a.ask("undisturbed", 3, a.heartbeat(generation))
			b.ask("sync", 5, b.sync(generation))
			old.ask("old heartbeat", 3, old.heartbeat(generation))
			old.ask("old sync", 5, old.sync(generation))
			old.ask("old commit", 8, old.commit(generation, "a", 1))
			old.ask("old join", v, old.join())
			old.ask("old leave", 3, old.leave(&old))
			old.instance = nil
			old.ask("old heartbeat without instance", 3, old.heartbeat(generation))
			r.note("described", 5, r.describeGroup("g"))
			b.ask("new commit", 8, b.commit(generation, "a", 1))
			b.ask("new heartbeat", 3, b.heartbeat(generation))
		}},
		{"static/leader-replaced", versions, func(r *run, v int16) {
			a, b := r.static("g", "first", "ia"), r.static("g", "second", "ib")
			generation := stable(a, b)
			a.id = ""
			a.ask("join", v, a.join())
			a.ask("sync", 5, a.sync(generation))
			r.note("described", 5, r.describeGroup("g"))
			b.ask("undisturbed", 3, b.heartbeat(generation))
			a.id = ""
			a.ask("once more", v, a.join())
			b.send("follower changes", v, func() kmsg.Request { b.topics = nil; return b.join() }())
			r.awaitGroup("g", "PreparingRebalance", 2)
			a.ask("leader", v, a.join())
			b.answer()
		}},
		{"static/replaced-with-other-topics", versions, func(r *run, v int16) {
			a, b := r.static("g", "first", "ia"), r.static("g", "second", "ib")
			generation := stable(a, b)
			b.id, b.topics = "", []string{"other"}
			b.ask("join", v, b.join())
			a.ask("undisturbed", 3, a.heartbeat(generation))
			r.note("described", 5, r.describeGroup("g"))
		}},
		{"static/replaced-with-other-protocols", versions, func(r *run, v int16) {
			a, b := r.static("g", "first", "ia"), r.static("g", "second", "ib")
			stable(a, b)
			b.id = ""
			req := b.join()
			req.Protocols = req.Protocols[1:]
			b.send("join", v, req)
			r.awaitGroup("g", "PreparingRebalance", 2)
			a.ask("first", v, a.join())
			b.answer()
		}},
		{"static/replaced-while-joining", versions, func(r *run, v int16) {
			a, b := r.static("g", "first", "ia"), r.static("g", "second", "ib")
			stable(a)
			b.send("second", v, b.join())
			r.awaitGroup("g", "PreparingRebalance", 2)
			c := r.static("g", "second again", "ib")
			c.send("second again", v, c.join())
			b.answer()
			a.ask("first", v, a.join())
			c.answer()
		}},
		{"static/replaced-while-assigning", versions, func(r *run, v int16) {
			a, b := r.static("g", "first", "ia"), r.static("g", "second", "ib")
			generation := completing(a, b)
			b.send("second's sync", 5, b.sync(generation))
			c := r.static("g", "second again", "ib")
			c.send("second again", v, c.join())
			b.answer()
			a.ask("first's sync", 5, a.sync(generation, a, b))
			a.ask("first", v, a.join())
			c.answer()
		}},
		{"static/wrong", versions, func(r *run, v int16) {
			a, b := r.static("g", "first", "ia"), r.member("g", "second")
			stable(a, b)
			b.instance = kmsg.StringPtr("ia")
			b.ask("somebody else's instance", v, b.join())
			b.instance = kmsg.StringPtr("ib")
			b.ask("a new instance", v, b.join())
			a.instance = kmsg.StringPtr("")
			a.ask("an empty instance", v, a.join())
			a.instance, b.instance = nil, nil
			a.send("without its instance", v, a.join())
			r.awaitGroup("g", "PreparingRebalance", 2)
			b.ask("follower", v, b.join())
			a.answer()
			r.note("described", 5, r.describeGroup("g"))
			x := r.static("g", "empty instance", "")
			x.send("new with an empty instance", v, x.join())
			r.awaitGroup("g", "PreparingRebalance", 3)
			r.note("described again", 5, r.describeGroup("g"))
		}},
		{"static/stays-when-late", []int16{5, 9}, func(r *run, v int16) {
			a, b := r.static("g", "first", "ia"), r.static("g", "second", "ib")
			stable(a, b)
			short := func(m *member) *kmsg.JoinGroupRequest {
				req := m.join()
				req.RebalanceTimeoutMillis = 1500
				return req
			}
			a.send("leader", v, short(a))
			r.awaitGroup("g", "PreparingRebalance", 2)
			b.ask("follower", v, short(b))
			a.answer()
			a.quietly(3, a.sync(3, a, b))
			b.quietly(3, b.sync(3))
			b.topics = nil
			b.ask("follower alone", v, short(b))
			r.note("described", 5, r.describeGroup("g"))
		}},
	}
}
