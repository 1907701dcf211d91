package server

import (
	"encoding/binary"
	"io"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzConnection sends bytes to a server. Whatever they are, it does not panic, it answers or closes, and it serves the next client.
func FuzzConnection(f *testing.F) {
	b := start(f, Limits{}, "auto.create.topics.enable=false")
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
		p := b.dial()
		defer p.Close()
		p.t = t
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.Write(sent)
			p.Conn.(*memConn).out.end(false)
		}()
		io.Copy(io.Discard, p)
		<-done
		other := b.dial()
		defer other.Close()
		other.t = t
		ask[*kmsg.ApiVersionsResponse](other, apiVersionsRequest(3))
		if n := b.Stats().Panics; n != 0 {
			t.Fatalf("%d panics", n)
		}
	})
}
