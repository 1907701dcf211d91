package kafka

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// answering is a listener that answers every connection with the same bytes, and closes it unless it hangs.
func answering(t *testing.T, text string, hang, http bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4)
			io.ReadFull(c, b)
			if string(b) == "HEAD" && http {
				io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
			}
			io.WriteString(c, text)
			if hang {
				io.Copy(io.Discard, c)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// What answers instead of a broker is told by what it says.
func TestDiagnoseForeignServers(t *testing.T) {
	for _, c := range []struct {
		name, text string
		hang       bool
		want       string
	}{
		{"TLS", "\x15\x03\x01\x00\x02\x02\x28", false, "expects TLS"},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", false, "web server"},
		{"nothing", "", false, "TLS or a login"},
		{"HTTP that waits for a line", "", false, "web server"},
		{"silence", "", true, "does not answer"},
		{"nonsense", "220 mail.example ESMTP\r\n", false, "is it a Kafka broker"},
		{"a broken answer", "\x00\x00\x00\x05\x00\x00\x00\x01\x00", false, "is it a Kafka broker"},
		{"the answer to another request", "\x00\x00\x00\x06\x00\x00\x00\x07\x00\x00", false, "is it a Kafka broker"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Diagnose(context.Background(), Options{Brokers: []string{answering(t, c.text, c.hang, strings.HasPrefix(c.name, "HTTP"))}, Timeout: 200 * time.Millisecond})
			last := d.Findings[len(d.Findings)-1]
			if d.OK() || d.Reached || last.Step != "speak" || !strings.Contains(last.Hint, c.want) {
				t.Errorf("%+v", d.Findings)
			}
		})
	}
}

// An address without a port has Kafka's, and one that is none is a finding, not a failure.
func TestDiagnoseAddresses(t *testing.T) {
	var dialled []string
	o := Options{Brokers: []string{"broker.example", "[::1]:7"}, Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		dialled = append(dialled, address)
		return nil, net.ErrClosed
	}}
	if d := Diagnose(context.Background(), o); d.OK() || len(d.Findings) != 2 {
		t.Errorf("%+v", d.Findings)
	}
	if got := strings.Join(dialled, " "); got != "broker.example:9092 [::1]:7" {
		t.Errorf("dialled %s", got)
	}
}
