package codec_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var formats = []codec.Format{codec.JSON, codec.Binary}

// describe says all that a block means, a line a column, in a way that can be compared: numbers by their bits. With byKind the columns stand in the order of their
// kinds, as in JSON, and all NaN are the same.
func describe(b *codec.Block, byKind bool) []string {
	columns := slices.Clone(b.Columns)
	if byKind {
		slices.SortStableFunc(columns, func(x, y codec.Column) int { return int(x.Kind) - int(y.Kind) })
	}
	all := []string{fmt.Sprint("times ", b.Times)}
	for i := range columns {
		c := &columns[i]
		s := fmt.Sprintf("%v %q", c.Kind, c.Name)
		for i := range b.Times {
			switch {
			case !c.Has(i):
				s += " -"
			case c.Kind == codec.Number && byKind && math.IsNaN(c.Numbers[i]):
				s += " NaN"
			case c.Kind == codec.Number:
				s += fmt.Sprintf(" %016x", math.Float64bits(c.Numbers[i]))
			case c.Kind == codec.Bytes:
				s += fmt.Sprintf(" %x.", c.Bytes[i])
			default:
				s += fmt.Sprintf(" %q", c.Texts[i])
			}
		}
		all = append(all, s)
	}
	return all
}

// describeFor is describe with what a format keeps.
func describeFor(f codec.Format, b *codec.Block) []string { return describe(b, f == codec.JSON) }

var times = rapid.OneOf(
	rapid.Int64(),
	rapid.Int64Range(1767225600_000000000, 1767225660_000000000),
	rapid.SampledFrom([]int64{0, -1, math.MinInt64, math.MaxInt64}),
)

var numbers = rapid.OneOf(
	rapid.Float64(),
	rapid.Map(rapid.Uint64(), math.Float64frombits), // also NaN that carry something
	rapid.Custom(func(t *rapid.T) float64 {
		return float64(rapid.Int64Range(-1e12, 1e12).Draw(t, "n")) / math.Pow10(rapid.IntRange(0, 12).Draw(t, "decimals"))
	}),
	rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1e-6, 1e-7, 1e21, 1e15, 1e15 - 1, 0.1, -123456.789}),
)

var texts = rapid.OneOf(
	rapid.String(),
	rapid.StringMatching(`[a-z"\\/\n\t\x00-\x1f]{0,20}`),
	rapid.SampledFrom([]string{"", "NaN", "\u2028\ufffd\U0010ffff", "ä", "a longer text without anything in it", "a longer text with \"something\" in it, and äöü at its end"}),
)

var names = rapid.OneOf(rapid.StringMatching(`[a-z]{1,2}`), rapid.StringN(1, 20, codec.MaxName))

// drawBlock gives a block with columns of all kinds, with gaps and with junk where nobody should look.
func drawBlock(t *rapid.T) *codec.Block {
	n := rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(1, 70)).Draw(t, "rows")
	b := &codec.Block{Times: rapid.SliceOfN(times, n, n).Draw(t, "times")}
	seen := map[string]bool{}
	for range rapid.IntRange(0, 12).Draw(t, "columns") {
		c := codec.Column{Kind: codec.ColumnKind(rapid.IntRange(0, 3).Draw(t, "kind")), Name: names.Draw(t, "name")}
		if key := fmt.Sprint(c.Kind, c.Name); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		if rapid.Bool().Draw(t, "gaps") {
			fill := rapid.SampledFrom([]byte{0, 0xff, 0xee, 0x01}).Draw(t, "fill")
			for range (n + 7) / 8 {
				c.Present = append(c.Present, fill)
			}
			c.Present[rapid.IntRange(0, len(c.Present)-1).Draw(t, "where")] ^= rapid.Byte().Draw(t, "bits")
		}
		switch c.Kind {
		case codec.Number:
			c.Numbers = rapid.SliceOfN(numbers, n, n).Draw(t, "numbers")
		case codec.Bytes:
			c.Bytes = rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 10), n, n).Draw(t, "bytes")
		default:
			c.Texts = rapid.SliceOfN(texts, n, n).Draw(t, "texts")
			for i := range c.Texts {
				if !c.Has(i) {
					c.Texts[i] = "\xff"
				}
			}
		}
		b.Columns = append(b.Columns, c)
	}
	return b
}

// part is the rows from ≤ i < to of a block, made one by one.
func part(b *codec.Block, from, to int) *codec.Block {
	p := &codec.Block{Times: b.Times[from:to]}
	for i := range b.Columns {
		c := &b.Columns[i]
		n := codec.Column{Kind: c.Kind, Name: c.Name, Present: make([]byte, (to-from+7)/8)}
		for i := from; i < to; i++ {
			if c.Has(i) {
				n.Present[(i-from)/8] |= 1 << ((i - from) % 8)
			}
		}
		switch c.Kind {
		case codec.Number:
			n.Numbers = c.Numbers[from:to]
		case codec.Bytes:
			n.Bytes = c.Bytes[from:to]
		default:
			n.Texts = c.Texts[from:to]
		}
		p.Columns = append(p.Columns, n)
	}
	return p
}

// memory is how many bytes of memory a block has, behind its columns too.
func memory(b *codec.Block) int {
	n := 8*cap(b.Times) + 120*cap(b.Columns)
	for _, c := range b.Columns[:cap(b.Columns)] {
		n += len(c.Name) + cap(c.Present) + 8*cap(c.Numbers) + 16*cap(c.Texts) + 24*cap(c.Bytes)
	}
	return n
}

func encode(t interface{ Fatal(...any) }, f codec.Format, b *codec.Block) []byte {
	v, err := codec.AppendRows(nil, f, b)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
