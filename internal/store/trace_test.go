package store

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Which files are written and synced for each thing a store does, and in which order, is held by golden files: a sync that is lost, or one too
// many, shows in a review.
func TestGoldenTraces(t *testing.T) {
	mem := vfs.NewMem()
	tr := &tracer{}
	o := smallOptions(vfs.WithTrace(mem, "data", tr))
	o.WALFileBytes, o.WALBytes, o.TailBytes, o.PieceBytes, o.BallastBytes = 16<<20, 64<<20, 16<<20, 8<<20, -1
	o.Now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	o.Random = new(counting)
	open := func() *Store {
		s := mustOpen(t, o)
		eventually(t, "the log has a file ahead", func() error {
			if s.Stats().WAL.FilesReady == 0 {
				return errors.New("none")
			}
			return nil
		})
		return s
	}
	golden := func(name string) {
		t.Helper()
		tr.compare(t, name)
	}

	s := open()
	golden("first-start")
	l := mustCreate(t, s, "a", 2).Partitions[0]
	golden("create-topic")
	mustAppend(t, l, makeBatch(batch.None, payload("a", 0, 0, 1000)))
	golden("append")
	if err := s.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	golden("checkpoint")
	for n := range int64(3) {
		mustAppend(t, l, makeBatch(batch.None, payload("a", 0, 1+n, 9000)))
	}
	golden("append-over-a-roll")
	if err := s.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	golden("checkpoint-after-a-roll")
	if err := l.MoveStart(context.Background(), 3); err != nil {
		t.Fatal(err)
	}
	golden("move-log-start")
	if err := s.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	golden("checkpoint-after-move-log-start")
	if err := s.DeleteTopic(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the directories are gone", func() error {
		if left := strings.Join(names(t, mem, "data"), " "); strings.Contains(left, "a-") {
			return errors.New(left)
		}
		return nil
	})
	golden("delete-topic")
	mustAppend(t, mustCreate(t, s, "b", 1).Partitions[0], makeBatch(batch.None, []byte("x")))
	tr.reset()
	mustClose(t, s)
	golden("clean-stop")

	s = open()
	golden("start-after-clean-stop")
	mustAppend(t, s.Topic("b").Partitions[0], makeBatch(batch.None, []byte("y")))
	mem = mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
	s.Abort()
	tr.reset()
	o.FS = vfs.WithTrace(mem, "data", tr)
	s = open()
	golden("start-after-power-cut")
	s.Abort()
}

// A replacement of segments is a frame of the write-ahead log between the syncs of the new files and the renames; the first in a partition's life makes its directory
// durable too.
func TestGoldenTracesOfCompaction(t *testing.T) {
	tr := &tracer{}
	o := smallOptions(vfs.WithTrace(vfs.NewMem(), "data", tr))
	o.WALFileBytes, o.WALBytes, o.TailBytes, o.PieceBytes, o.BallastBytes, o.segmentBytes = 16<<20, 64<<20, 16<<20, 8<<20, -1, 20000
	o.Now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	o.Random = new(counting)
	s := mustOpen(t, o)
	defer s.Abort()
	eventually(t, "the log has a file ahead", func() error {
		if s.Stats().WAL.FilesReady == 0 {
			return errors.New("none")
		}
		return nil
	})
	k := mustCreate(t, s, "k", 1, "cleanup.policy=compact", "min.cleanable.dirty.ratio=0").Partitions[0]
	compact := func(name string) {
		t.Helper()
		for n := range int64(3) {
			mustAppend(t, k, keyed("one", payload("k", 0, n, 9000)))
		}
		tr.reset()
		if n := cleanNow(t, s); n != 1 {
			t.Fatalf("%d rounds", n)
		}
		tr.compare(t, name)
	}
	compact("compact-first") // one segment, of a partition that has no directory yet
	if err := s.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	compact("compact")
}

// tracer collects the lines of a trace.
type tracer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *tracer) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(b)
}

func (t *tracer) reset() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.b.String()
	t.b.Reset()
	return s
}

// compare holds the lines since the last call against a golden file. The file that the log prepares ahead is left out: that happens beside everything else.
func (t *tracer) compare(tb testing.TB, name string) {
	tb.Helper()
	var got strings.Builder
	ahead := false
	for line := range strings.Lines(t.reset()) {
		switch {
		case strings.Contains(line, "wal/0000000002.wal"):
			ahead = strings.HasPrefix(line, "sync ")
		case ahead && line == "syncdir wal\n":
			ahead = false
		default:
			got.WriteString(line)
		}
	}
	file := filepath.Join("testdata", name+".trace")
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(file, []byte(got.String()), 0o644)); err != nil {
			tb.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got.String()); diff != "" {
		tb.Errorf("%s is done otherwise than %s says; -update rewrites it (-want +got):\n%s", name, file, diff)
	}
}

// counting is a source of numbers that are not random at all.
type counting struct{ n byte }

func (c *counting) Read(b []byte) (int, error) {
	for i := range b {
		c.n++
		b[i] = c.n
	}
	return len(b), nil
}

func names(t testing.TB, fsys vfs.FS, dir string) (all []string) {
	t.Helper()
	infos, err := fsys.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		all = append(all, i.Name)
	}
	return all
}
