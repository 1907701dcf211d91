package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/bobbinstream/bobbin/connect/host"
)

// A row is one record's value: a sample, the run that wrote it, and its number in that run and stream, from 1.
//
//	{"t":"2026-11-24T15:00:00.1Z","stream":"cpu/3","user":0.12,"system":0.03,…,"run":"5f0c…","seq":17}
type row struct {
	time   time.Time
	stream string
	run    string
	seq    uint64
	values map[string]float64
}

// rowLimit bounds what is decoded; the demo's own rows have about 200 bytes.
const rowLimit = 64 << 10

// appendRow appends the bytes of a row of this run.
func appendRow(dst []byte, s host.Sample, run string, seq uint64) []byte {
	dst = s.AppendJSON(dst)
	dst = dst[:len(dst)-1] // the closing bracket
	dst = append(dst, `,"run":"`...)
	dst = append(dst, run...)
	dst = append(dst, `","seq":`...)
	dst = strconv.AppendUint(dst, seq, 10)
	return append(dst, '}')
}

// decodeRow reads a row that any run of the demo wrote.
func decodeRow(value []byte) (row, error) {
	if len(value) > rowLimit {
		return row{}, fmt.Errorf("row of %d bytes is larger than %d", len(value), rowLimit)
	}
	var fields map[string]any
	if err := json.Unmarshal(value, &fields); err != nil {
		return row{}, fmt.Errorf("row is not a JSON object: %w", err)
	}
	r := row{values: make(map[string]float64, len(fields))}
	var seq float64
	var text string
	for name, v := range fields {
		switch v := v.(type) {
		case string:
			switch name {
			case "t":
				text = v
			case "stream":
				r.stream = v
			case "run":
				r.run = v
			}
		case float64:
			if name == "seq" {
				seq = v
			} else {
				r.values[name] = v
			}
		}
	}
	var err error
	if r.time, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return row{}, fmt.Errorf("row without a moment of sampling: %w", err)
	}
	if r.stream == "" || r.run == "" || seq < 1 || seq > 1<<53 || seq != math.Trunc(seq) {
		return row{}, errors.New("row without stream, run or number")
	}
	r.seq = uint64(seq)
	return r, nil
}
