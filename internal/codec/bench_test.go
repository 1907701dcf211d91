package codec_test

import (
	"fmt"
	"math"
	"math/rand"
	"testing"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// measured is rows as sensors give them: whole numbers, few decimals, and floats of full length.
func measured(rows int, decimals string) *codec.Block {
	rng := rand.New(rand.NewSource(1))
	b := &codec.Block{Times: make([]int64, rows)}
	for i := range b.Times {
		b.Times[i] = 1767225600_000000000 + int64(i)*100_000_000 + rng.Int63n(1_000_000)
	}
	for c := range 10 {
		numbers := make([]float64, rows)
		for i := range numbers {
			v := 100 + 20*math.Sin(float64(i)/50+float64(c)) + rng.Float64()
			switch decimals {
			case "whole":
				v = math.Round(v)
			case "three":
				v = math.Round(v*1000) / 1000
			}
			numbers[i] = v
		}
		b.Columns = append(b.Columns, codec.Column{Kind: codec.Number, Name: fmt.Sprintf("parameter_%d", c), Numbers: numbers})
	}
	return b
}

// words is rows of texts.
func words(rows int) *codec.Block {
	b := &codec.Block{Times: make([]int64, rows)}
	for c := range 10 {
		texts := make([]string, rows)
		for i := range texts {
			texts[i] = [...]string{"Flying_lap", "In_garage", "", "session_07501", "a rather longer text of some sixty characters, äöü at its end"}[(i+c)%5]
		}
		b.Columns = append(b.Columns, codec.Column{Kind: codec.Text, Name: fmt.Sprintf("text_%d", c), Texts: texts})
	}
	return b
}

func BenchmarkRows(b *testing.B) {
	blocks := []struct {
		name  string
		block *codec.Block
	}{{"whole", measured(1000, "whole")}, {"three", measured(1000, "three")}, {"full", measured(1000, "full")}, {"texts", words(1000)}, {"one", measured(1, "three")}}
	for _, f := range formats {
		for _, x := range blocks {
			value, err := codec.AppendRows(nil, f, x.block)
			if err != nil {
				b.Fatal(err)
			}
			values := len(x.block.Times) * len(x.block.Columns)
			report := func(b *testing.B) {
				b.SetBytes(int64(len(value)))
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*values), "ns/value")
				b.ReportAllocs()
			}
			b.Run(fmt.Sprintf("%v/%s/encode", f, x.name), func(b *testing.B) {
				dst := make([]byte, 0, 2*len(value))
				for b.Loop() {
					if _, err := codec.AppendRows(dst[:0], f, x.block); err != nil {
						b.Fatal(err)
					}
				}
				report(b)
			})
			b.Run(fmt.Sprintf("%v/%s/decode", f, x.name), func(b *testing.B) {
				var into codec.Block
				for b.Loop() {
					if err := codec.DecodeRows(f, value, &into); err != nil {
						b.Fatal(err)
					}
				}
				report(b)
			})
		}
	}
}
