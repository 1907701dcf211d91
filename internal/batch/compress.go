package batch

import (
	"errors"
	"io"
	"math"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// Writers cost much more than what they write, so they are kept, one pool for each level: gzip has 1 to 9, zstd four.
var (
	gzipWriters  [gzip.BestCompression + 1]sync.Pool
	zstdEncoders [zstd.SpeedBestCompression + 1]coders
	zstdStreams  [zstd.SpeedBestCompression + 1]coders // with a smaller window, which is memory
	lz4Writers   = sync.Pool{New: func() any { return lz4.NewWriter(nil) }}
)

// Kafka's default levels.
const (
	gzipDefault = 6
	zstdDefault = 3
	lz4Default  = 9 // stands for the fast way
)

// sink appends to a slice, and fails when that is longer than most.
type sink struct {
	b    []byte
	most int
}

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), s.full()
}

func (s *sink) Close() error { return nil }

func (s *sink) full() error {
	if len(s.b) > s.most {
		return errLimit
	}
	return nil
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
	out := sink{dst, math.MaxInt}
	z := newGzip(&out, level)
	mustWrite(z, src)
	return out.b
}

// mustWrite writes all there is into memory, which does not fail.
func mustWrite(z io.WriteCloser, src []byte) {
	_, err := z.Write(src)
	invariant.Check(err == nil, "compress into memory: %v", err)
	err = z.Close()
	invariant.Check(err == nil, "compress into memory: %v", err)
}

// The writers go back to their pool when they are closed, whether that fails or not.
type (
	gzipWriter struct {
		*gzip.Writer
		level int
	}
	lz4Writer  struct{ *lz4.Writer }
	zstdWriter struct {
		*zstd.Encoder
		pool *coders
	}
	snappyWriter struct {
		out     *sink
		scratch []byte
	}
)

func newGzip(out io.Writer, level int) gzipWriter {
	if level < 1 || level > gzip.BestCompression {
		level = gzipDefault
	}
	z, _ := gzipWriters[level].Get().(*gzip.Writer)
	if z == nil {
		var err error
		z, err = gzip.NewWriterLevel(out, level)
		invariant.Check(err == nil, "gzip level %d: %v", level, err)
	} else {
		z.Reset(out)
	}
	return gzipWriter{z, level}
}

func (z gzipWriter) Close() error {
	err := z.Writer.Close()
	z.Reset(nil)
	gzipWriters[z.level].Put(z.Writer)
	return err
}

func appendLZ4(dst []byte, level int, src []byte) []byte {
	out := sink{dst, math.MaxInt}
	mustWrite(newLZ4(&out, level), src)
	return out.b
}

func newLZ4(out io.Writer, level int) lz4Writer {
	how := lz4.Fast
	if level > 0 && level != lz4Default { // lz4.Level1 is 1<<9, and so on up to 9
		how = lz4.CompressionLevel(1 << (8 + min(level, 9)))
	}
	z := lz4Writers.Get().(*lz4.Writer)
	z.Reset(out)
	err := z.Apply(lz4.CompressionLevelOption(how), lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false), lz4.ConcurrencyOption(1))
	invariant.Check(err == nil, "lz4 level %d: %v", level, err)
	return lz4Writer{z}
}

func (z lz4Writer) Close() error {
	err := z.Writer.Close()
	z.Reset(nil)
	lz4Writers.Put(z.Writer)
	return err
}

func appendZstd(dst []byte, level int, src []byte) []byte {
	z, pool := newZstd(zstdEncoders[:], level)
	dst = z.EncodeAll(src, dst)
	pool.put(z)
	return dst
}

// newZstd gives an encoder for a level, and the pool that it goes back to.
func newZstd(pools []coders, level int, o ...zstd.EOption) (*zstd.Encoder, *coders) {
	if level == 0 || level == -1 {
		level = zstdDefault
	}
	how := zstd.EncoderLevelFromZstd(level)
	z, _ := pools[how].get().(*zstd.Encoder)
	if z == nil {
		var err error
		z, err = zstd.NewWriter(nil, append(o, zstd.WithEncoderLevel(how), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
			zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true))...)
		invariant.Check(err == nil, "zstd level %d: %v", level, err)
	}
	return z, &pools[how]
}

func (z zstdWriter) Close() error {
	err := z.Encoder.Close()
	z.Reset(nil)
	z.pool.put(z.Encoder)
	return err
}

func (z *snappyWriter) Write(p []byte) (int, error) {
	z.out.b, z.scratch = appendXerialBlocks(z.out.b, z.scratch, p)
	return len(p), z.out.full()
}

func (*snappyWriter) Close() error { return nil }

// compressPieces appends what s gives, compressed, to dst. It ends when that has more than most bytes.
func compressPieces(dst []byte, codec Codec, level int, s *stream, most int) ([]byte, error) {
	out := sink{dst, most}
	var z io.WriteCloser
	switch codec {
	case None:
		z = &out
	case Gzip:
		z = newGzip(&out, level)
	case Snappy:
		out.b = appendXerialHeader(out.b)
		z = &snappyWriter{out: &out}
	case LZ4:
		z = newLZ4(&out, level)
	case ZSTD:
		e, pool := newZstd(zstdStreams[:], level, zstd.WithWindowSize(maxStreamWindow/2))
		e.Reset(&out)
		z = zstdWriter{e, pool}
	}
	var err error
	for n := s.fill(0); n > 0 && err == nil; n = s.fill(0) {
		_, err = z.Write(s.buf[:n])
	}
	return out.b, errors.Join(err, z.Close())
}
