package demo

import (
	"fmt"
	"strings"
)

const margin = " "

func (f *frame) header(st state) {
	title := margin + "Bobbin demo: this computer through topic " + Topic
	at := st.address + "   " + clock(st.elapsed) + margin
	f.row(piece{fit(title, f.columns-width(at)) + at, bar})
	f.row(piece{margin + durabilityText(st.durability), plain})
	earlier := "a new topic: no packets from earlier runs"
	if st.before > 0 {
		earlier = "continuing: " + count(st.before) + " packets from earlier runs"
	}
	f.row(piece{margin + earlier, faint})
	f.blank()
}

// figures are two columns: what went in and came out, and how fast and how large.
func (f *frame) figures(st state) {
	half := f.columns / 2
	label := func(s string) piece { return piece{margin + fit(s, 14), faint} }
	cell := func(left, value string, look style, used int) []piece {
		return []piece{label(left), {fit(value, used-15), look}}
	}
	rate := func(perSecond float64, total uint64) string {
		return right(fmt.Sprintf("%.0f/s", perSecond), 8) + right(count(total), 14)
	}
	pair := func(l, r []piece) { f.row(append(l, r...)...) }
	pair(cell("rows written", rate(st.writeRate, st.written), strong, half),
		cell("latency p50", right(millis(st.latency.P50), 10), strong, f.columns-half))
	pair(cell("rows read", rate(st.readRate, st.read), strong, half),
		cell("        p99", right(millis(st.latency.P99), 10)+"   max "+millis(st.whole.Max), strong, f.columns-half))
	pair(cell("lost", right(count(st.skipped), 22), alarm(st.skipped), half),
		cell("on disk", right(diskText(st.onDisk), 10), strong, f.columns-half))
	pair(cell("out of order", right(count(st.outOfOrder), 22), alarm(st.outOfOrder), half),
		cell("streams", right(count(st.streams), 10), strong, f.columns-half))
	pair(cell("read again", right(count(st.duplicated), 22), again(st), half),
		cell("events", right(count(st.events), 10), strong, f.columns-half))
	pair(cell("two readers", right(sharing(st), 22), strong, half),
		cell("sampling", right(percent(st.cost), 10)+" of a core", plain, f.columns-half))
	f.blank()
}

// memoryText leaves out what has none of its own: a kernel thread.
func memoryText(rss float64) string {
	if rss == 0 {
		return ""
	}
	return bytesText(rss)
}

// again is how rows look that were read again: they may be when a reader was killed.
func again(st state) style {
	for _, r := range st.readers {
		if r.killed {
			return plain
		}
	}
	return alarm(st.duplicated)
}

// sharing says how many partitions each reader has.
func sharing(st state) string {
	parts := make([]string, 0, len(st.readers))
	for _, r := range st.readers {
		parts = append(parts, r.share())
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, " + ") + " partitions"
}

// happened shows the last starts and exits on one line.
func (f *frame) happened(st state) {
	var parts []string
	for i := len(st.happenings) - 1; i >= 0; i-- {
		h := st.happenings[i]
		parts = append(parts, h.what+" "+h.name)
	}
	if len(parts) == 0 {
		parts = []string{"nothing started or exited yet"}
	}
	f.row(piece{margin + fit("lately", 8), faint}, piece{strings.Join(parts, "  ·  "), plain})
	f.blank()
}

func alarm(n uint64) style {
	if n > 0 {
		return bad
	}
	return good
}

func diskText(n int64) string {
	if n < 0 {
		return "elsewhere"
	}
	return bytesText(float64(n))
}

// machine shows cores, disks and interfaces. Each kind gets one line on a small terminal, and more on a high one.
func (f *frame) machine(st state) {
	perSecond := func(l line) string { return bytesText(l.lately) + "/s" }
	most := max(1, (f.rows-18)/8)
	spark := 5 // four cores on 80 columns
	if f.columns >= 100 {
		spark = 9
	}
	f.devices(st.cores, most, device{kind: "cores", name: 3, spark: spark, number: 5, full: 1,
		value: func(l line) string { return percent(l.lately) }})
	f.devices(st.disks, most, device{kind: "disks", name: 8, spark: 12, number: 10, value: perSecond})
	f.devices(st.nets, most, device{kind: "network", name: 8, spark: 12, number: 10, value: perSecond})
	f.happened(st)
}

// A device says how one kind is shown: the widths of its cells, what fills a cell of its sparkline (0: the device's own
// highest), and its number.
type device struct {
	kind                string
	name, spark, number int
	full                float64
	value               func(line) string
}

// devices puts as many as fit side by side, and says how many are left out.
func (f *frame) devices(all []line, most int, d device) {
	const label, between = 9, 4
	if len(all) == 0 {
		f.row(piece{margin + fit(d.kind, label-1), faint}, piece{"none seen", faint})
		return
	}
	across := max(1, (f.columns-label)/(d.name+d.spark+d.number+between))
	shown := min(len(all), across*most)
	for at := 0; at < shown; at += across {
		head := d.kind
		if at > 0 {
			head = ""
		}
		pieces := []piece{{margin + fit(head, label-1), faint}}
		for _, l := range all[at:min(at+across, shown)] {
			full := d.full
			if full == 0 {
				full = highest(l.spark, d.spark, 4096)
			}
			pieces = append(pieces,
				piece{fit(l.name, d.name) + " ", plain},
				piece{sparkline(l.spark, d.spark, full), lively},
				piece{" " + right(d.value(l), d.number) + "  ", strong})
		}
		if rest := len(all) - shown; rest > 0 && at+across >= shown {
			pieces = append(pieces, piece{fmt.Sprintf("+%d", rest), faint})
		}
		f.row(pieces...)
	}
}

// highest is the largest value that is drawn, but at least floor, so that noise does not look like work.
func highest(values []float64, drawn int, floor float64) float64 {
	for _, v := range values[max(0, len(values)-drawn):] {
		floor = max(floor, v)
	}
	return floor
}

// processes fills what is left with the busiest ones.
func (f *frame) processes(st state) {
	const pid, number, memory, rows = 8, 8, 10, 8
	wide := f.columns >= 100
	name := max(18, min(32, f.columns/4))
	used := len(margin) + name + pid + 2*number + memory
	if wide {
		used += rows
	}
	spark := min(f.columns-used-3, historySlots)
	head := margin + fit("busiest processes", name) + right("pid", pid) + right("cpu", number) + right("most", number) + right("memory", memory)
	if wide {
		head += right("rows/s", rows)
	}
	f.row(piece{head + "  " + right(fmt.Sprintf("last %d s", spark), spark), faint})
	for _, l := range st.processes[:min(len(st.processes), max(f.room(), 0))] {
		cells := right(percent(l.lately), number) + right(percent(l.most["cpu"]), number) + right(memoryText(l.values["rss"]), memory)
		if wide {
			cells += right(fmt.Sprintf("%.0f", l.rate), rows)
		}
		f.row(piece{margin + fit(l.name, name), strong}, piece{right(l.pid, pid), faint}, piece{cells + "  ", plain},
			piece{sparkline(l.spark, spark, highest(l.spark, spark, 0.05)), lively})
	}
	if len(st.processes) == 0 {
		f.row(piece{margin + "waiting for the first rows", faint})
	}
}

func (f *frame) footer(st state) {
	for f.room() > 0 {
		f.blank()
	}
	say := "Ctrl-C ends with a summary"
	if st.ending {
		say = "ending: waiting until the last rows are acknowledged and read"
	}
	f.lines = append(f.lines, f.compose([]piece{{margin + say, faint}}))
}
