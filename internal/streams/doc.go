// Package streams does what commands do with all streams of a topic at once: it takes stock of them, follows them, replays them into another topic, and loads files into them.
//
// Nouns: a Packet is a record that was decoded; a Survey is what a topic's streams are at the moment, each a Summary, one of them with Details; a replay reads partitions in lanes, a lane's packets
// hang on threads, one for each stream, and are written to outlets, the streams of the other topic; a pace says when a moment's turn is.
//
//	topic ─► Decoder ─► Packet ─┬─► TakeSurvey ─► Summary, Details
//	                            ├─► Follow ─► a function of the caller, with the stream's context
//	                            └─► lanes ─► threads ─ in the order of times ─► pace ─► outlets ─► topic    (Replay)
//	file ─► rows ─► pace ─► streams ─► topic                                                                (Load)
//
// Promise: packets of a stream keep their order. Memory is bounded whatever a topic holds: 100,000 streams of a survey, 10,000 contexts of Follow, 64 MiB of packets of a replay, and
// what streams need that are open for writing. What cannot be read or
// written is counted and said, and never taken for something else.
//
// Never: it writes text for people, opens files or connections; it makes no topic.
//
// Files: packet.go · survey.go, details.go, nearest.go · follow.go · pace.go · replay.go, lane.go, outlet.go · load.go.
//
// Locks: outlets.mu guards the streams that are being closed, and is held over nothing. All else belongs to the goroutine of the call.
package streams
