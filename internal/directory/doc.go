// Package directory knows which partition of a topic each stream has, and keeps it there while partitions are added.
//
// Nouns: a claim is a record that says which partition someone means a stream to have; it holds when all live claims before it say the same, and else it is void; a
// Directory is the claims of one topic's streams, as they stand in the compacted topic that all topics of a cluster share.
//
//	Place ─ held already? ─ yes: its partition
//	          └ no: guess ─ claim ─────────► _bobbin_streams ──────► the tail reads ─ holds: its partition
//	                  ▲                                                         └ void: delete it
//	                  └────────────────────────────────────────────────────────────┘
//
// Promise: while anybody has a stream open, everybody who opens it gets the same partition, whoever dies or sleeps in the middle of it; the argument is in
// docs/formats/directory.md. When Place returns, what it says is stored.
//
// Never: nobody waits for an opener that died; the machine knows no clock and does no I/O.
//
// Files: directory.go (Directory: the shell that reads, writes and waits) · topic.go (the directory's topic) · machine.go (which claims hold) · sweep.go (what may be
// deleted) · record.go (keys and values).
//
// Locks: Directory.mu guards the machine and who waits for it; it is held over neither the network nor a callback.
package directory
