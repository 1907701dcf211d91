package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/google/go-cmp/cmp"
)

// A second opening of a directory is refused, by name of the lock, and the first one goes on.
func TestSecondOpenIsRefused(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, smallOptions(mem))
	l := mustCreate(t, s, "a", 1).Partitions[0]
	var locked *vfs.LockedError
	if _, err := Open(context.Background(), smallOptions(mem)); !errors.As(err, &locked) {
		t.Fatalf("a second Open: %v", err)
	}
	if _, err := verifyAll(t, mem); !errors.As(err, &locked) {
		t.Fatalf("Verify of an open directory: %v", err)
	}
	mustAppend(t, l, makeBatch(batch.None, payload("a", 0, 0, 100)))
	mustClose(t, s)
	s = mustOpen(t, smallOptions(mem))
	wantValues(t, s.Topic("a").Partitions[0], 1, 100)
	mustClose(t, s)
}

// What must not be opened is refused with an error that says so, and every byte stays as it was.
func TestRefusedDirectoriesAreNotTouched(t *testing.T) {
	newer := func(err error) bool { var e *NewerError; return errors.As(err, &e) }
	lost := func(err error) bool { var e *LostError; return errors.As(err, &e) }
	damaged := func(err error) bool { var e *DamagedError; return errors.As(err, &e) }
	for _, c := range []struct {
		name   string
		spoil  func(t *testing.T, mem *vfs.Mem)
		expect string // cluster id
		is     func(error) bool
		says   string
	}{
		{name: "identity of a newer format", spoil: edit("data/meta.properties", "bobbin.format=1", "bobbin.format=2"), is: newer, says: "newer version"},
		{name: "checkpoint of a newer format", spoil: newerCheckpoints, is: newer, says: "newer version"},
		{name: "no checkpoint", spoil: without("data/checkpoint"), is: lost, says: "no checkpoint"},
		{name: "empty folder of checkpoints", spoil: without("data/checkpoint/"), is: lost, says: "no checkpoint"},
		{name: "no write-ahead log", spoil: without("data/wal"), is: lost, says: "missing"},
		{name: "empty folder of the write-ahead log", spoil: without("data/wal/"), is: lost, says: "missing"},
		{name: "neither", spoil: without("data/wal", "data/checkpoint"), is: lost, says: "no checkpoint"},
		{name: "no identity", spoil: without("data/meta.properties"), is: lost, says: "no identity"},
		{name: "only partitions", spoil: without("data/meta.properties", "data/wal", "data/checkpoint"), is: lost, says: "no identity"},
		{name: "identity that is damaged", spoil: edit("data/meta.properties", "node.id=1", "node.id=2"), is: damaged, says: "checksum"},
		{name: "identity of another cluster", expect: "AAAAAAAAAAAAAAAAAAAAAA", is: lost, says: "belongs to cluster"},
		{name: "empty directory where a cluster is expected", spoil: emptied, expect: "AAAAAAAAAAAAAAAAAAAAAA", is: lost, says: "right disk"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, clean := range []bool{true, false} {
				mem, _ := stoppedDirectory(t, clean)
				if c.spoil != nil {
					c.spoil(t, mem)
				}
				before := contents(t, mem)
				o := smallOptions(mem)
				o.ExpectClusterID = c.expect
				s, err := Open(context.Background(), o)
				if err == nil {
					s.Abort()
					t.Fatalf("clean %v: it was opened", clean)
				}
				if !c.is(err) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("clean %v: refused with %T: %v", clean, err, err)
				}
				if diff := cmp.Diff(before, contents(t, mem)); diff != "" {
					t.Errorf("clean %v: the directory was changed (-before +after):\n%s", clean, diff)
				}
			}
		})
	}
}

// The directory of the expected cluster is opened.
func TestTheExpectedClusterIsOpened(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, smallOptions(mem))
	o := smallOptions(mem)
	o.ExpectClusterID = s.ClusterID()
	mustClose(t, s)
	s = mustOpen(t, o)
	if s.ClusterID() != o.ExpectClusterID || s.Recovery().New {
		t.Fatalf("cluster id %s, new: %v", s.ClusterID(), s.Recovery().New)
	}
	mustClose(t, s)
}

// contents are all files but the lock, by name.
func contents(t *testing.T, mem *vfs.Mem) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, name := range walk(t, mem, "data") {
		if path.Base(name) == lockFile {
			continue
		}
		b, err := vfs.ReadFile(mem, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = fmt.Sprintf("%d bytes, checksum %08x", len(b), checksum(b))
	}
	return all
}

// without removes files and folders; of one whose name ends with a slash only what is in it.
func without(gone ...string) func(*testing.T, *vfs.Mem) {
	return func(t *testing.T, mem *vfs.Mem) {
		for _, name := range gone {
			info, err := mem.Stat(name)
			switch {
			case err != nil:
			case info.Dir:
				err = vfs.RemoveAll(mem, name)
			default:
				err = mem.Remove(name)
			}
			if err == nil && strings.HasSuffix(name, "/") {
				err = mem.MkdirAll(name)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func emptied(t *testing.T, mem *vfs.Mem) {
	without("data/")(t, mem)
}

// edit replaces text in a file. It leaves the checksum alone.
func edit(name, from, to string) func(*testing.T, *vfs.Mem) {
	return func(t *testing.T, mem *vfs.Mem) {
		b, err := vfs.ReadFile(mem, name)
		if err != nil || !strings.Contains(string(b), from) {
			t.Fatalf("%s has no %q: %v", name, from, err)
		}
		if err := vfs.WriteFileSync(mem, name, []byte(strings.Replace(string(b), from, to, 1))); err != nil {
			t.Fatal(err)
		}
	}
}

// newerCheckpoints gives all checkpoints a higher format, with a checksum that matches.
func newerCheckpoints(t *testing.T, mem *vfs.Mem) {
	for _, name := range walk(t, mem, "data/checkpoint") {
		b, err := vfs.ReadFile(mem, name)
		if err != nil {
			t.Fatal(err)
		}
		b[12] = checkpointFormat + 1
		seal(b)
		if err := vfs.WriteFileSync(mem, name, b); err != nil {
			t.Fatal(err)
		}
	}
}
