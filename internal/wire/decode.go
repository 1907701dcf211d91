package wire

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxDecoded bounds the memory of a decoded request, apart from the frame in which its records stay. A Fetch of
// 500,000 partitions takes less.
const maxDecoded = 64 << 20

// Decode reads the body of a request. Fields of type []byte lie within body; strings are copies.
//
// A version that is not known is a *VersionError. A body that ends early, that declares more elements than its bytes can
// hold or that would take over 64 MiB of memory wraps ErrMalformed. Bytes after the last field are left alone, as kmsg
// does.
func Decode(h Header, body []byte) (kmsg.Request, error) {
	if err := checkVersion(h); err != nil {
		return nil, err
	}
	if err := check(h, body); err != nil {
		return nil, err
	}
	req := kmsg.RequestForKey(h.Key)
	req.SetVersion(h.Version)
	if err := read(req, body); err != nil {
		return nil, fmt.Errorf("wire: %s request, version %d, of %d bytes: %w: %w", h.Name(), h.Version, len(body), ErrMalformed, err)
	}
	return req, nil
}

// check walks over the body before kmsg takes memory for what it declares.
func check(h Header, body []byte) error {
	w := newWalker(h, body)
	w.fields(shapes[h.Key])
	switch {
	case w.bad:
		return fmt.Errorf("wire: %s request, version %d, of %d bytes: %w: a field ends after the body",
			h.Name(), h.Version, len(body), ErrMalformed)
	case !w.ok():
		return fmt.Errorf("wire: %s request, version %d, of %d bytes: %w: its elements take over %d bytes of memory; split the request",
			h.Name(), h.Version, len(body), ErrMalformed, maxDecoded)
	}
	return nil
}

// read lets kmsg decode. The check above keeps it within the body; should it panic all the same, that ends one request
// and not the process.
func read(req kmsg.Request, body []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoder panicked: %v", p)
		}
	}()
	return req.ReadFrom(body)
}
