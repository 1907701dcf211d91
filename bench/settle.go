package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	dirtyEnough = 10e6            // bytes of dirty pages that may be left before a turn
	settleLimit = 3 * time.Minute // a machine that cannot write its pages in this time is not measured
	settleEvery = 50 * time.Millisecond
)

// settle writes the system's dirty pages and waits until few are left, so that no turn pays for the one before.
func settle(ctx context.Context) error {
	syscall.Sync()
	deadline := time.Now().Add(settleLimit)
	for {
		text, err := os.ReadFile("/proc/meminfo")
		if err != nil {
			return fmt.Errorf("read dirty pages: %w", err)
		}
		dirty := kilobytes(text, "Dirty") + kilobytes(text, "Writeback")
		if dirty < dirtyEnough {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("wait for dirty pages: still %.0f MB after %v; stop what else writes on this machine", dirty/1e6, settleLimit)
		}
		if err := pause(ctx, settleEvery); err != nil {
			return err
		}
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// touch writes to gib gibibytes of memory and frees them: on a virtual machine the first touch of a page is much dearer than later ones.
func touch(gib int) error {
	const piece = 64 << 20
	pieces := make([][]byte, 0, gib<<30/piece)
	defer func() {
		for _, p := range pieces {
			_ = syscall.Munmap(p)
		}
	}()
	for range cap(pieces) {
		p, err := syscall.Mmap(-1, 0, piece, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			return fmt.Errorf("touch %d GiB of memory: %w; give a smaller -touch", gib, err)
		}
		pieces = append(pieces, p)
		for at := 0; at < piece; at += os.Getpagesize() {
			p[at] = 1
		}
	}
	return nil
}
