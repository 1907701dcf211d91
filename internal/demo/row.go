package demo

import (
	"errors"
	"math"
	"time"

	"github.com/bobbinstream/bobbin"
)

// A row is a sample as the reader got it: with the run that wrote it, as a tag, and its number in that run and stream, from 1, as a parameter.
type row struct {
	time   time.Time
	run    string
	seq    uint64
	values map[string]float64
}

// The names of what a row has beside its sample.
const (
	runTag       = "run"
	seqParameter = "seq"
)

// readRow takes a row of any run of the demo out of a packet.
func readRow(v bobbin.RowView, run bobbin.Tag) (row, error) {
	r := row{time: v.Time().Time(), values: make(map[string]float64, 8)}
	r.run, _ = v.Tag(run)
	seq := 0.0
	for name, x := range v.Values() {
		n, ok := x.(float64)
		switch {
		case !ok:
		case name == seqParameter:
			seq = n
		default:
			r.values[name] = n
		}
	}
	if r.run == "" || seq < 1 || seq > 1<<53 || seq != math.Trunc(seq) {
		return row{}, errors.New("row without run or number")
	}
	r.seq = uint64(seq)
	return r, nil
}
