package batch

import (
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// Writers cost much more than what they write, so they are kept, one pool for each level: gzip has 1 to 9, zstd four.
var (
	gzipWriters  [gzip.BestCompression + 1]sync.Pool
	zstdEncoders [zstd.SpeedBestCompression + 1]sync.Pool
	lz4Writers   = sync.Pool{New: func() any { return lz4.NewWriter(nil) }}
)

// Kafka's default levels.
const (
	gzipDefault = 6
	zstdDefault = 3
	lz4Default  = 9 // stands for the fast way
)

// sink appends to a slice.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// compress appends src, compressed, to dst. Level 0 or -1 is the codec's default, any other Kafka's number.
func compress(dst []byte, codec Codec, level int, src []byte) []byte {
	switch codec {
	case None:
		return append(dst, src...)
	case Gzip:
		return appendGzip(dst, level, src)
	case Snappy:
		return appendSnappy(dst, src)
	case LZ4:
		return appendLZ4(dst, level, src)
	case ZSTD:
		return appendZstd(dst, level, src)
	}
	invariant.Unreachable("compression with %v", codec)
	return nil
}

func appendGzip(dst []byte, level int, src []byte) []byte {
	if level < 1 || level > gzip.BestCompression {
		level = gzipDefault
	}
	out := sink{dst}
	z, _ := gzipWriters[level].Get().(*gzip.Writer)
	if z == nil {
		var err error
		z, err = gzip.NewWriterLevel(&out, level)
		invariant.Check(err == nil, "gzip level %d: %v", level, err)
	} else {
		z.Reset(&out)
	}
	_, err := z.Write(src)
	invariant.Check(err == nil, "gzip into memory: %v", err)
	err = z.Close()
	invariant.Check(err == nil, "gzip into memory: %v", err)
	z.Reset(nil)
	gzipWriters[level].Put(z)
	return out.b
}

func appendLZ4(dst []byte, level int, src []byte) []byte {
	how := lz4.Fast
	if level > 0 && level != lz4Default { // lz4.Level1 is 1<<9, and so on up to 9
		how = lz4.CompressionLevel(1 << (8 + min(level, 9)))
	}
	out := sink{dst}
	z := lz4Writers.Get().(*lz4.Writer)
	z.Reset(&out)
	err := z.Apply(lz4.CompressionLevelOption(how), lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false), lz4.ConcurrencyOption(1))
	invariant.Check(err == nil, "lz4 level %d: %v", level, err)
	_, err = z.Write(src)
	invariant.Check(err == nil, "lz4 into memory: %v", err)
	err = z.Close()
	invariant.Check(err == nil, "lz4 into memory: %v", err)
	z.Reset(nil)
	lz4Writers.Put(z)
	return out.b
}

func appendZstd(dst []byte, level int, src []byte) []byte {
	if level == 0 || level == -1 {
		level = zstdDefault
	}
	how := zstd.EncoderLevelFromZstd(level)
	z, _ := zstdEncoders[how].Get().(*zstd.Encoder)
	if z == nil {
		var err error
		z, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(how), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
			zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true))
		invariant.Check(err == nil, "zstd level %d: %v", level, err)
	}
	dst = z.EncodeAll(src, dst)
	zstdEncoders[how].Put(z)
	return dst
}
