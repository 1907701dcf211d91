package codec_test

import (
	"fmt"
	"testing"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// Once a block and the bytes have their size, rows are written and read without any allocation.
func TestNothingIsAllocatedForRows(t *testing.T) {
	if raceDetector {
		t.Skip("pools forget under the race detector")
	}
	gaps := measured(1000, "full")
	for i := range gaps.Columns {
		c := &gaps.Columns[i]
		c.Present = make([]byte, 125)
		c.Present[i] = 0x55
	}
	wide := &codec.Block{Times: []int64{1}}
	for i := range 2000 {
		wide.Columns = append(wide.Columns, codec.Column{Name: fmt.Sprint("signal ", i), Numbers: []float64{1.5}})
	}
	other := measured(700, "three") // other columns in the same places: alternate layouts, as two streams of one consumer have
	for i := range other.Columns {
		other.Columns[i].Name = fmt.Sprint("other ", i)
	}
	for name, blocks := range map[string][]*codec.Block{
		"numbers": {measured(1000, "full")}, "one row": {measured(1, "whole")}, "gaps": {gaps}, "texts": {words(1000)}, "wide": {wide},
		"alternating": {measured(1000, "three"), gaps, measured(10, "three"), words(500)},
		"two layouts": {measured(1000, "three"), other},
	} {
		for _, f := range formats {
			var values [][]byte
			for _, b := range blocks {
				values = append(values, encode(t, f, b))
			}
			dst := make([]byte, 0, 1<<20)
			if n := testing.AllocsPerRun(20, func() {
				for _, b := range blocks {
					if _, err := codec.AppendRows(dst, f, b); err != nil {
						t.Fatal(err)
					}
				}
			}); n != 0 {
				t.Errorf("%s in %v: %v allocations to write them", name, f, n)
			}
			var into codec.Block
			if n := testing.AllocsPerRun(20, func() {
				for _, v := range values {
					if err := codec.DecodeRows(f, v, &into); err != nil {
						t.Fatal(err)
					}
				}
			}); n != 0 {
				t.Errorf("%s in %v: %v allocations to read them", name, f, n)
			}
		}
	}
}
