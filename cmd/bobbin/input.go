package main

import (
	"context"
	"io"
)

// input is a reader that gives up waiting when its context ends. A read of a terminal cannot be broken off: the one that
// is under way then ends with the process.
type input struct {
	ctx  context.Context
	next chan []byte // what was read, one piece at a time
	err  error       // set before next is closed
	rest []byte
}

func newInput(ctx context.Context, r io.Reader) *input {
	in := &input{ctx: ctx, next: make(chan []byte)}
	go func() {
		defer close(in.next)
		for {
			b := make([]byte, 64<<10)
			n, err := r.Read(b)
			if n > 0 {
				select {
				case in.next <- b[:n]:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				in.err = err
				return
			}
		}
	}()
	return in
}

func (in *input) Read(p []byte) (int, error) {
	if len(in.rest) == 0 {
		select {
		case <-in.ctx.Done():
			return 0, context.Cause(in.ctx)
		case b, ok := <-in.next:
			if !ok {
				if in.err == nil {
					return 0, context.Cause(in.ctx)
				}
				return 0, in.err
			}
			in.rest = b
		}
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}
