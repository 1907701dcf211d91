package batch

import (
	"errors"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// pieces says how a compressed batch is read that is only looked at.
type pieces struct {
	whole int // what decompresses to no more is taken whole, which is faster
	size  int // of a piece of what is larger
	wide  int // what needs a window of more than maxStreamWindow is taken whole, and may not be larger than this
}

var asPieces = pieces{whole: 5 << 18, size: pieceSize, wide: 16 << 20}

const (
	pieceSize = 64 << 10
	leastRead = 16 // more than any number takes
)

// stream is what a batch holds, decompressed piece by piece.
type stream struct {
	src  io.ReadCloser
	left int // until the limit
	buf  []byte
	err  error // why there is no more; io.EOF at the end

	mem []byte // buf lies in it
}

// streaming has a place for each batch that is read in pieces at present, or has large blocks of LZ4: as many as half the processors, since each takes memory for a window.
var streaming = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))

var streams = sync.Pool{New: func() any { return &stream{mem: make([]byte, pieceSize)} }}

// inPieces calls visit with what the batch holds. It comes whole, and more is nil; or body is its beginning, which may be nothing, and [stream.across] gives
// what follows. Then visit may be called again, for all of it. An error of decompression comes before one of visit, as if all were decompressed first: so the
// verdict does not depend on the pieces. errStop of visit ends it without an error, and without a look at the rest.
//
// The memory is that of the codec's window (see maxStreamWindow and snappyReach; LZ4's block has at most 4 MiB) and one piece, not that of what is decompressed. The work is bounded
// by limit, in bytes decompressed.
func (b Batch) inPieces(limit int, how pieces, visit func(body []byte, more *stream) error) error {
	if err := b.visitPieces(limit, how, visit); !errors.Is(err, errStop) {
		return err
	}
	return nil
}

func (b Batch) visitPieces(limit int, how pieces, visit func(body []byte, more *stream) error) error {
	large := b.Compression() == LZ4 && largeLZ4(b[HeaderSize:])
	if large {
		streaming <- struct{}{}
		defer func() { <-streaming }()
	}
	p := buffers.Get().(*[]byte)
	defer putBuffer(p)
	body, err := b.plain(*p, min(limit, how.whole))
	if b.Compression() != None && body != nil {
		*p = body[:0]
	}
	switch {
	case err == nil:
		return visit(body, nil)
	case limit <= how.whole || !errors.Is(err, ErrTooLarge):
		return err
	}
	if !large {
		streaming <- struct{}{}
		defer func() { <-streaming }()
	}
	src := b[HeaderSize:]
	s := streams.Get().(*stream)
	defer streams.Put(s)
	r, err := openCodec(b.Compression(), src, limit)
	if err != nil {
		return unpackError(err, b.Compression(), len(src), limit)
	}
	s.src, s.left, s.buf, s.err = r, limit, s.mem[:how.size], nil
	err = visit(nil, s)
	if !errors.Is(err, errStop) {
		s.drain()
	}
	s.src.Close()
	s.src = nil
	switch {
	case errors.Is(s.err, zstd.ErrWindowSizeExceeded), errors.Is(s.err, zstd.ErrDecoderSizeExceeded):
		body, err = b.plain(*p, min(limit, how.wide))
		if body != nil {
			*p = body[:0]
		}
		if err != nil {
			return err
		}
		return visit(body, nil)
	case s.err != nil && s.err != io.EOF:
		return unpackError(s.err, b.Compression(), len(src), limit)
	}
	return err
}

// errStop is returned by a visit that has seen enough.
var errStop = errors.New("enough was read")

// fill appends to what stands at the start of the buffer until that is full or nothing more comes.
func (s *stream) fill(n int) int {
	for n < len(s.buf) && s.err == nil {
		// One byte more than the limit is read, to know that there is one.
		to := min(len(s.buf), n+max(s.left, 0)+1)
		var got int
		got, s.err = s.src.Read(s.buf[n:to])
		if got > s.left {
			got, s.err = s.left, errLimit
		}
		s.left -= got
		n += got
	}
	runtime.Gosched() // what is this large lets others go first, piece by piece
	return n
}

// again moves what is left of a piece to the start of the buffer and appends to it.
func (s *stream) again(body []byte) []byte {
	n := copy(s.buf, body)
	return s.buf[:s.fill(n)]
}

// across reads a record that does not end within body, which is what is left of the piece. It gives what stands behind the record. Of one that is longer than the
// buffer the key and the value are not kept: f says only whether they are there.
func (s *stream) across(body []byte, f *fields) (rest []byte, why string) {
	body = s.again(body)
	n, why := f.parse(body)
	if why == "" {
		return body[n:], ""
	}
	length, at := readVarint32(body, 0)
	if at < 0 || int(length) <= len(body)-at || len(body) < len(s.buf) {
		return body, why
	}
	r := longRecord{s: s, body: body[at:], left: int(length)}
	why = r.parse(f)
	return r.body, why
}

// drain reads to the end and says how many bytes were left.
func (s *stream) drain() int {
	n := 0
	for s.err == nil {
		n += s.fill(0)
	}
	return n
}

// longRecord is a record that does not fit into the buffer.
type longRecord struct {
	s    *stream
	body []byte // of it and what follows
	left int    // of it
}

// parse does what fields.parse does, in the same order.
func (r *longRecord) parse(f *fields) (why string) {
	if r.left == 0 {
		return "it is empty"
	}
	r.more(1)
	if len(r.body) == 0 {
		return cutRecord
	}
	f.attributes = int8(r.body[0])
	r.body, r.left = r.body[1:], r.left-1
	f.headers, f.headerCount = nil, 0
	var ok bool
	if f.timestampDelta, ok = r.varint64(); !ok {
		return "its timestamp is cut or malformed"
	}
	if f.offsetDelta, ok = r.varint32(); !ok {
		return "its offset is cut or malformed"
	}
	if f.key, ok = r.skip(); !ok {
		return "its key is longer than the record"
	}
	if f.value, ok = r.skip(); !ok {
		return "its value is longer than the record"
	}
	count, ok := r.varint32()
	if !ok || count < 0 || int(count) > r.left {
		return "its number of headers cannot be"
	}
	for range count {
		if key, ok := r.skip(); !ok || key == nil {
			return "the name of a header is missing or longer than the record"
		}
		if _, ok := r.skip(); !ok {
			return "the value of a header is longer than the record"
		}
	}
	if r.left != 0 {
		return "it is shorter than its length says"
	}
	return ""
}

// more sees to it that n bytes are there, unless the batch ends before.
func (r *longRecord) more(n int) {
	if len(r.body) < n {
		r.body = r.s.again(r.body)
	}
}

func (r *longRecord) varint32() (int32, bool) {
	r.more(leastRead)
	v, n := readVarint32(r.body[:min(len(r.body), r.left)], 0)
	return v, r.took(n)
}

func (r *longRecord) varint64() (int64, bool) {
	r.more(leastRead)
	v, n := readVarint64(r.body[:min(len(r.body), r.left)], 0)
	return v, r.took(n)
}

func (r *longRecord) took(n int) bool {
	if n < 0 {
		return false
	}
	r.body, r.left = r.body[n:], r.left-n
	return true
}

// present stands for bytes that are not null and that nobody reads.
var present = []byte{}

// skip passes by a length and as many bytes; nil is null.
func (r *longRecord) skip() ([]byte, bool) {
	length, ok := r.varint32()
	n := int(length)
	if !ok || n > r.left {
		return nil, false
	}
	if n < 0 {
		return nil, true
	}
	r.left -= n
	for n > len(r.body) {
		n -= len(r.body)
		if r.body = r.s.again(nil); len(r.body) == 0 {
			return nil, false
		}
	}
	r.body = r.body[n:]
	return present, true
}
