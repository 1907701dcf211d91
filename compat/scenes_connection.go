package compat

import (
	"encoding/binary"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// connectionScenes are about what comes before a request is understood.
func connectionScenes() []scene {
	once := []int16{0}
	// header is a frame with an API key and version, a client id, and what follows.
	header := func(key, version int16, rest ...byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(14+len(rest)))
		b = binary.BigEndian.AppendUint16(b, uint16(key))
		b = binary.BigEndian.AppendUint16(b, uint16(version))
		b = binary.BigEndian.AppendUint32(b, 1)
		b = append(b, 0, 4, 't', 'e', 's', 't')
		return append(b, rest...)
	}
	apiVersions := func(name, version string) *kmsg.ApiVersionsRequest {
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion = name, version
		return req
	}
	code := func(r *run, label string, v int16, req *kmsg.ApiVersionsRequest) {
		if resp, ok := r.note(label, v, req).(*kmsg.ApiVersionsResponse); ok {
			r.keepErrorOnly(label, resp.ErrorCode)
		}
	}
	return []scene{
		{"api-versions", once, func(r *run, _ int16) {
			resp := must(ask[kmsg.ApiVersionsResponse](r, apiVersions("compat", "1.0")))
			for _, k := range resp.ApiKeys {
				name := kmsg.NameForKey(k.ApiKey)
				r.out[name+".min"], r.out[name+".max"] = strconv.Itoa(int(k.MinVersion)), strconv.Itoa(int(k.MaxVersion))
			}
		}},
		{"connection/unknown-api", once, func(r *run, _ int16) {
			r.noteBytes("key 999", header(999, 0))
			r.noteBytes("key -1", header(-1, 0))
			r.noteBytes("key 4, of brokers only", header(4, 0, make([]byte, 20)...))
		}},
		{"connection/unsupported-version", once, func(r *run, _ int16) {
			r.noteBytes("metadata 99", header(3, 99, 0, 1, 0, 0))
			r.noteBytes("metadata -1", header(3, -1, 0, 0, 0, 0))
			r.noteBytes("fetch 3", header(1, 3, make([]byte, 30)...))
			r.noteBytes("fetch 99", header(1, 99, make([]byte, 30)...))
			r.noteBytes("list offsets 0", header(2, 0, make([]byte, 8)...))
			r.noteBytes("list offsets 99", header(2, 99, make([]byte, 8)...))
			r.noteBytes("create topics 99", header(19, 99, make([]byte, 8)...))
			r.noteBytes("produce 99", header(0, 99, make([]byte, 12)...))
			r.noteBytes("init producer id 99", header(22, 99, make([]byte, 12)...))
		}},
		{"connection/api-versions", []int16{0, 1, 2, 3, 4}, func(r *run, v int16) {
			code(r, "good", v, apiVersions("compat", "1.0"))
			code(r, "empty name", v, apiVersions("", ""))
			code(r, "bad name", v, apiVersions("-compat", "1.0"))
			code(r, "name of one letter", v, apiVersions("c", "1"))
			code(r, "bad version", v, apiVersions("compat", "1 0"))
			r.noteAlive("after")
		}},
		{"connection/api-versions-unknown", []int16{99}, func(r *run, v int16) {
			r.noteVersionZero("answer", header(18, v, 0, 1, 1, 0))
			r.noteAlive("after")
		}},
		{"connection/garbage", once, func(r *run, _ int16) {
			r.noteBytes("http", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
			r.noteBytes("tls", []byte{0x16, 3, 1, 0, 0xf1, 1, 0, 0, 0xed, 3, 3, 1, 2, 3, 4, 5})
			r.noteBytes("length -1", []byte{0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0})
			r.noteBytes("length 0", []byte{0, 0, 0, 0})
			r.noteBytes("length 4", []byte{0, 0, 0, 4, 0, 3, 0, 0})
			r.noteBytes("length over the limit", []byte{0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0})
			r.noteBytes("one over 100 MiB", []byte{0x06, 0x40, 0, 1, 0, 3, 0, 0})
			r.noteBytes("client id longer than the frame", []byte{0, 0, 0, 10, 0, 3, 0, 0, 0, 0, 0, 1, 0x7f, 0xff})
		}},
		{"connection/bad-bodies", once, func(r *run, _ int16) {
			r.noteBytes("metadata 1 cut", header(3, 1, 0, 0))
			r.noteBytes("metadata 1 with a huge count", header(3, 1, 0x7f, 0xff, 0xff, 0xff))
			r.noteBytes("metadata 1 with count -2", header(3, 1, 0xff, 0xff, 0xff, 0xfe))
			r.noteBytes("metadata 0 with null", header(3, 0, 0xff, 0xff, 0xff, 0xff))
			r.noteBytes("metadata 1 with more bytes", header(3, 1, 0xff, 0xff, 0xff, 0xff, 1, 2, 3))
			r.noteBytes("metadata 9 cut", header(3, 9, 0, 200))
			r.noteBytes("produce 3 cut", header(0, 3, 0xff, 0xff, 0xff, 0xff, 0, 0))
			r.noteBytes("produce 3 with records longer than the frame", header(0, 3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 100, 0, 0, 0, 1, 0, 1, 'a', 0, 0, 0, 1, 0, 0, 0, 0, 0x7f, 0, 0, 0))
			r.noteBytes("fetch 4 cut", header(1, 4, 0xff, 0xff, 0xff, 0xff))
		}},
	}
}
