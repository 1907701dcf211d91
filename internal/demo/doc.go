// Package demo sends this computer's live telemetry through a cluster as streams and shows that every row comes out again.
//
// Nouns: a Sampler delivers samples; a thing is a core, disk, interface or process, whose stream the source opens with its first sample and closes when no more
// come; a row is one sample with the run's id as a tag and the stream's next number; an instance is one of the two readers that share the streams as a
// consumer group; the tracker holds what they found; a state is one moment of all that, ready to be drawn; a Summary is its end.
//
//	Sampler ─► source ─► stream of each thing ══ topic host-metrics ══► instances ─► tracker ─┐
//	                          └─ acknowledged ────────────────────────────────────────────────┴─► state ─► screen, or a line every 5 s
//
// Promise: a row that was acknowledged and not read is counted as lost; one that is read before an earlier row of its
// stream as out of order; one that is read twice as duplicated, which only an instance that was killed may cause. Rows of other runs carry another id and are
// not mixed up with these. When Run returns, all that it started has ended and the terminal is as it was.
//
// Never: it opens no socket of its own and no data directory; the cluster is the caller's.
//
// Files: demo.go (Options, Run) · source.go (samples to streams) · row.go (a row that was read) · reading.go (instances, and how one is killed) · pipeline.go (the run) ·
// tracker.go (loss, order, latency, events) · figures.go (rates and histories for the screen) · state.go (state) · frame.go,
// sections.go (state to text) · text.go (numbers, sparklines, widths) · view.go (when what is shown) · screen.go (terminal) ·
// summary.go.
//
// Locks: tracker.mu guards all that the readers found; it is not held across calls to the cluster or the terminal. cutter.mu guards an instance's connections,
// instance.mu whether it was killed.
package demo
