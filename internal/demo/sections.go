package demo

import (
	"fmt"
)

const margin = " "

func (f *frame) header(st state) {
	title := margin + "Bobbin demo   this computer, live, through the topic " + Topic
	at := st.address + "   " + clock(st.elapsed) + margin
	f.row(piece{fit(title, f.columns-width(at)) + at, bar})
	f.row(piece{margin + durabilityText(st.durability), plain})
	earlier := "a new topic: no rows from earlier runs"
	if st.before > 0 {
		earlier = "continuing: " + count(st.before) + " rows from earlier runs"
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
	pair(cell("out of order", right(count(st.outOfOrder+st.duplicated), 22), alarm(st.outOfOrder+st.duplicated), half),
		cell("streams", right(count(st.streams), 10)+"   reading costs "+percent(st.cost), plain, f.columns-half))
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
	most := max(1, (f.rows-16)/8)
	f.devices("cores", st.cores, most, 1, func(l line) string { return percent(busyCore(l.values)) })
	f.devices("disks", st.disks, most, 0, func(l line) string {
		return bytesText(l.values["read"]+l.values["written"]) + "/s"
	})
	f.devices("network", st.nets, most, 0, func(l line) string {
		return bytesText(l.values["received"]+l.values["sent"]) + "/s"
	})
	f.blank()
}

// devices puts as many as fit side by side, and says how many are left out. full is what fills a sparkline's cell; 0 is the
// device's own highest.
func (f *frame) devices(kind string, all []line, most int, full float64, value func(line) string) {
	const label, name, spark, number, between = 9, 7, 12, 11, 2
	const each = name + 1 + spark + 1 + number + between
	across := max(1, (f.columns-label)/each)
	if len(all) == 0 {
		f.row(piece{margin + fit(kind, label-1), faint}, piece{"none seen", faint})
		return
	}
	shown := min(len(all), across*most)
	for at := 0; at < shown; at += across {
		head := kind
		if at > 0 {
			head = ""
		}
		pieces := []piece{{margin + fit(head, label-1), faint}}
		for _, l := range all[at:min(at+across, shown)] {
			scale := full
			if scale == 0 {
				scale = highest(l.spark, spark, 4096)
			}
			pieces = append(pieces,
				piece{fit(l.name, name) + " ", plain},
				piece{sparkline(l.spark, spark, scale), lively},
				piece{" " + right(value(l), number) + "  ", strong})
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
	const pid, number, memory, rows = 9, 9, 11, 9
	wide := f.columns >= 100
	name := max(14, min(32, f.columns/5))
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
	for i, l := range st.processes {
		if i >= f.room() {
			break
		}
		cells := right(percent(l.lately), number) + right(percent(l.most["cpu"]), number) + right(bytesText(l.values["rss"]), memory)
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
	f.row(piece{margin + say, faint})
}
