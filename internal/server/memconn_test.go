package server

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What is written is read, in order, whatever the pieces; the writer waits when the buffer is full.
func TestMemConnCarriesBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := memPipe()
		defer a.Close()
		defer b.Close()
		sent := make([]byte, rapid.IntRange(0, 3*memBuffer).Draw(t, "size"))
		for i := range sent {
			sent[i] = byte(i * 7)
		}
		piece := rapid.IntRange(1, 2*memBuffer).Draw(t, "piece")
		var wg sync.WaitGroup
		wg.Go(func() {
			for left := sent; len(left) > 0; {
				n, _ := a.Write(left[:min(piece, len(left))])
				left = left[n:]
			}
			a.Close()
		})
		r := rand.New(rand.NewPCG(1, 2))
		var got []byte
		buf := make([]byte, 64<<10)
		for {
			n, err := b.Read(buf[:1+r.IntN(len(buf))])
			got = append(got, buf[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		wg.Wait()
		if !bytes.Equal(got, sent) {
			t.Fatalf("%d bytes came of %d, or others", len(got), len(sent))
		}
	})
}

func TestMemConnDeadlines(t *testing.T) {
	a, b := memPipe()
	defer b.Close()
	a.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	a.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	if n, err := a.Write(make([]byte, 2*memBuffer)); n != memBuffer || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %d, %v", n, err)
	}
	a.SetDeadline(time.Time{})
	b.Write([]byte("x"))
	if n, err := a.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("read without a deadline: %d, %v", n, err)
	}
	done := make(chan error)
	go func() {
		_, err := a.Read(make([]byte, 1))
		done <- err
	}()
	a.SetReadDeadline(time.Now())
	if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read that was waiting: %v", err)
	}
	a.Close()
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	if _, err := b.Write([]byte("x")); err == nil {
		t.Error("the other end still writes")
	}
}
