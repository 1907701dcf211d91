package server

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// brittle is a file system whose syncs fail from a moment on.
type brittle struct {
	vfs.FS
	broken atomic.Bool
}

func (b *brittle) Open(name string, mode vfs.Mode) (vfs.File, error) {
	f, err := b.FS.Open(name, mode)
	if err != nil {
		return nil, err
	}
	return &brittleFile{f, b}, nil
}

type brittleFile struct {
	vfs.File
	fs *brittle
}

func (f *brittleFile) Sync() error {
	if f.fs.broken.Load() {
		return syscall.EIO
	}
	return f.File.Sync()
}

// When the disk fails nothing is acknowledged any more, with an error that clients retry; what was acknowledged before is read.
func TestNothingIsAcknowledgedAfterTheDiskFailed(t *testing.T) {
	fsys := &brittle{FS: vfs.NewMem()}
	b := startOn(t, fsys, Limits{})
	topic := b.create("t", 1)
	p := b.dial()
	p.put(topic, 0, 0, "before")
	fsys.broken.Store(true)
	for range 3 {
		got := ask[*kmsg.ProduceResponse](p, produceTo(9, topic, 0, plain("after"))).Topics[0].Partitions[0]
		if got.ErrorCode != kerr.KafkaStorageError.Code || got.BaseOffset != -1 {
			t.Errorf("produce: %s, offset %d", name(got.ErrorCode), got.BaseOffset)
		}
	}
	for _, topic := range ask[*kmsg.CreateTopicsResponse](p, createRequest(4, "new")).Topics {
		if topic.ErrorCode != kerr.KafkaStorageError.Code {
			t.Errorf("create: %s", name(topic.ErrorCode))
		}
	}
	if got := ask[*kmsg.FetchResponse](p, fetchOne(12, topic, 0, 1<<20, 0)).Topics[0].Partitions[0]; got.HighWatermark != 1 || len(offsets(t, &got)) != 1 {
		t.Errorf("fetch: %+v", got)
	}
}

// On a full disk producers are told to try again, reads and deletes go on, and it is over when there is room.
func TestFullDisk(t *testing.T) {
	mem := vfs.NewMem()
	b := startOn(t, mem, Limits{})
	topic := b.create("t", 1)
	b.create("doomed", 1)
	p := b.dial()
	p.put(topic, 0, 0, "first")
	b.eventually(func(Stats) bool { return b.store.Stats().WAL.FilesReady > 0 }) // the log has a file ahead, as it soon has after a start
	sp, err := mem.Space("data")
	if err != nil {
		t.Fatal(err)
	}
	used := sp.Total - sp.Free
	mem.SetCapacity(used)
	req := produceTo(9, topic, 0, plain(strings.Repeat("x", 200<<10)))
	req.TimeoutMillis = 100
	code := int16(0)
	for i := 0; i < 200 && code == 0; i++ {
		code = ask[*kmsg.ProduceResponse](p, req).Topics[0].Partitions[0].ErrorCode
	}
	if err := kerr.ErrorForCode(code); code == 0 || !kerr.IsRetriable(err) {
		t.Fatalf("a full disk is told as %s", name(code))
	}
	if got := ask[*kmsg.FetchResponse](p, fetchOne(12, topic, 0, 1<<20, 0)).Topics[0].Partitions[0]; got.ErrorCode != 0 || len(got.RecordBatches) == 0 {
		t.Errorf("fetch: %s", name(got.ErrorCode))
	}
	del := &kmsg.DeleteTopicsRequest{Version: 5, TimeoutMillis: 5000, TopicNames: []string{"doomed"}}
	if got := ask[*kmsg.DeleteTopicsResponse](p, del).Topics[0]; got.ErrorCode != 0 {
		t.Errorf("delete: %s", *got.ErrorMessage)
	}
	mem.SetCapacity(1 << 40)
	req.TimeoutMillis = 10_000
	b.eventually(func(Stats) bool { return ask[*kmsg.ProduceResponse](p, req).Topics[0].Partitions[0].ErrorCode == 0 })
}

// A flipped byte in a segment is a partition's error; the other partitions of the response have their records.
func TestCorruptSegmentIsOnePartitionsError(t *testing.T) {
	mem := vfs.NewMem()
	st, err := store.Open(context.Background(), store.Options{FS: mem, Dir: "data", WALFileBytes: 1 << 20, BallastBytes: -1, SealAfter: -1})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, store: st}
	topic := b.create("t", 2)
	for _, l := range topic.Partitions {
		done := make(chan error, 1)
		l.Append(context.Background(), &commitlog.Append{Batch: batch.Batch(plain("some value")), Done: func(a *commitlog.Append) { done <- a.Err }})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := mem.Open(fmt.Sprintf("data/t-0/%020d.log", 0), vfs.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{'!'}, 70); err != nil {
		t.Fatal(err)
	}
	f.Close()

	b = startOn(t, mem, Limits{})
	req := fetchAll(12, b.store.Topic("t"), 1<<20)
	got := ask[*kmsg.FetchResponse](b.dial(), req).Topics[0].Partitions
	if got[0].ErrorCode != kerr.CorruptMessage.Code || len(got[0].RecordBatches) > 0 {
		t.Errorf("damaged partition: %s, %d bytes", name(got[0].ErrorCode), len(got[0].RecordBatches))
	}
	if got[1].ErrorCode != 0 || len(offsets(t, &got[1])) != 1 {
		t.Errorf("the other partition: %s", name(got[1].ErrorCode))
	}
}
