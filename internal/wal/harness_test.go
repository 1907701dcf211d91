package wal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is how long a test waits for what must happen.
const patient = 20 * time.Second

// smallOptions makes files end early. Salts count from 1, and nothing is sealed.
func smallOptions(fsys vfs.FS) Options {
	salt := uint64(0)
	return Options{FS: fsys, Dir: "wal", FileSize: 128 << 10, MaxBytes: 1 << 20, SealAfter: -1, Salt: func() uint64 { salt++; return salt }}
}

func mustOpen(t testing.TB, o Options, from Position) *Log {
	t.Helper()
	end := End{Next: Start()}
	if files, err := o.FS.List(o.Dir); err == nil && len(files) > 0 {
		if end, err = Scan(o.FS, o.Dir, from, func(Frame) error { return nil }); err != nil {
			t.Fatalf("Scan: %v", err)
		}
	}
	l, err := Open(o, end)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return l
}

func mustClose(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// fact is an entry that says which it is.
type fact struct {
	Entry
	n    int
	told chan error // buffered
}

func newFact(n, size int, within time.Duration) *fact {
	body := body(n, size)
	f := &fact{n: n, told: make(chan error, 1)}
	head := fmt.Appendf(nil, "head %d", n)
	f.Entry = Entry{Kind: 1, Topic: [16]byte{byte(n), 7}, Partition: int32(n % 5), Offset: int64(n), Head: head, Body: body, BodyCRC: Checksum(body), Within: within, Done: f}
	return f
}

func body(n, size int) []byte {
	b := fmt.Appendf(nil, "fact %d;", n)
	return append(b, bytes.Repeat([]byte{byte(n)}, max(0, size-len(b)))...)
}

func (f *fact) Committed(e *Entry, err error) { f.told <- err }

func (f *fact) size() int { return len(f.Head) + len(f.Body) }

// put reserves and appends without waiting for the answer.
func put(ctx context.Context, l *Log, f *fact) error {
	if err := l.Reserve(ctx, f.size(), Normal); err != nil {
		return err
	}
	l.Append(&f.Entry)
	return nil
}

func mustPut(t testing.TB, l *Log, f *fact) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if err := put(ctx, l, f); err != nil {
		t.Fatalf("fact %d: %v", f.n, err)
	}
}

// commit puts and waits for the answer.
func commit(t testing.TB, l *Log, f *fact) {
	t.Helper()
	mustPut(t, l, f)
	if err := <-f.told; err != nil {
		t.Fatalf("fact %d: %v", f.n, err)
	}
}

// found is what Scan shows, copied.
type found struct {
	n   int
	ref Ref
}

// scanFacts reads a log and checks that every frame is a fact as it was written.
func scanFacts(fsys vfs.FS, from Position, sizes func(n int) int) (all []found, end End, err error) {
	end, err = Scan(fsys, "wal", from, func(f Frame) error {
		n := int(f.Offset)
		want := newFact(n, sizes(n), 0)
		if f.Kind != want.Kind || f.Topic != want.Topic || f.Partition != want.Partition || !bytes.Equal(f.Payload, append(bytes.Clone(want.Head), want.Body...)) {
			return fmt.Errorf("a frame that was never written: kind %d, offset %d, %.40q", f.Kind, f.Offset, f.Payload)
		}
		all = append(all, found{n, f.Ref})
		return nil
	})
	return all, end, err
}

func sameSize(size int) func(int) int { return func(int) int { return size } }

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patient); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patient)
		}
	}
}

func isFailed(err error) bool {
	var f *FailedError
	return errors.As(err, &f)
}
