package wire

import (
	"encoding/binary"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// AppendResponse appends the frame of resp, the answer to the request with header h, to dst: its length, the
// correlation id, tags where the version has them, and the body in the version that resp is set to. That is the
// request's, except for an ApiVersions request of an unknown version, which is answered in version 0.
func AppendResponse(dst []byte, h Header, resp kmsg.Response) []byte {
	start := len(dst)
	dst = appendResponseHeader(dst, h, resp)
	dst = resp.AppendTo(dst)
	setLength(dst, start, len(dst)-start-4)
	return dst
}

// appendResponseHeader appends a length to be set later and the header.
func appendResponseHeader(dst []byte, h Header, resp kmsg.Response) []byte {
	if resp.Key() != h.Key {
		invariant.Unreachable("a %s request is answered with a %s response", h.Name(), kmsg.NameForKey(resp.Key()))
	}
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.CorrelationID))
	if responseHasTags(h.Key, resp.IsFlexible()) {
		dst = append(dst, 0)
	}
	return dst
}

func setLength(dst []byte, at, n int) {
	invariant.Check(n <= math.MaxInt32, "a response is longer than a frame can be")
	binary.BigEndian.PutUint32(dst[at:], uint32(n))
}
