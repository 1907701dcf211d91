// Command bench measures the broker as ratios to a limit or a peer of the same run: real processes, one client, one clock.
//
// Nouns: a contest has contestants, which take turns; a turn gives figures and becomes a point in the journal; a round is one turn
// of each; a goal is a number made from one round's figures, and its median over the rounds is the result.
//
//	round 1: A B C   round 2: C B A   round 3: A B C …      before and after each: a probe of the machine's own limit
//	    └─ settle (sync, dirty pages < 10 MB) → fresh directory → run → check the counts → point
//
// Promise: a turn whose counts are wrong gives no figure and ends the run; a round in which the machine itself changed (probes
// more than 15 % apart, more than 2 % stolen) is repeated once, and both are kept.
//
// Never: it signals only processes that it started, it writes only below its data directory and to the journal, and it has no
// load generator of its own where the limits program has one that can: with thousands of topics it cannot (lean.go).
//
// Files: main.go (flags) · build.go (binary, directories) · contest.go (rounds) · goal.go, stats.go (results) · journal.go (raw points) · machine.go, proc.go,
// settle.go (the system) · process.go, servers.go, kafka.go (what is started) · limits.go (the measuring program) · produce.go,
// e2e.go, topics.go, start.go, recovery.go, groups.go, commits.go, create.go, replay.go, hostile.go, streams.go (the contests) · load.go, client.go (what recovery
// and topics write) · lean.go (many topics with little of a client).
package main
