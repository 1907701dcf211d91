package compat

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// flip changes a byte of the last record, so that the CRC is wrong.
func flip(b []byte) { b[len(b)-2] ^= 1 }

func put32(at int, v int32) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint32(b[at:], uint32(v)) }
}

// produceBatchScenes send batches that are wrong. Each is followed by a look at the end of the log: nothing may have been appended.
func produceBatchScenes() []scene {
	bad := map[string]func() []byte{
		"wrong crc":       func() []byte { return batchSpec{values: values(3), damage: flip}.bytes() },
		"count too high":  func() []byte { return batchSpec{values: values(3), change: put32(atCount, 4)}.bytes() },
		"count too low":   func() []byte { return batchSpec{values: values(3), change: put32(atCount, 2)}.bytes() },
		"count 0":         func() []byte { return batchSpec{values: values(3), change: put32(atCount, 0)}.bytes() },
		"count -1":        func() []byte { return batchSpec{values: values(3), change: put32(atCount, -1)}.bytes() },
		"count huge":      func() []byte { return batchSpec{values: values(3), change: put32(atCount, 1<<30)}.bytes() },
		"last delta high": func() []byte { return batchSpec{values: values(3), change: put32(atLastDelta, 7)}.bytes() },
		"last delta low":  func() []byte { return batchSpec{values: values(3), change: put32(atLastDelta, 1)}.bytes() },
		"last delta -1":   func() []byte { return batchSpec{values: values(3), change: put32(atLastDelta, -1)}.bytes() },
		"count and delta": func() []byte {
			return batchSpec{values: values(3), change: func(b []byte) { put32(atCount, 4)(b); put32(atLastDelta, 3)(b) }}.bytes()
		},
		"no records":     func() []byte { return batchSpec{}.bytes() },
		"base offset 5":  func() []byte { return batchSpec{values: values(3), baseOffset: 5}.bytes() },
		"base offset -1": func() []byte { return batchSpec{values: values(3), baseOffset: -1}.bytes() },
		"control": func() []byte {
			return batchSpec{values: values(1), key: "\x00\x00\x00\x01", attributes: 1 << 5}.bytes()
		},
		"control of a transaction": func() []byte {
			return batchSpec{values: values(1), key: "\x00\x00\x00\x01", attributes: 3 << 4, by: &producer{id: 4711}}.bytes()
		},
		"two batches": func() []byte {
			return append(batchSpec{values: values(2)}.bytes(), batchSpec{values: values(2)}.bytes()...)
		},
		"trailing byte":      func() []byte { return append(batchSpec{values: values(2)}.bytes(), 0) },
		"trailing 100 bytes": func() []byte { return append(batchSpec{values: values(2)}.bytes(), make([]byte, 100)...) },
		"cut in the records": func() []byte { b := batchSpec{values: values(3)}.bytes(); return b[:len(b)-5] },
		"cut in the header":  func() []byte { return batchSpec{values: values(3)}.bytes()[:40] },
		"5 bytes":            func() []byte { return []byte{1, 2, 3, 4, 5} },
		"zeros":              func() []byte { return make([]byte, 100) },
		"length 0":           func() []byte { return batchSpec{values: values(3), damage: put32(atLength, 0)}.bytes() },
		"length -1":          func() []byte { return batchSpec{values: values(3), damage: put32(atLength, -1)}.bytes() },
		"length huge":        func() []byte { return batchSpec{values: values(3), damage: put32(atLength, 1<<30)}.bytes() },
		"magic 0":            func() []byte { return legacy(0) },
		"magic 1":            func() []byte { return legacy(1) },
		"magic 3":            func() []byte { return batchSpec{values: values(3), damage: func(b []byte) { b[atMagic] = 3 }}.bytes() },
		"codec 5":            func() []byte { return batchSpec{values: values(3), codecBits: 5}.bytes() },
		"codec 7":            func() []byte { return batchSpec{values: values(3), codecBits: 7}.bytes() },
		"not gzip":           func() []byte { return batchSpec{values: values(3), codecBits: 1}.bytes() },
		"not snappy":         func() []byte { return batchSpec{values: values(3), codecBits: 2}.bytes() },
		"not lz4":            func() []byte { return batchSpec{values: values(3), codecBits: 3}.bytes() },
		"not zstd":           func() []byte { return batchSpec{values: values(3), codecBits: 4}.bytes() },
		"gzip with a wrong count": func() []byte {
			return batchSpec{values: values(3), codec: kgo.GzipCompression(), change: func(b []byte) { put32(atCount, 4)(b); put32(atLastDelta, 3)(b) }}.bytes()
		},
		"gzip cut": func() []byte {
			b := batchSpec{values: values(100), codec: kgo.GzipCompression(), change: nil}
			b.change = func(x []byte) { clear(x[len(x)-20:]) }
			return b.bytes()
		},
		"record length": func() []byte {
			return batchSpec{values: values(3), change: func(b []byte) { b[batchHeader] = 0x7e }}.bytes()
		},
		"record attribute": func() []byte {
			return batchSpec{values: values(3), change: func(b []byte) { b[batchHeader+1] = 1 }}.bytes()
		},
		"record offset": func() []byte {
			return batchSpec{values: values(3), change: func(b []byte) { b[batchHeader+3] = 8 }}.bytes()
		},
		"append time set":  func() []byte { return batchSpec{values: values(3), attributes: 1 << 3}.bytes() },
		"delete horizon":   func() []byte { return batchSpec{values: values(3), attributes: 1 << 6}.bytes() },
		"unused attribute": func() []byte { return batchSpec{values: values(3), attributes: 1 << 9}.bytes() },
		"max time wrong": func() []byte {
			return batchSpec{values: values(3), change: func(b []byte) { b[atMaxTime+7]++ }}.bytes()
		},
		"max time -1": func() []byte {
			return batchSpec{values: values(3), change: func(b []byte) { binary.BigEndian.PutUint64(b[atMaxTime:], ^uint64(0)) }}.bytes()
		},
		"no times": func() []byte {
			return batchSpec{values: values(1), change: func(b []byte) {
				binary.BigEndian.PutUint64(b[atFirstTime:], ^uint64(0))
				binary.BigEndian.PutUint64(b[atMaxTime:], ^uint64(0))
			}}.bytes()
		},
		"leader epoch 9":            func() []byte { return batchSpec{values: values(3), damage: put32(atEpoch, 9)}.bytes() },
		"sequence without producer": func() []byte { return batchSpec{values: values(3), change: put32(atSequence, 5)}.bytes() },
		"producer without sequence": func() []byte {
			return batchSpec{values: values(3), by: &producer{id: 4711}, change: put32(atSequence, -1)}.bytes()
		},
		"producer without epoch": func() []byte {
			return batchSpec{values: values(3), by: &producer{id: 4711}, change: func(b []byte) { b[atPEpoch], b[atPEpoch+1] = 0xff, 0xff }}.bytes()
		},
	}
	var out []scene
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		b := bad[name]
		out = append(out, scene{"produce/batch/" + name, []int16{3, 8, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("answer", v, r.produceTo("a", -1, b()))
			r.note("fetch", 11, r.fetchOf("a", part{}))
		}})
	}
	return out
}
