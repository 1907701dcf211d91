package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// smallOptions makes everything happen early: rolls, checkpoints, new files of the log.
func smallOptions(fsys vfs.FS) Options {
	return Options{
		FS: fsys, Dir: "data", TailBytes: 256 << 10, PieceBytes: 16 << 10, WALFileBytes: 256 << 10, WALBytes: 1 << 20, BallastBytes: 64 << 10, OpenFiles: 16,
		CheckpointEvery: time.Hour, RetentionEvery: time.Hour, SealAfter: -1, segmentBytes: 20000,
	}
}

func logTo(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func mustOpen(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func mustCreate(t testing.TB, s *Store, name string, partitions int32, configs ...string) *Topic {
	t.Helper()
	tp, err := s.CreateTopic(context.Background(), newTopic(name, partitions, configs...))
	if err != nil {
		t.Fatalf("CreateTopic %s: %v", name, err)
	}
	return tp
}

func newTopic(name string, partitions int32, configs ...string) catalog.NewTopic {
	n := catalog.NewTopic{Name: name, Partitions: partitions, ReplicationFactor: -1}
	for _, c := range configs {
		k, v, _ := strings.Cut(c, "=")
		n.Configs = append(n.Configs, catalog.ConfigValue{Name: k, Value: &v})
	}
	return n
}

// payload is a record that says which it is, so that one that is lost, doubled, moved or invented is recognised.
func payload(topic string, partition int32, n int64, size int) []byte {
	b := fmt.Appendf(nil, "%s/%d/%d/", topic, partition, n)
	r := rand.New(rand.NewPCG(uint64(n), uint64(partition)))
	for len(b) < size {
		b = append(b, byte('a'+r.IntN(26)))
	}
	return b
}

func makeBatch(codec batch.Codec, values ...[]byte) batch.Batch {
	o := batch.NoProducer()
	o.Codec = codec
	b := batch.NewBuilder(o)
	for _, v := range values {
		b.Append(1_700_000_000_000, nil, v)
	}
	return b.Build(nil)
}

// appendNow appends and waits for the answer.
func appendNow(l *commitlog.Log, b batch.Batch) *commitlog.Append {
	done := make(chan struct{})
	a := &commitlog.Append{Batch: b, Now: time.Now().UnixMilli(), Done: func(*commitlog.Append) { close(done) }}
	l.Append(context.Background(), a)
	<-done
	return a
}

func mustAppend(t testing.TB, l *commitlog.Log, b batch.Batch) int64 {
	t.Helper()
	a := appendNow(l, b)
	if a.Err != nil {
		t.Fatalf("append to %s-%d: %v", l.ID().Topic, l.ID().Partition, a.Err)
	}
	return a.BaseOffset
}

// readValues returns all records from an offset to the high watermark, by offset.
func readValues(l *commitlog.Log, from int64) (map[int64][]byte, error) {
	out := make(map[int64][]byte)
	var s commitlog.Span
	defer s.Release()
	for {
		if err := l.Read(&s, from, 64<<10, true); err != nil {
			return out, err
		}
		if s.Size == 0 {
			return out, nil
		}
		for _, run := range s.Bytes {
			for len(run) > 0 {
				b, rest, err := batch.Next(run)
				if err != nil {
					return out, err
				}
				run = rest
				for r, err := range b.Records(1 << 20) {
					if err != nil {
						return out, err
					}
					if _, twice := out[r.Offset]; twice {
						return out, fmt.Errorf("offset %d came twice", r.Offset)
					}
					out[r.Offset] = bytes.Clone(r.Value)
				}
			}
		}
		if s.Next <= from {
			return out, errors.New("a read does not go on")
		}
		from = s.Next
		s.Release()
	}
}

// wantValues checks that a log holds exactly the payloads 0 to n-1 at the offsets 0 to n-1, from its start on.
func wantValues(t testing.TB, l *commitlog.Log, n int64, size int) {
	t.Helper()
	id := l.ID()
	got, err := readValues(l, l.Start())
	if err != nil {
		t.Fatalf("read %s-%d: %v", id.Topic, id.Partition, err)
	}
	if want := n - l.Start(); int64(len(got)) != want {
		t.Fatalf("%s-%d: %d records, want %d", id.Topic, id.Partition, len(got), want)
	}
	for o := l.Start(); o < n; o++ {
		if !bytes.Equal(got[o], payload(id.Topic, id.Partition, o, size)) {
			t.Fatalf("%s-%d: offset %d holds %.40q", id.Topic, id.Partition, o, got[o])
		}
	}
}
