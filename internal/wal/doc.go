// Package wal is the one write-ahead log: a row of groups, each made durable by one write and one sync.
//
// Nouns: a Log takes Entries; the entries that are waiting together become frames of the next Group; groups fill Files, which are
// prepared ahead and used again; a Position names where a group starts; a Ref names where an entry's payload lies.
//
//	Reserve → Append → [queue] → group → one write → one sync → Committed
//	                                ↑________________|
//	                 what arrives during the sync is the next group
//
// Promise: Committed(e, nil) is called when e is as durable as e.Within asks, in the order of Append, once, on the log's own
// goroutine; after an error of the disk no entry is committed any more. Append never waits and never fails: Reserve does both,
// before the caller has assigned an offset to anything.
//
// Never: it does not know what its frames mean, it has no timer between an entry and its write, it never writes a byte of a group
// that is synced again, and it never removes a file.
//
// The bytes are in docs/formats/wal.md.
//
// Files: log.go (Log, Open, Append, Close) · group.go (one group: layout, write, sync, commit) · reserve.go (room, back-pressure)
// · flush.go · files.go (preparing and recycling) · scan.go (reading the log after a stop) · format.go (bytes) · check.go, cut.go,
// payloads.go (a stopped log) · errors.go.
//
// Locks: mu guards the queue, the room and the list of files. It is never held across I/O or Committed.
package wal
