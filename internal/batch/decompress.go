package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

const (
	minBuffer  = 64 << 10
	keepBuffer = 16<<20 + zstdRoom // a larger buffer is not kept for the next batch

	// maxZstdWindow is the most that clients' zstd decodes by default. It is no memory: what is decoded is the window.
	maxZstdWindow = 128 << 20
	// maxStreamWindow is memory: the window when Zstandard is decoded piece by piece. It is what RFC 8878 asks of every decoder, and what levels up to 19 need.
	maxStreamWindow = 8 << 20

	// A block of Zstandard holds at most the first number of bytes and takes at least the second.
	zstdBlock      = 128 << 10
	zstdLeastBlock = 3
	zstdRoom       = zstdBlock + 64 // more than a block

	lz4Magic       = 0x184d2204
	lz4Independent = 0x20 // flag: blocks do not refer to each other, which Kafka asks for
)

// buffers are what a batch is decompressed into while it is validated or compressed again.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func putBuffer(p *[]byte) {
	if cap(*p) <= keepBuffer {
		*p = (*p)[:0]
		buffers.Put(p)
	}
}

// The readers are kept with their source, so that neither is made anew. Close gives them back, without the source.
type (
	gzipReader struct {
		gzip.Reader
		src bytes.Reader
	}
	lz4Reader struct {
		*lz4.Reader
		src bytes.Reader
	}
	zstdReader struct {
		*zstd.Decoder
		src bytes.Reader
	}
)

var (
	gzipReaders = sync.Pool{New: func() any { return new(gzipReader) }}
	lz4Readers  = sync.Pool{New: func() any { return &lz4Reader{Reader: lz4.NewReader(nil)} }}
)

var (
	zstdDecoders = coders{pool: sync.Pool{New: func() any {
		return newZstdDecoder(zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecodeAllCapLimit(true))
	}}}
	zstdReaders = coders{pool: sync.Pool{New: func() any {
		return &zstdReader{Decoder: newZstdDecoder(zstd.WithDecoderMaxWindow(maxStreamWindow))}
	}}}
)

func newZstdDecoder(o ...zstd.DOption) *zstd.Decoder {
	d, err := zstd.NewReader(nil, append(o, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))...)
	invariant.Check(err == nil, "zstd decoder: %v", err)
	return d
}

// decompress gives what src holds, in the memory of buf when that is large enough. It never holds much more than limit
// bytes, or what src itself is. With an error it gives memory to use again, or nil.
func decompress(buf []byte, codec Codec, src []byte, limit int) ([]byte, error) {
	var err error
	switch codec {
	case Gzip:
		buf, err = gunzip(buf, src, limit)
	case Snappy:
		buf, err = unsnappy(buf, src, limit)
	case LZ4:
		buf, err = unlz4(buf, src, limit)
	case ZSTD:
		buf, err = unzstd(buf, src, limit)
	default:
		return nil, fail(ErrCodec, "%v is not known", codec)
	}
	if err != nil {
		return buf, unpackError(err, codec, len(src), limit)
	}
	return buf, nil
}

// unpackError says why n bytes cannot be decompressed.
func unpackError(err error, codec Codec, n, limit int) error {
	if errors.Is(err, errLimit) {
		return fail(ErrTooLarge, "its %d bytes of %v are more than %d when decompressed", n, codec, limit)
	}
	return fail(ErrInvalidRecord, "its %d bytes of %v cannot be decompressed: %v", n, codec, err)
}

// openCodec gives what src holds piece by piece. Its caller sees to the limit; only what blocks of Snappy claim is compared with it here.
func openCodec(codec Codec, src []byte, limit int) (io.ReadCloser, error) {
	switch codec {
	case Gzip:
		return openGzip(src)
	case Snappy:
		return openSnappy(src, limit), nil
	case LZ4:
		return openLZ4(src)
	case ZSTD:
		z := zstdReaders.get().(*zstdReader)
		z.src.Reset(src)
		if err := z.Reset(&z.src); err != nil {
			z.Close()
			return nil, err
		}
		return z, nil
	}
	return nil, fail(ErrCodec, "%v is not known", codec)
}

func (z *zstdReader) Close() error {
	z.src.Reset(nil)
	err := z.Reset(nil)
	zstdReaders.put(z)
	return err
}

// errLimit says that there is more than the limit.
var errLimit = errors.New("the limit of decompression is reached")

// room gives buf the capacity that the next bytes need, as far as the limit allows.
func room(buf []byte, src []byte, limit int) []byte {
	if want := min(max(4*len(src), minBuffer), limit); cap(buf) < want {
		return make([]byte, 0, want)
	}
	return buf[:0]
}

func gunzip(buf, src []byte, limit int) ([]byte, error) {
	z, err := openGzip(src)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return drain(room(buf, src, limit), z, limit)
}

func openGzip(src []byte) (io.ReadCloser, error) {
	z := gzipReaders.Get().(*gzipReader)
	z.src.Reset(src)
	if err := z.Reset(&z.src); err != nil {
		z.Close()
		return nil, err
	}
	return z, nil
}

func (z *gzipReader) Close() error {
	z.src.Reset(nil)
	gzipReaders.Put(z)
	return nil
}

func unlz4(buf, src []byte, limit int) ([]byte, error) {
	z, err := openLZ4(src)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return drain(room(buf, src, limit), z, limit)
}

// largeLZ4 says whether a frame has blocks of 1 or 4 MiB, of which a reader holds two.
func largeLZ4(src []byte) bool { return len(src) > 5 && src[5]>>4&7 > 5 }

func openLZ4(src []byte) (io.ReadCloser, error) {
	if len(src) < 5 || binary.LittleEndian.Uint32(src) != lz4Magic {
		return nil, errors.New("there is no LZ4 frame")
	}
	if src[4]&lz4Independent == 0 {
		return nil, errors.New("the blocks of the LZ4 frame depend on each other")
	}
	z := lz4Readers.Get().(*lz4Reader)
	z.src.Reset(src)
	z.Reset(&z.src)
	return z, nil
}

func (z *lz4Reader) Close() error {
	z.Reset(nil) // gives back what it holds
	z.src.Reset(nil)
	lz4Readers.Put(z)
	return nil
}

// drain appends all of r.
func drain(buf []byte, r io.Reader, limit int) ([]byte, error) {
	var beyond [1]byte
	for {
		if len(buf) == cap(buf) && len(buf) < limit {
			grown := make([]byte, len(buf), min(max(2*cap(buf), minBuffer), limit))
			copy(grown, buf)
			buf = grown
		}
		free := buf[len(buf):min(cap(buf), max(limit, 0))]
		full := len(free) == 0
		if full {
			free = beyond[:]
		}
		n, err := r.Read(free)
		if full && n > 0 {
			return buf, errLimit
		}
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// unzstd decodes into one buffer, which is the window as well, and starts again with a larger one when that is full. The
// decoder's errors do not tell a full buffer from damage, so there is always room for one block more: a decoder that
// fails with less than a block of room has reached the end of it.
func unzstd(buf, src []byte, limit int) ([]byte, error) {
	limit = max(limit, 0)
	reach := min(limit, (len(src)/zstdLeastBlock+1)*zstdBlock) // what frames claim beyond that is not true
	want := min(max(4*len(src), minBuffer), reach)
	var h zstd.Header
	if err := h.Decode(src); err == nil && h.HasFCS {
		if h.FrameContentSize > uint64(limit) && reach == limit {
			return buf, errLimit
		}
		want = int(min(h.FrameContentSize, uint64(reach)))
	}
	z := zstdDecoders.get().(*zstd.Decoder)
	defer zstdDecoders.put(z)
	for {
		if cap(buf) < want+zstdRoom {
			buf = make([]byte, 0, want+zstdRoom)
		}
		want = min(cap(buf)-zstdRoom, reach)
		out, err := z.DecodeAll(src, buf[:0:want+zstdRoom])
		switch {
		case err == nil && len(out) <= limit:
			return out, nil
		case err != nil && !errors.Is(err, zstd.ErrDecoderSizeExceeded) && want+zstdRoom-len(out) >= zstdBlock:
			return nil, err
		case want == limit:
			return buf, errLimit
		case want == reach:
			return nil, errors.New("a Zstandard frame claims more than its blocks can hold")
		}
		want = min(4*want+minBuffer, reach)
	}
}
