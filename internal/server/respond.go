package server

import (
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
	"github.com/bobbinstream/bobbin/internal/wire"
)

// write answers the calls in the queue until it is closed. When the connection is gone it still waits for all that was started.
func (c *conn) write() {
	for call := range c.queue {
		c.answer(call)
		if len(c.queue) == 0 {
			c.flush()
		}
		c.open.Add(-1)
	}
	c.flush()
}

// answer does what a call asks for, unless the reader has started that, and puts the response into the buffer.
func (c *conn) answer(call *call) {
	if call.produce == nil {
		defer c.alone.Done()
	}
	defer c.settle(call)
	defer func() {
		if p := recover(); p != nil {
			c.gone = true
			c.panicked(p)
		}
	}()
	if call.ruling != nil {
		c.answerAsRuled(call)
		return
	}
	c.respond(call)
}

// respond does what a call asks for and puts the response into the buffer, or sends it.
func (c *conn) respond(call *call) {
	if call.produce != nil {
		c.answerProduce(call)
		return
	}
	c.flush() // what is alone may take its time
	switch {
	case c.gone:
		return
	case call.head.Key == keyFetch && call.reply == nil:
		c.answerFetch(call)
		return
	}
	resp := call.reply
	if resp == nil {
		r := &request{srv: c.srv, body: call.body, peer: c.peer(call.head.ClientID), host: c.host, port: c.port}
		if key := call.head.Key; key == keyJoinGroup || key == keySyncGroup {
			c.settle(call) // a member that waits for the others does not keep them out
		}
		resp = c.srv.apis.find(call.head.Key).handle(c.ctx, r)
	}
	c.out = wire.AppendResponse(c.out, call.head, resp)
}

// peer is who sent a request, as groups show it.
func (c *conn) peer(clientID string) group.Client {
	host := c.nc.RemoteAddr().String()
	if c.ip.IsValid() {
		host = c.ip.String()
	}
	return group.Client{ID: clientID, Host: "/" + host}
}

func (c *conn) answerFetch(call *call) {
	f := &c.fetch
	defer f.release()
	err := f.open(call.body.(*kmsg.FetchRequest))
	call.body = nil
	c.settle(call) // a fetch that waits does not keep others out
	resp, spans := f.answer(c.ctx, err)
	if c.ctx.Err() == nil {
		c.send(f.encoder.Encode(call.head, resp, spans)...)
		c.srv.stats.fetch.add(time.Since(call.start) - f.waited)
	}
}

// flush writes the responses in the buffer.
func (c *conn) flush() {
	if len(c.out) == 0 {
		return
	}
	c.send(c.out)
	if c.out = c.out[:0]; cap(c.out) > 4*outBuffer {
		c.out = nil
	}
}

// send writes to the peer, within a bounded time.
func (c *conn) send(bufs ...[]byte) {
	if c.gone || c.mute {
		return
	}
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	c.nc.SetWriteDeadline(time.Now().Add(c.srv.conf.allow(c.srv.conf.ResponseTime, size)))
	var err error
	if len(bufs) == 1 {
		_, err = c.nc.Write(bufs[0])
	} else {
		list := net.Buffers(bufs)
		_, err = list.WriteTo(c.nc)
	}
	if err != nil {
		c.hangUp()
		return
	}
	c.srv.stats.bytesOut.Add(int64(size))
}

// hangUp closes the connection from the writer's side.
func (c *conn) hangUp() {
	c.gone = true
	c.cancel()
	c.nc.Close()
}
