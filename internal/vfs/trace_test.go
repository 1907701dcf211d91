package vfs

import (
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestATraceShowsEachChangeInALine(t *testing.T) {
	var log strings.Builder
	faults := WithFaults(newMem(t), &Rule{Op: OpSync, Err: syscall.EIO})
	fsys := WithTrace(faults, memDir, &log)
	must(t, fsys.MkdirAll(at("wal")))
	must(t, fsys.MkdirAll(at("wal")))
	l := must2(fsys.Lock(at("lock")))(t)
	must(t, l.Close())
	f := mustOpen(t, fsys, at("wal/1.wal"), Create)
	mustOpen(t, fsys, at("wal/1.wal"), Create)
	must(t, f.Allocate(0, 16384))
	write(t, f, make([]byte, 4096), 8192)
	if _, err := f.WritevAt([][]byte{{1}, {2, 3}}, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err == nil {
		t.Error("the sync did not fail")
	}
	must(t, f.Sync())
	must(t, f.Truncate(100))
	must(t, fsys.SyncDir(memDir))
	must(t, WriteFileSync(fsys, at("checkpoint"), []byte("state")))
	if err := fsys.Remove(at("none")); err == nil {
		t.Error("nothing was removed without an error")
	}
	must(t, fsys.Remove(at("wal/1.wal")))
	must(t, fsys.SyncFS(memDir))
	want := `mkdir wal
lock lock
create wal/1.wal
allocate wal/1.wal 0+16384
write wal/1.wal 8192+4096
write wal/1.wal 0+3
sync wal/1.wal: input/output error
sync wal/1.wal
truncate wal/1.wal 100
syncdir .
create checkpoint.tmp
truncate checkpoint.tmp 0
write checkpoint.tmp 0+5
sync checkpoint.tmp
rename checkpoint.tmp checkpoint
syncdir .
remove none: no such file or directory
remove wal/1.wal
syncfs .
`
	if d := cmp.Diff(want, log.String()); d != "" {
		t.Error(d)
	}
}
