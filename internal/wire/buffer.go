package wire

import (
	"sync/atomic"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// Buffer is counted memory from a Pool. It starts with one holder, who got it from the Pool; every Retain adds a holder
// and every Release takes one away. When the last one lets go, the memory goes back to the Pool and a slice of it must
// not be read any more.
//
// The Buffer itself is never used again, only its memory: a Release too many is found, however late it comes.
type Buffer struct {
	pool    *Pool
	mem     []byte
	holders atomic.Int32
}

// Bytes returns the buffer's bytes. They are valid as long as the caller holds the buffer.
func (b *Buffer) Bytes() []byte {
	invariant.Check(b.holders.Load() > 0, "a buffer is read after its last release")
	return b.mem
}

// Retain adds a holder. Only a holder may call it.
func (b *Buffer) Retain() {
	n := b.holders.Add(1)
	invariant.Check(n > 1, "a buffer is retained after its last release (%d holders)", n)
}

// Release lets go of the buffer.
func (b *Buffer) Release() {
	n := b.holders.Add(-1)
	invariant.Check(n >= 0, "a buffer is released more often than it is held (%d holders)", n)
	if n > 0 {
		return
	}
	mem := b.mem
	b.mem = nil
	b.pool.put(mem)
}

// grow gives the buffer n bytes and keeps the first used ones. Only a buffer with a single holder may grow.
func (b *Buffer) grow(used, n int) {
	invariant.Check(b.holders.Load() == 1, "a buffer grows while it is shared")
	if n <= cap(b.mem) {
		b.mem = b.mem[:n]
		return
	}
	mem := b.pool.take(n)
	copy(mem, b.mem[:used])
	b.pool.put(b.mem)
	b.mem = mem
}
