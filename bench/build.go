package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const brokerModule = "module github.com/bobbinstream/bobbin\n"

// openData makes the directory for the servers' data and returns how to remove what was made.
func (b *bench) openData() (remove func() error, err error) {
	if b.data == "" {
		b.data = "."
	}
	if err := os.MkdirAll(b.data, 0o755); err != nil {
		return nil, fmt.Errorf("make the data directory: %w; name another with -data", err)
	}
	dir, err := os.MkdirTemp(b.data, ".data-")
	if err == nil {
		b.data, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("make the data directory: %w; name another with -data", err)
	}
	return func() error { return os.RemoveAll(dir) }, nil
}

// clear empties a turn's directory and lets the machine settle.
func (b *bench) clear(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the data of a turn: %w", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("make a fresh directory: %w", err)
	}
	return settle(ctx)
}

// build makes the broker's binary from the checkout around the working directory, unless one was given.
func (b *bench) build(ctx context.Context) error {
	if b.bobbin != "" {
		return nil
	}
	root, err := checkout()
	if err != nil {
		return err
	}
	b.bobbin = filepath.Join(b.data, "bobbin")
	_, _, err = run(ctx, root, "go", "build", "-trimpath", "-o", b.bobbin, "./cmd/bobbin")
	return err
}

// checkout returns the directory of the broker's module at or above the working directory.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), brokerModule) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find the checkout: no go.mod of the broker above this directory; run in it, or name a binary with -bobbin")
		}
		dir = filepath.Dir(dir)
	}
}
