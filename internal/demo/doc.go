// Package demo sends this computer's live telemetry through a cluster and shows that every row comes out again.
//
// Nouns: a Sampler delivers samples; a row is one sample with the run's id and the stream's next number; the writer sends
// rows and counts what was acknowledged; the reader knows nothing of the writer but the topic, and checks every row; the
// tracker holds what the reader found; a state is one moment of all that, ready to be drawn; a Summary is its end.
//
//	Sampler ─► row ─► Writer ══ topic host-metrics ══► Reader ─► tracker ─┐
//	             └─ acknowledged ─────────────────────────────────────────┴─► state ─► screen, or a line every 5 s
//
// Promise: a row that was acknowledged and not read is counted as lost; one that is read before an earlier row of its
// stream as out of order; one that is read twice as duplicated. Offsets of a partition that do not follow each other from
// where the earlier runs ended are counted too. Rows of other runs carry another id and are not mixed up with these. When Run
// returns, all that it started has ended and the terminal is as it was.
//
// Never: it opens no socket and no data directory; what stands behind Cluster is the caller's.
//
// Files: demo.go (Options, Run) · cluster.go (what is asked of a cluster) · pipeline.go (writer and reader) · row.go (a row's
// bytes) · tracker.go (loss, order, latency) · figures.go (rates and histories for the screen) · state.go (state) · frame.go,
// sections.go (state to text) · text.go (numbers, sparklines, widths) · view.go (when what is shown) · screen.go (terminal) ·
// summary.go.
//
// Locks: tracker.mu guards all that the reader found; it is not held across calls to the cluster or the terminal.
package demo
