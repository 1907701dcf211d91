// Package group is the coordinator of consumer groups: who is a member, in which generation, and which offsets a group has committed.
//
// Nouns: a Machine knows the groups of one partition of __consumer_offsets; an Event is a request, or a fact of the world, with the time it came; Effects are what
// follows: Records to append, Replies to give; a Token names a request that may be answered later, by another event.
//
//	Event ─► Need ── bytes to reserve in the log
//	  │
//	  └────► Step ─┬─ Records ─► __consumer_offsets ──(durable)──┐
//	               └─ Replies ── each waits for the records that it shows ─► client
//	           ▲
//	   Next ───┘ the time at which Step wants a Tick
//
//	__consumer_offsets at the start ─► Replay, record by record ─► Loaded
//
// What is durable of a group changes by its records alone: Step makes them, and then takes them in as Replay does, so that a broker that starts again knows the
// same. Members that wait, timers and the votes of a rebalance are not durable; members find out and join again.
//
// The rules are those of Apache Kafka 4.2 (group-coordinator: GroupMetadataManager, ClassicGroup, OffsetMetadataManager), KIP-62, KIP-134, KIP-345, KIP-394,
// KIP-496, KIP-559, KIP-800 and KIP-814; the records are in Kafka's own format.
//
// Where Kafka leaves something to chance or to a time-out, this package is exact: members and groups are listed in the order in which they came, or by name; a Sync
// of a member that is taken out, and an older Join of a member that asks twice, are answered; a static member that is replaced before its Sync is waited for under its
// new id; metadata that cannot be read, and a protocol that is named twice, never stop a group; a group with a pending member does not expire; and the ids that were
// given away and not used are bounded.
//
// Never: it reads no clock and draws no ids, takes no lock, and knows no log, no topic but by name, and no connection.
//
// Files: machine.go (the contract: Config, events, Reply, Effects) · step.go (Machine, Step, Need, Replay) · classic.go (a group and its states) · member.go · join.go ·
// sync.go · heartbeat.go · leave.go · commit.go · fetch.go · admin.go (describe, list, delete) · expire.go (retention, deleted topics) · subscription.go (what consumers read) ·
// records.go (changes and their bytes) · partition.go · timers.go (Next, Tick) · show.go (String, counts) · errors.go.
//
// Formats: docs/formats/consumer-offsets.md.
//
// Locks: none. A Machine belongs to whoever has its lock.
package group
