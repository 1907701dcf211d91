package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const keyApiVersions = int16(kmsg.ApiVersions)

// Header is the header of a request. A reply carries its correlation id.
type Header struct {
	Key, Version  int16
	CorrelationID int32
	ClientID      string // "" when the client gave none
}

// Name returns the name of the request for logs and metrics, "Unknown" for a key that is not known.
func (h Header) Name() string { return kmsg.NameForKey(h.Key) }

// ErrMalformed is wrapped by errors about bytes that are not a request.
var ErrMalformed = errors.New("malformed request")

// VersionError says that a request's key, or its version of that key, is not known. The header before it was read.
type VersionError struct {
	Header Header
	Max    int16 // the newest version that is known, -1 when the key is not
}

func (e *VersionError) Error() string {
	if e.Max < 0 {
		return fmt.Sprintf("wire: request with unknown key %d, version %d, from client %q", e.Header.Key, e.Header.Version, e.Header.ClientID)
	}
	return fmt.Sprintf("wire: %s request with version %d from client %q: versions 0 to %d are known",
		e.Header.Name(), e.Header.Version, e.Header.ClientID, e.Max)
}

// ParseHeader reads the header of a request frame and returns it and the body. The body lies within frame.
//
// A key or version that is not known gives a *VersionError, together with what could be read: key, version and
// correlation id. ApiVersions is the exception: its header can be read in every version, because a client asks with
// the newest version that it knows; its *VersionError comes from Decode and is answered with an ApiVersionsResponse of
// version 0.
func ParseHeader(frame []byte) (Header, []byte, error) {
	if len(frame) < 8 {
		return Header{}, nil, fmt.Errorf("wire: request header: %w: %d bytes, at least 8 are needed", ErrMalformed, len(frame))
	}
	h := Header{
		Key:           int16(binary.BigEndian.Uint16(frame)),
		Version:       int16(binary.BigEndian.Uint16(frame[2:])),
		CorrelationID: int32(binary.BigEndian.Uint32(frame[4:])),
	}
	version, err := requestHeaderVersion(h)
	if err != nil {
		return h, nil, err
	}
	r := reader{src: frame[8:]}
	if version >= 1 {
		h.ClientID = string(r.nullable(int(int16(r.uint16()))))
	}
	if version >= 2 {
		r.skipTags()
	}
	if r.bad {
		return h, nil, fmt.Errorf("wire: request header of %s, version %d: %w: client id or tags end after the frame", h.Name(), h.Version, ErrMalformed)
	}
	return h, r.src, nil
}

// requestHeaderVersion returns 0, 1 or 2: header 0 has no client id, header 2 has tags.
func requestHeaderVersion(h Header) (int, error) {
	if h.Key == keyApiVersions {
		if h.Version >= 3 {
			return 2, nil
		}
		return 1, nil
	}
	if h.Key == int16(kmsg.ControlledShutdown) && h.Version == 0 {
		return 0, nil
	}
	if err := checkVersion(h); err != nil {
		return 0, err
	}
	if h.Version >= versions[h.Key].flexible {
		return 2, nil
	}
	return 1, nil
}

// known says which versions of a request are known and the first one that is flexible.
type known struct{ max, flexible int16 }

var versions = func() (list [len(shapes)]known) {
	for key := range list {
		k := known{max: -1, flexible: math.MaxInt16}
		if req := kmsg.RequestForKey(int16(key)); req != nil {
			k.max = req.MaxVersion()
			for v := k.max; v >= 0; v-- {
				if req.SetVersion(v); req.IsFlexible() {
					k.flexible = v
				}
			}
		}
		list[key] = k
	}
	return list
}()

// checkVersion returns a *VersionError unless key and version are known.
func checkVersion(h Header) error {
	if h.Key < 0 || int(h.Key) >= len(versions) {
		return &VersionError{Header: h, Max: -1}
	}
	if limit := versions[h.Key].max; h.Version < 0 || h.Version > limit {
		return &VersionError{Header: h, Max: limit}
	}
	return nil
}

// responseHasTags reports whether the response's header has tags. That of ApiVersions never has: a client that does
// not know yet what the broker speaks must be able to read it.
func responseHasTags(key int16, flexible bool) bool {
	return flexible && key != keyApiVersions
}
