package bobbin

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// Whatever is given to rows, and however often a builder is used again, the block has what was given last, and nothing where nothing was given.
func TestBuilderAgainstAMapOfCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var names columns
		var b builder
		for i := range 6 {
			names.resolve(codec.ColumnKind(i%4), fmt.Sprint("c", i))
		}
		for range rapid.IntRange(1, 4).Draw(t, "blocks") {
			rows := rapid.IntRange(1, 20).Draw(t, "rows")
			model := make(map[[2]int]string)
			for row := range rows {
				b.begin(int64(row))
				for range rapid.IntRange(0, 8).Draw(t, "values") {
					h := rapid.IntRange(0, 5).Draw(t, "column")
					v := rapid.IntRange(0, 99).Draw(t, "value")
					model[[2]int{row, h}] = fmt.Sprint(v)
					switch names.list[h].kind {
					case codec.Number:
						b.number(h, &names, float64(v))
					case codec.Bytes:
						b.data(h, &names, []byte(fmt.Sprint(v)))
					default:
						b.text(h, &names, fmt.Sprint(v))
					}
				}
			}
			block := b.finish()
			got := make(map[[2]int]string)
			for i := range block.Columns {
				c := &block.Columns[i]
				h := names.byName[c.Kind][c.Name]
				for row := range rows {
					switch {
					case !c.Has(row):
					case c.Kind == codec.Number:
						got[[2]int{row, h}] = fmt.Sprint(c.Numbers[row])
					case c.Kind == codec.Bytes:
						got[[2]int{row, h}] = string(c.Bytes[row])
					default:
						got[[2]int{row, h}] = c.Texts[row]
					}
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(model) {
				t.Fatalf("got  %v\nwant %v", got, model)
			}
			if _, err := codec.AppendRows(nil, codec.Binary, block); err != nil {
				t.Fatal(err)
			}
			b.reset()
			if rapid.Bool().Draw(t, "release") {
				b.release()
			}
		}
	})
}

// A builder that once had a large block does not hold its memory when only small ones follow, and keeps it when large ones come again and again.
func TestBuilderLetsGoOfMemoryThatItNoLongerNeeds(t *testing.T) {
	var names columns
	h := names.resolve(codec.Number, "c")
	var b builder
	block := func(rows int) {
		for row := range rows {
			b.begin(int64(row))
			b.number(h.col, &names, 1)
		}
		b.finish()
		b.reset()
	}
	for range 3 {
		block(100_000)
		for range 5 {
			block(10)
		}
	}
	if n := cap(b.times); n < 100_000 {
		t.Errorf("memory for %d rows is kept, of 100,000", n)
	}
	for range 15 {
		block(10)
	}
	if n, of := cap(b.times), cap(b.columns[h.col].Numbers); n > 1000 || of > 1000 {
		t.Errorf("memory for %d times and %d numbers is kept", n, of)
	}
}
