package main

import (
	"context"
	"os"
	"path/filepath"
)

// server starts a broker whose data is below dir, and returns when it accepts connections.
type server func(ctx context.Context, dir string) (*process, error)

// bobbinArgs is the command line of the broker under test.
func (b *bench) bobbinArgs(dir, addr string) []string {
	return []string{b.bobbin, "serve", "--data", filepath.Join(dir, "data"), "--listen", addr, "--durability", "sync"}
}

func (b *bench) startBobbin(ctx context.Context, dir string) (*process, error) {
	return b.startBobbinWith(ctx, dir, nil)
}

// startBobbinWith starts the broker under test with more in its environment.
func (b *bench) startBobbinWith(ctx context.Context, dir string, env []string) (*process, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return startReady(ctx, "bobbin", addr, dir, append(os.Environ(), env...), b.bobbinArgs(dir, addr)...)
}

// startNull gives a starter of the null broker: mode is none, append or sync.
func (b *bench) startNull(mode string) server {
	return func(ctx context.Context, dir string) (*process, error) {
		addr, err := freeAddress()
		if err != nil {
			return nil, err
		}
		return startReady(ctx, "null broker", addr, dir, os.Environ(), b.limits, "null", addr, mode)
	}
}

func (b *bench) startKfake(ctx context.Context, dir string) (*process, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return startReady(ctx, "kfake", addr, dir, os.Environ(), b.limits, "kfake", addr)
}
