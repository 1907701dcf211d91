// Package store is the data directory: all topics of a broker, behind one lock, one write-ahead log and one replay of it.
//
// Nouns: a Store is an open data directory; a Topic in it is an immutable view with its partitions' logs; a change is one durable fact about
// the catalog; a checkpoint is what replaces the older part of the write-ahead log; a topic that was deleted is doomed until its
// directories are gone; quarantine is where directories and frames go that cannot be used.
//
//	Open:  lock → identity → checkpoint → read the log's tail → cut damaged ends → log opens → new leader epoch when it was not a clean stop
//	       (nothing in the directory is changed before the tail is read)
//
//	CreateTopic, DeleteTopic, AddPartitions, AlterConfigs, NewProducerID ─ decide ─ append ─ apply ──(durable)──▶ visible
//	every 256 MiB or 60 s: copy states ─ write behind ─ sync ─ checkpoint file ─ recycle the log
//
// Promise: what a method returned without an error survives a crash; what a reader can see does too, at the level of its topic. A damaged
// partition goes offline and the others serve. Nothing is removed but what was deleted durably.
//
// Never: it speaks no protocol, and it never starts on a directory that has lost its log.
//
// Old segments go by size soon after a roll, by size and age from time to time, unless the clock jumped; logs of compacted topics are compacted by one
// goroutine, the dirtiest first.
//
// Files: options.go · store.go (Store, Open, Close) · recover.go (the replay) · change.go (durable changes of the catalog) · topics.go ·
// alter.go (changes of a topic), alterbroker.go (of the broker's settings) · producerids.go · checkpoint.go (when and in which order) ·
// checkpointfile.go (bytes) · remove.go (deleted topics, quarantine) · retention.go · clock.go (a wall clock that jumps) · clean.go (which log is
// compacted) · ballast.go · identity.go · verify.go,
// repair.go (a stopped directory) · errors.go.
//
// Locks: Store.mu guards the catalog and the maps of topics; it is taken before the locks of logs and of the write-ahead log, and
// never held across a sync.
//
// Bytes: docs/formats/data-directory.md and checkpoint.md.
package store
