package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A Summary is what a run came to. Its JSON is the demo's -o json.
type Summary struct {
	RowsWritten    uint64  `json:"rows_written"` // acknowledged
	RowsRead       uint64  `json:"rows_read"`    // of this run, each counted once
	RowsLost       uint64  `json:"rows_lost"`
	RowsOutOfOrder uint64  `json:"rows_out_of_order"`
	RowsDuplicated uint64  `json:"rows_duplicated"`
	Streams        int     `json:"streams"`
	Events         uint64  `json:"events"`        // things that were found, started or exited
	Readers        int     `json:"readers"`       // that shared the reading
	ReaderKilled   bool    `json:"reader_killed"` // one of them, in the middle
	P50            float64 `json:"p50_ms"`        // from the moment of sampling to the moment of reading
	P99            float64 `json:"p99_ms"`
	Max            float64 `json:"max_ms"`
	Seconds        float64 `json:"seconds"`
	BytesOnDisk    int64   `json:"bytes_on_disk"`
	ReaderCPU      float64 `json:"reader_cpu"` // share of a core that reading the telemetry takes
	Address        string  `json:"address"`
	Durability     string  `json:"durability"`
	Data           string  `json:"data"`
	Run            string  `json:"run"`
	Resumed        bool    `json:"resumed"` // there were packets of earlier runs
	PacketsBefore  int64   `json:"packets_before"`
}

// Intact says whether every acknowledged row was read, in order, and once; when a reader was killed, the rows that it had read and not committed are read again.
func (s Summary) Intact() bool {
	return s.RowsLost == 0 && s.RowsOutOfOrder == 0 && (s.RowsDuplicated == 0 || s.ReaderKilled)
}

// WriteText writes the summary for people, with the commands to look further. program is how the binary is called.
func (s Summary) WriteText(w io.Writer, program string) error {
	var b strings.Builder
	verdict := "every row that was acknowledged was read, once and in order"
	if s.ReaderKilled {
		verdict = "one of the readers was killed: every row that was acknowledged was read, in order, by the other one"
	}
	if !s.Intact() {
		verdict = "ROWS WERE LOST, DISORDERED OR DUPLICATED"
	} else if s.RowsWritten == 0 {
		verdict = "no row was written"
	}
	line := func(label, value string) { fmt.Fprintf(&b, "  %-13s %s\n", label, value) }
	fmt.Fprintf(&b, "\n%s\n\n", verdict)
	line("streams", count(s.Streams))
	line("events", count(s.Events)+"  starts and exits among them")
	line("rows written", count(s.RowsWritten))
	line("rows read", count(s.RowsRead))
	line("lost", count(s.RowsLost))
	line("out of order", count(s.RowsOutOfOrder))
	if s.RowsDuplicated > 0 {
		line("read again", count(s.RowsDuplicated))
	}
	line("latency", fmt.Sprintf("p50 %s   p99 %s   max %s   from sampling to reading",
		millis(fromMillis(s.P50)), millis(fromMillis(s.P99)), millis(fromMillis(s.Max))))
	if s.Data != "" {
		line("on disk", fmt.Sprintf("%s in %s", bytesText(float64(s.BytesOnDisk)), s.Data))
	}
	if s.Resumed {
		line("before", fmt.Sprintf("%s packets from earlier runs", count(s.PacketsBefore)))
	}
	line("time", fmt.Sprintf("%.1f s", s.Seconds))
	b.WriteString("\nto look further:\n\n")
	for _, c := range s.commands(program) {
		fmt.Fprintf(&b, "  %s\n", c)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// commands are what one may want to call next. With a directory of its own, the broker has ended with the demo and has to be
// started for the first ones.
func (s Summary) commands(program string) []string {
	at := ""
	if s.Data == "" && s.Address != "" {
		at = " -B " + s.Address
	}
	var out []string
	if s.Data != "" {
		out = append(out,
			program+" verify "+shellWord(s.Data),
			program+" serve --data "+shellWord(s.Data)+" &")
	}
	return append(out,
		program+" topic describe "+Topic+at,
		program+" stream list "+Topic+at,
		program+" stream tail "+Topic+at+" cpu/0")
}

// shellWord quotes a path where a shell would take it apart.
func shellWord(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:", r))
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

func inMillis(d time.Duration) float64    { return float64(d.Microseconds()) / 1000 }
func fromMillis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
