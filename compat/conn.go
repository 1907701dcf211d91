package compat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	patience    = 20 * time.Second // for an answer that must come
	maxResponse = 256 << 20        // no answer in these cases is larger
)

// errHungUp says that the broker closed the connection where an answer was due.
var errHungUp = errors.New("the broker closed the connection")

// conn is a connection on which requests are sent as they are, in the version that they name.
type conn struct {
	net.Conn
	next int32
}

func dial(addr string) (*conn, error) {
	nc, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	return &conn{Conn: nc}, nil
}

// send writes one request.
func (c *conn) send(req kmsg.Request) error {
	c.next++
	return c.write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("compat")).AppendRequest(nil, req, c.next))
}

// write sends bytes, whatever they are.
func (c *conn) write(b []byte) error {
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(b); err != nil {
		return hungUp(err)
	}
	return nil
}

// receive reads the answer to the last request.
func (c *conn) receive(req kmsg.Request) (kmsg.Response, error) {
	frame, err := c.frame()
	if err != nil {
		return nil, err
	}
	if got := int32(binary.BigEndian.Uint32(frame)); got != c.next {
		return nil, fmt.Errorf("the answer is to request %d, want %d", got, c.next)
	}
	body := frame[4:]
	if req.IsFlexible() && req.Key() != int16(kmsg.ApiVersions) {
		if len(body) == 0 || body[0] != 0 {
			return nil, errors.New("the response header has tags, or ends too early")
		}
		body = body[1:]
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return resp, nil
}

// frame reads one frame: a correlation id and what follows it.
func (c *conn) frame() ([]byte, error) {
	c.SetDeadline(time.Now().Add(patience))
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, hungUp(err)
	}
	n := int32(binary.BigEndian.Uint32(size[:]))
	if n < 4 || n > maxResponse {
		return nil, fmt.Errorf("the answer claims to have %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		return nil, hungUp(err)
	}
	return b, nil
}

func hungUp(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer in %v: %w", patience, err)
	}
	return fmt.Errorf("%w: %w", errHungUp, err)
}
