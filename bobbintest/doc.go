// Package bobbintest is what tests of programs with streams need: the real broker in one line, its failures on demand, and time that passes at once.
//
//	func TestOrders(t *testing.T) {
//		b := bobbintest.Start(t) // the real broker, in memory, without a port, until the test ends
//		b.CreateTopic(t, "orders", 3)
//		client := b.Client(t) // or b.Dial, for any other Kafka client
//	}
//
// Nouns: a Broker is the broker of package broker on a computer of its own, whose disk is memory; a Fault is what goes wrong with requests of one kind; a Line is one program's
// way to the broker, which can be cut; a golden file holds what a test wants, byte by byte.
//
//	test ─ Client, Dial ─► [ Fault: delay · error · drop ] ─► broker ─► disk in memory
//	                                                             │          │
//	                                          Stop · Kill · Restart    FullDisk · StallDisk
//	                                                             └─ PowerCut ┘
//
// Promise: the broker is the one of production, with its recovery; only the disk and the connections are memory. A power cut takes everything that was not
// synced, the worst that a computer may do. When the test has ended nothing of the Broker runs. Tests can run in parallel, each with its own.
//
// # Virtual time
//
// All of it works inside testing/synctest, where time passes when everybody waits: sessions time out, retention deletes, back-off ends, and the test takes
// milliseconds. Start the broker and its clients inside the bubble:
//
//	synctest.Test(t, func(t *testing.T) {
//		b := bobbintest.Start(t)
//		b.CreateTopic(t, "orders", 1, "retention.ms=3600000", "segment.ms=600000")
//		…
//		time.Sleep(2 * time.Hour) // takes no time
//	})
//
// Time begins at midnight UTC of 2000-01-01, and a request takes a millisecond to the broker. What waits for something outside, such as a socket or a mutex that somebody holds while he sleeps, keeps it from passing. The
// client library below has a build tag for the latter: go test -tags synctests. A client of franz-go that reads Zstandard in a bubble ends the process when it is
// collected, unless it brings a decompressor of its own, as Client's does.
//
// Never: it opens no port and no file but golden ones, and keeps nothing in package variables.
//
// Why it is so: docs/decisions/0012-test-kit.md; how to use it: docs/guide/testing.md.
//
// Files: broker.go (Broker, Start, Dial) · client.go · line.go (Line) · power.go (PowerCut, Kill, Stop, Restart) · disk.go (FullDisk, StallDisk) · topics.go · fault.go (Fail), answers.go (errors
// as answers) · golden.go.
//
// Locks: Broker.mu guards what runs, fault.mu one fault, jam.mu a disk that hangs, Line.mu a line's connections; each is innermost and held over nothing that waits.
package bobbintest
