package server

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/wire"
)

// Overruler decides about requests before anything is done about them: package bobbintest makes its faults so. It is called by the goroutine that reads
// a connection, in the order of the requests, and must not keep the request.
type Overruler func(clientID string, req kmsg.Request) Ruling

// Ruling is what becomes of a request. The zero Ruling has it handled.
type Ruling struct {
	Delay  time.Duration // before anything else; what the connection sends behind it waits too
	Answer kmsg.Response // instead of what the server would say
	Drop   bool          // no answer: the connection is closed
	Handle bool          // with Answer or Drop: the request is handled all the same, and only what is said about it differs
}

// errDropped ends a connection as a test wants it.
var errDropped = errors.New("a test wants the connection to break")

// consult asks about a call. An error ends the connection; the answers to the requests before it still leave.
func (c *conn) consult(call *call) error {
	if call.body == nil {
		return nil
	}
	r := c.srv.rules(call.head.ClientID, call.body)
	if r.Delay > 0 {
		timer := time.NewTimer(r.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.srv.draining:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
	if p := call.produce; p != nil && p.req.Acks == 0 && r.Answer != nil {
		r.Answer, r.Drop = nil, true // there is no answer that could be another one
	}
	if r.Answer != nil {
		r.Answer.SetVersion(call.head.Version)
	}
	switch {
	case r.Answer == nil && !r.Drop:
	case r.Handle:
		call.ruling = &r
	case r.Drop:
		return errDropped
	default:
		call.reply, call.produce = r.Answer, nil
	}
	return nil
}

// answerAsRuled handles a call in silence and answers otherwise, or not at all.
func (c *conn) answerAsRuled(call *call) {
	c.flush() // what was said before stays said
	instead := call.ruling
	c.mute = true
	c.respond(call)
	c.out, c.mute = c.out[:0], false
	switch {
	case c.gone:
	case instead.Drop:
		c.hangUp()
	default:
		c.out = wire.AppendResponse(c.out, call.head, instead.Answer)
	}
}
