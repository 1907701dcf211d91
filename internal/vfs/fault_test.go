package vfs

import (
	"bytes"
	"errors"
	"syscall"
	"testing"
)

func TestARuleTakesEffectWhenItSays(t *testing.T) {
	tests := map[string]struct {
		rule *Rule
		want string // of five syncs of orders-0/1.log, which fail
	}{
		"once":          {&Rule{Op: OpSync}, "x----"},
		"later":         {&Rule{Op: OpSync, After: 3}, "---x-"},
		"some times":    {&Rule{Op: OpSync, After: 1, Times: 2}, "-xx--"},
		"for ever":      {&Rule{Op: OpSync, After: 2, Times: -1}, "--xxx"},
		"any operation": {&Rule{Op: OpAny, Times: -1}, "xxxxx"},
		"by name":       {&Rule{Op: OpSync, Name: "*.log"}, "x----"},
		"by directory":  {&Rule{Op: OpSync, Name: "orders-*/1.log"}, "x----"},
		"another name":  {&Rule{Op: OpSync, Name: "*.idx"}, "-----"},
		"another op":    {&Rule{Op: OpWrite}, "-----"},
		"too long":      {&Rule{Op: OpSync, Name: "a/b/orders-0/1.log"}, "-----"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.rule.Err = syscall.EIO
			m := newMem(t)
			must(t, m.MkdirAll(at("orders-0")))
			f := &faultFile{File: mustOpen(t, m, at("orders-0/1.log"), Create), f: &faultFS{fs: m, rules: []*Rule{tt.rule}}}
			got := ""
			for range 5 {
				switch err := f.Sync(); {
				case err == nil:
					got += "-"
				case errors.Is(err, syscall.EIO):
					got += "x"
				default:
					t.Fatal(err)
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if want := bytes.Count([]byte(got), []byte("x")); tt.rule.Hits() != want {
				t.Errorf("Hits() = %d, want %d", tt.rule.Hits(), want)
			}
			tt.rule.Disable()
			must(t, f.Sync())
		})
	}
}

func TestEveryOperationCanFail(t *testing.T) {
	ops := map[Op]func(fsys FS, f File) error{
		OpOpen:     func(fsys FS, f File) error { _, err := fsys.Open(at("f"), ReadOnly); return err },
		OpRead:     func(fsys FS, f File) error { _, err := f.ReadAt(make([]byte, 1), 0); return err },
		OpWrite:    func(fsys FS, f File) error { _, err := f.WritevAt([][]byte{{1}}, 0); return err },
		OpSync:     func(fsys FS, f File) error { return f.Sync() },
		OpSyncDir:  func(fsys FS, f File) error { return fsys.SyncDir(memDir) },
		OpSyncFS:   func(fsys FS, f File) error { return fsys.SyncFS(memDir) },
		OpRename:   func(fsys FS, f File) error { return fsys.Rename(at("f"), at("g")) },
		OpRemove:   func(fsys FS, f File) error { return fsys.Remove(at("g")) },
		OpTruncate: func(fsys FS, f File) error { return f.Truncate(1) },
		OpAllocate: func(fsys FS, f File) error { return f.Allocate(0, 1) },
		OpMkdir:    func(fsys FS, f File) error { return fsys.MkdirAll(at("d")) },
		OpList:     func(fsys FS, f File) error { _, err := fsys.List(memDir); return err },
		OpLock:     func(fsys FS, f File) error { _, err := fsys.Lock(at("l")); return err },
	}
	for op := OpOpen; op <= OpLock; op++ {
		m := newMem(t)
		write(t, mustOpen(t, m, at("f"), Create), []byte("x"), 0)
		rule := &Rule{Op: op, Err: syscall.EIO}
		if op == OpOpen {
			rule.After = 1 // the one below
		}
		fsys := WithFaults(m, rule)
		f := mustOpen(t, fsys, at("f"), ReadWrite)
		if err := ops[op](fsys, f); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v", op, err)
		}
		if op == OpRemove {
			must(t, fsys.Rename(at("f"), at("g")))
		}
		if err := ops[op](fsys, f); err != nil {
			t.Errorf("%s, the second time: %v", op, err)
		}
	}
}

func TestFaultsOfReadingMeetEveryWayToRead(t *testing.T) {
	m := newMem(t)
	write(t, mustOpen(t, m, at("f"), Create), []byte("x"), 0)
	for _, rule := range []*Rule{{Op: OpRead, Err: syscall.EIO, Times: 2}, {Op: OpRead, Flip: true, Times: 2}} {
		f := mustOpen(t, WithFaults(m, rule), at("f"), ReadOnly)
		for how, readAt := range map[string]func([]byte, int64) (int, error){"ReadAt": f.ReadAt, "ReadOnceAt": f.ReadOnceAt} {
			b := make([]byte, 1)
			if _, err := readAt(b, 0); err == nil && b[0] == 'x' {
				t.Errorf("%s is whole under %+v", how, rule)
			}
		}
	}
}

func TestAShortWriteWritesItsFirstHalf(t *testing.T) {
	m := newMem(t)
	rule := &Rule{Op: OpWrite, Err: syscall.EIO, Short: true, Times: 2}
	f := mustOpen(t, WithFaults(m, rule), at("f"), Create)
	if n, err := f.WriteAt([]byte("12345678"), 0); n != 4 || !errors.Is(err, syscall.EIO) {
		t.Errorf("WriteAt = %d, %v", n, err)
	}
	if n, err := f.WritevAt([][]byte{[]byte("ab"), []byte("cd"), []byte("efgh")}, 4); n != 4 || !errors.Is(err, syscall.EIO) {
		t.Errorf("WritevAt = %d, %v", n, err)
	}
	wantFile(t, m, at("f"), "1234abcd")
}

func TestAFlippedBitIsReadAndNotStored(t *testing.T) {
	m := newMem(t)
	f := mustOpen(t, WithFaults(m, &Rule{Op: OpRead, Flip: true}), at("f"), Create)
	write(t, f, []byte("aaaa"), 0)
	b := make([]byte, 4)
	if _, err := f.ReadAt(b, 0); err != nil || string(b) == "aaaa" {
		t.Errorf("read %q, %v", b, err)
	}
	wantFile(t, m, at("f"), "aaaa")
}

func TestADelayComesBeforeTheOperation(t *testing.T) {
	m := newMem(t)
	var f File
	rule := &Rule{Op: OpWrite, Delay: func() { wantFile(t, m, at("f"), "") }}
	f = mustOpen(t, WithFaults(m, rule), at("f"), Create)
	write(t, f, []byte("x"), 0)
	if rule.Hits() != 1 {
		t.Error("the delay was not called")
	}
}
