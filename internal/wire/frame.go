package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Errors for a peer that speaks another protocol; a *FrameError wraps them.
var (
	ErrHTTP = errors.New("the peer speaks HTTP, but this port speaks the Kafka protocol: use the address that was given for HTTP")
	ErrTLS  = errors.New("the peer speaks TLS, but this listener speaks plain text: turn TLS off in the client or connect to a TLS listener")
)

// FrameError says why a frame was refused. The connection must be closed: where the next frame starts is not known.
type FrameError struct {
	Length int64 // the length that the frame declares
	Limit  int   // the longest frame that is read
	Err    error // ErrHTTP, ErrTLS, or nil for a length out of bounds
}

func (e *FrameError) Error() string {
	switch {
	case e.Err != nil:
		return "wire: read frame: " + e.Err.Error()
	case e.Length < 0:
		return fmt.Sprintf("wire: read frame: negative length %d: the peer does not speak the Kafka protocol", e.Length)
	}
	return fmt.Sprintf("wire: read frame: length %d is over the limit of %d bytes: send smaller requests or raise socket.request.max.bytes", e.Length, e.Limit)
}

func (e *FrameError) Unwrap() error { return e.Err }

// Memory for a frame is what the pool has kept, which costs nothing more. When there is none of that size it is taken as
// the bytes arrive: firstStep at once, then growth times what has arrived. So a peer that declares much and sends little
// makes the process larger by at most max(firstStep, growth × what it sent).
const (
	firstStep = 4 << 10
	growth    = 8
)

// ReadFrame reads one frame, a length of 4 bytes and as many bytes, and returns them without the length. The caller
// holds the buffer.
//
// At the end of r before the first byte the error is io.EOF itself; an end within a frame is io.ErrUnexpectedEOF. A
// length that is negative or over limit is a *FrameError, before any memory is taken.
func ReadFrame(r io.Reader, pool *Pool, limit int) (*Buffer, error) {
	var prefix [4]byte
	if n, err := io.ReadFull(r, prefix[:]); err != nil {
		if n == 0 && err == io.EOF {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("wire: read frame length: %w", err)
	}
	length := int64(int32(binary.BigEndian.Uint32(prefix[:])))
	if length < 0 || length > int64(limit) {
		return nil, &FrameError{Length: length, Limit: limit, Err: foreign(prefix)}
	}
	n := int(length)
	b := pool.recycled(n)
	if b == nil {
		b = pool.Get(min(n, firstStep))
	}
	for read := 0; ; {
		got, err := io.ReadFull(r, b.mem[read:])
		read += got
		if err != nil {
			b.Release()
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("wire: read frame of %d bytes, after %d: %w", n, read, err)
		}
		if read == n {
			return b, nil
		}
		b.grow(read, min(n, read*growth))
	}
}

// foreign recognises another protocol by the first bytes of a connection. It is asked only about lengths out of bounds,
// so no frame within the limit is taken for something else.
func foreign(prefix [4]byte) error {
	switch string(prefix[:]) {
	case "GET ", "HEAD", "POST", "PUT ", "DELE", "CONN", "OPTI", "TRAC", "PATC", "PRI ":
		return ErrHTTP
	}
	if prefix[0] == 0x16 && prefix[1] == 0x03 { // a TLS record: handshake, version 3.x
		return ErrTLS
	}
	return nil
}
