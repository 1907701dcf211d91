package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRequestHeaders(t *testing.T) {
	for _, c := range []struct {
		name, frame string
		want        Header
		body        string
	}{
		{"version 0, without a client id", "0007 0000 00000005 00000001", Header{7, 0, 5, ""}, "00000001"},
		{"version 1", "0000 0007 00000102 0003 616263 ffff", Header{0, 7, 258, "abc"}, "ffff"},
		{"version 1, null client id", "0003 0001 ffffffff ffff 00000000", Header{3, 1, -1, ""}, "00000000"},
		{"version 2, with an empty list of tags", "0000 0009 00000001 0001 61 00 01", Header{0, 9, 1, "a"}, "01"},
		{"version 2, with tags", "0001 000c 00000001 0001 61 02 05 02 aabb 81 01 00 77", Header{1, 12, 1, "a"}, "77"},
		{"ApiVersions before it was flexible", "0012 0002 00000001 0001 61", Header{18, 2, 1, "a"}, ""},
		{"ApiVersions, flexible", "0012 0003 00000001 0001 61 00 02 61 02 62 00", Header{18, 3, 1, "a"}, "0261026200"},
		{"ApiVersions of a version to come", "0012 0063 00000001 0001 61 00 99", Header{18, 99, 1, "a"}, "99"},
	} {
		h, body, err := ParseHeader(unhex(t, c.frame))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, h); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if !bytes.Equal(body, unhex(t, c.body)) {
			t.Errorf("%s: body %x, want %s", c.name, body, c.body)
		}
	}
}

func TestRequestHeadersThatAreRefused(t *testing.T) {
	for _, c := range []struct{ name, frame string }{
		{"nothing", ""},
		{"too short", "0000 0007 000001"},
		{"client id longer than the frame", "0000 0007 00000102 0004 616263"},
		{"tags that are not there", "0000 0009 00000001 0001 61 ffffffff0f"},
		{"a tag longer than the frame", "0000 0009 00000001 0001 61 01 05 09 aa"},
		{"a number of tags without an end", "0000 0009 00000001 0001 61 ffffffffffff"},
	} {
		if _, _, err := ParseHeader(unhex(t, c.frame)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", c.name, err)
		}
	}
	for _, c := range []struct {
		name, frame string
		max         int16
	}{
		{"unknown key", "03e7 0001 00000009 0001 61", -1},
		{"negative key", "ffff 0001 00000009 0001 61", -1},
		{"unknown version", "0000 0063 00000009 0001 61", 13},
		{"negative version", "0000 ffff 00000009 0001 61", 13},
	} {
		h, _, err := ParseHeader(unhex(t, c.frame))
		if v := (*VersionError)(nil); !errors.As(err, &v) || v.Max != c.max || h.CorrelationID != 9 {
			t.Errorf("%s: header %+v, error %v, want a *VersionError with at most %d", c.name, h, err, c.max)
		}
	}
}

// The header that kmsg writes for a client is the one that is read here.
func TestHeadersOfEveryVersionAreReadAsTheyWereWritten(t *testing.T) {
	write := kmsg.NewRequestFormatter(kmsg.FormatterClientID("someone"))
	eachVersion(func(h Header) {
		if h.Key == int16(kmsg.ControlledShutdown) && h.Version == 0 {
			return // kmsg gives it a client id
		}
		req := kmsg.RequestForKey(h.Key)
		req.SetVersion(h.Version)
		got, body, err := ParseHeader(write.AppendRequest(nil, req, 42)[4:])
		want := Header{Key: h.Key, Version: h.Version, CorrelationID: 42, ClientID: "someone"}
		if err != nil || got != want || !bytes.Equal(body, req.AppendTo(nil)) {
			t.Errorf("%s version %d: %+v, body %x, error %v", h.Name(), h.Version, got, body, err)
		}
	})
}

func TestResponseHeaders(t *testing.T) {
	apiVersions3 := kmsg.NewPtrApiVersionsResponse()
	apiVersions3.Version = 3
	for _, c := range []struct {
		name string
		h    Header
		resp kmsg.Response
		want string
	}{
		{"without tags", Header{Key: 12, Version: 3, CorrelationID: 258}, &kmsg.HeartbeatResponse{Version: 3}, "0000000a 00000102 00000000 0000"},
		{"with tags", Header{Key: 12, Version: 4, CorrelationID: 258}, &kmsg.HeartbeatResponse{Version: 4}, "0000000c 00000102 00 00000000 0000 00"},
		{"ApiVersions, never with tags", Header{Key: 18, Version: 3, CorrelationID: 1}, apiVersions3, "0000000c 00000001 0000 01 00000000 00"},
		{"ApiVersions of a version to come, answered in version 0", Header{Key: 18, Version: 99, CorrelationID: 1},
			&kmsg.ApiVersionsResponse{ErrorCode: 35}, "0000000a 00000001 0023 00000000"},
	} {
		before := []byte("before")
		got := AppendResponse(before, c.h, c.resp)
		if want := append([]byte("before"), unhex(t, c.want)...); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", c.name, got, want)
		}
	}
	mustPanic(t, "a response to another request", func() {
		AppendResponse(nil, Header{Key: 1}, &kmsg.HeartbeatResponse{})
	})
}

func TestNames(t *testing.T) {
	for key, want := range map[int16]string{0: "Produce", 1: "Fetch", 18: "ApiVersions", 68: "ConsumerGroupHeartbeat", -1: "Unknown", 999: "Unknown"} {
		if got := (Header{Key: key}).Name(); got != want {
			t.Errorf("key %d: %q, want %q", key, got, want)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	write := kmsg.NewRequestFormatter(kmsg.FormatterClientID("c"))
	eachVersion(func(h Header) {
		req := kmsg.RequestForKey(h.Key)
		req.SetVersion(h.Version)
		f.Add(write.AppendRequest(nil, req, 1)[4:])
	})
	f.Fuzz(func(t *testing.T, in []byte) {
		h, body, err := ParseHeader(in)
		if err == nil && (len(body) > len(in) || !bytes.HasSuffix(in, body)) {
			t.Fatalf("%+v: the body is not the end of the frame", h)
		}
		if err == nil {
			_, _ = Decode(h, body)
		}
	})
}
