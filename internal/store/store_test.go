package store

import (
	"context"
	"errors"
	"testing"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What was acknowledged is there after a clean stop, a kill and a power cut, through rolls and checkpoints, at its offset.
func TestRecordsSurviveStops(t *testing.T) {
	const size = 700
	for _, stop := range []string{"clean stop", "kill", "power cut"} {
		t.Run(stop, func(t *testing.T) {
			mem := vfs.NewMem()
			o := smallOptions(mem)
			o.Log = logTo(t)
			var next [3]int64
			for round := range 4 {
				o.FS = mem
				s := mustOpen(t, o)
				if round == 0 {
					mustCreate(t, s, "orders", 3)
				} else if clean := stop == "clean stop"; s.Recovery().Clean != clean {
					t.Fatalf("round %d: clean start is %v", round, !clean)
				}
				tp := s.Topic("orders")
				for p, l := range tp.Partitions {
					wantValues(t, l, next[p], size)
					for range 150 {
						if got := mustAppend(t, l, makeBatch(batch.None, payload("orders", int32(p), next[p], size), payload("orders", int32(p), next[p]+1, size))); got != next[p] {
							t.Fatalf("offset %d, want %d", got, next[p])
						}
						next[p] += 2
					}
					wantValues(t, l, next[p], size)
				}
				switch stop {
				case "clean stop":
					mustClose(t, s)
				case "kill":
					mem = mem.Crash(vfs.Crash{Keep: vfs.KeepAll})
					s.Abort()
				case "power cut":
					mem = mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
					s.Abort()
				}
			}
			o.FS = mem
			s := mustOpen(t, o)
			defer mustClose(t, s)
			for p, l := range s.Topic("orders").Partitions {
				wantValues(t, l, next[p], size)
			}
		})
	}
}

// A topic that was deleted and made again holds nothing of its former life, also when the power was cut in between.
func TestDeletedTopicDoesNotComeBack(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, smallOptions(mem))
	first := mustCreate(t, s, "a", 2)
	mustAppend(t, first.Partitions[0], makeBatch(batch.None, []byte("old")))
	if err := s.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteTopic(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	if s.Topic("a") != nil || s.TopicByID(first.ID) != nil {
		t.Fatal("the topic is still visible")
	}
	var refused *catalog.Error
	if err := s.DeleteTopic(context.Background(), "a"); !errors.As(err, &refused) || refused.Kind != catalog.UnknownTopic {
		t.Fatalf("second deletion: %v", err)
	}
	second := mustCreate(t, s, "a", 1)
	if second.ID == first.ID {
		t.Fatal("the new topic has the old one's id")
	}
	mustAppend(t, second.Partitions[0], makeBatch(batch.None, []byte("new")))
	mem = mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
	s.Abort()
	s = mustOpen(t, smallOptions(mem))
	defer mustClose(t, s)
	tp := s.Topic("a")
	if tp == nil || tp.ID != second.ID || len(tp.Partitions) != 1 {
		t.Fatalf("after the power cut: %+v", tp)
	}
	got, err := readValues(tp.Partitions[0], 0)
	if err != nil || len(got) != 1 || string(got[0]) != "new" {
		t.Fatalf("after the power cut: %v, %v", got, err)
	}
}

// No producer id is given out twice, whatever happened in between.
func TestProducerIDsAreNeverGivenTwice(t *testing.T) {
	mem := vfs.NewMem()
	seen := make(map[int64]bool)
	for range 5 {
		s := mustOpen(t, smallOptions(mem))
		for range 3 {
			id, err := s.NewProducerID(context.Background())
			if err != nil || seen[id] {
				t.Fatalf("producer id %d, %v", id, err)
			}
			seen[id] = true
		}
		mem = mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
		s.Abort()
	}
}

// Retention by size lets whole segments go, moves the log start, and both survive.
func TestRetentionBySize(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, smallOptions(mem))
	tp := mustCreate(t, s, "r", 1, "retention.bytes=60000")
	l := tp.Partitions[0]
	for n := range int64(200) {
		mustAppend(t, l, makeBatch(batch.None, payload("r", 0, n, 1000)))
	}
	if err := s.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	s.expire(l, bySize)
	if l.Start() == 0 || l.Size() > 60000+20000 {
		t.Fatalf("log start %d, %d bytes", l.Start(), l.Size())
	}
	start := l.Start()
	wantValues(t, l, 200, 1000)
	mem = mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
	s.Abort()
	s = mustOpen(t, smallOptions(mem))
	defer mustClose(t, s)
	l = s.Topic("r").Partitions[0]
	if l.Start() != start {
		t.Fatalf("log start %d after the power cut, %d before", l.Start(), start)
	}
	wantValues(t, l, 200, 1000)
}
