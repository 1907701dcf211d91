package server

import (
	"encoding/binary"
	"io"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzConnection sends bytes to a server. Whatever they are, it does not panic, it answers or closes, and it serves the next client.
func FuzzConnection(f *testing.F) {
	b := start(f, Limits{}, "auto.create.topics.enable=false")
	b.log = slog.New(slog.DiscardHandler) // a fuzz target may not log
	topic := b.create("t", 1)
	var all []byte
	for _, req := range sampleRequests(topic) {
		one := frame(req)
		f.Add(one)
		all = append(all, one...)
	}
	f.Add(all)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{0x16, 3, 1, 0, 0})
	f.Add(binary.BigEndian.AppendUint32(nil, 1<<31))
	f.Fuzz(func(t *testing.T, sent []byte) {
		b := &bench{Server: b.Server, t: t, store: b.store}
		p := b.dial()
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.Write(sent)
			p.Conn.(*memConn).out.end(false)
		}()
		io.Copy(io.Discard, p)
		<-done
		ask[*kmsg.ApiVersionsResponse](b.dial(), apiVersionsRequest(3))
		if n := b.Stats().Panics; n != 0 {
			t.Fatalf("%d panics", n)
		}
	})
}
