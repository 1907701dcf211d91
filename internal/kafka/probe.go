package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxProbe bounds an answer to a probe: the metadata of a large cluster.
const maxProbe = 32 << 20

// probe is one connection to one broker, asked by hand, so that what is wrong with it can be told.
type probe struct {
	net.Conn
	id   string
	next int32
}

// errForeign says what answered instead of a broker.
var (
	errTLS    = errors.New("it speaks TLS")
	errHTTP   = errors.New("it speaks HTTP, not the Kafka protocol")
	errClosed = errors.New("it closed the connection without an answer")
)

// ask sends a request in its version and reads the answer.
func (p *probe) ask(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	if d, ok := ctx.Deadline(); ok {
		p.SetDeadline(d)
	}
	p.next++
	if _, err := p.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID(p.id)).AppendRequest(nil, req, p.next)); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(p, head[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
			return nil, errClosed
		}
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	switch {
	case head[0] >= 0x14 && head[0] <= 0x17 && head[1] == 3:
		return nil, errTLS
	case string(head[:]) == "HTTP":
		return nil, errHTTP
	case n < 4 || n > maxProbe:
		return nil, fmt.Errorf("it answered %q, which is not the Kafka protocol", head[:])
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(p, b); err != nil {
		return nil, err
	}
	if id := int32(binary.BigEndian.Uint32(b)); id != p.next {
		return nil, fmt.Errorf("it answered request %d instead of %d", id, p.next)
	}
	body := b[4:]
	if req.IsFlexible() && req.Key() != int16(kmsg.ApiVersions) {
		if len(body) == 0 || body[0] != 0 {
			return nil, errors.New("its answer cannot be read")
		}
		body = body[1:]
	}
	resp := req.ResponseKind()
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("its answer cannot be read: %w", err)
	}
	return resp, nil
}

// versions asks which requests the broker serves.
func (p *probe) versions(ctx context.Context) (map[int16]int16, error) {
	resp, err := p.ask(ctx, kmsg.NewPtrApiVersionsRequest()) // version 0, which every broker knows
	if err != nil {
		return nil, err
	}
	r := resp.(*kmsg.ApiVersionsResponse)
	if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
		return nil, err
	}
	most := make(map[int16]int16, len(r.ApiKeys))
	for _, k := range r.ApiKeys {
		most[k.ApiKey] = k.MaxVersion
	}
	return most, nil
}

// metadata asks about the cluster and all its topics.
func (p *probe) metadata(ctx context.Context, version int16) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = min(version, 12)
	resp, err := p.ask(ctx, req)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.MetadataResponse), nil
}

// speaksHTTP asks an address as a browser would: web servers wait in silence for the end of what they take for a request.
func (c Options) speaksHTTP(ctx context.Context, address string) bool {
	p, err := c.dialProbe(ctx, address)
	if err != nil {
		return false
	}
	defer p.Close()
	head := make([]byte, 4)
	if _, err := io.WriteString(p, "HEAD / HTTP/1.0\r\n\r\n"); err != nil {
		return false
	}
	_, err = io.ReadFull(p, head)
	return err == nil && string(head) == "HTTP"
}

// dialProbe connects within a bounded time.
func (c Options) dialProbe(ctx context.Context, address string) (*probe, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	nc, err := c.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	nc.SetDeadline(time.Now().Add(c.Timeout))
	return &probe{Conn: nc, id: c.ClientID}, nil
}
