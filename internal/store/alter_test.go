package store

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

func setting(name, value string) []catalog.ConfigChange {
	return []catalog.ConfigChange{{Name: name, Value: &value}}
}

// A topic that was altered is the same after a clean stop, a kill and a power cut, with a checkpoint behind it and without.
func TestAlteredTopicSurvivesStops(t *testing.T) {
	ctx := context.Background()
	for _, stop := range []string{"clean stop", "kill", "power cut", "power cut after a checkpoint"} {
		t.Run(stop, func(t *testing.T) {
			mem := vfs.NewMem()
			s := mustOpen(t, smallOptions(mem))
			mustCreate(t, s, "a", 2, "segment.ms=5", "retention.ms=7")
			if err := s.AddPartitions(ctx, Partitions{Topic: "a", Total: 4}); err != nil {
				t.Fatal(err)
			}
			if err := s.AlterConfigs(ctx, "a", setting("max.message.bytes", "77")); err != nil {
				t.Fatal(err)
			}
			mustAppend(t, s.Topic("a").Partitions[3], makeBatch(batch.None, payload("a", 3, 0, 50)))
			if stop == "power cut after a checkpoint" {
				if err := s.checkpoint(false); err != nil {
					t.Fatal(err)
				}
			}
			keep := "8"
			if err := s.ReplaceConfigs(ctx, "a", []catalog.ConfigValue{{Name: "segment.ms", Value: &keep}}); err != nil {
				t.Fatal(err)
			}
			if err := s.AddPartitions(ctx, Partitions{Topic: "a", Total: 5}); err != nil {
				t.Fatal(err)
			}
			mustAppend(t, s.Topic("a").Partitions[4], makeBatch(batch.None, payload("a", 4, 0, 50)))
			switch stop {
			case "clean stop":
				mustClose(t, s)
			case "kill":
				mem = mem.Crash(vfs.Crash{Keep: vfs.KeepAll})
				s.Abort()
			default:
				mem = mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
				s.Abort()
			}
			s = mustOpen(t, smallOptions(mem))
			defer mustClose(t, s)
			tp := s.Topic("a")
			if len(tp.Partitions) != 5 || len(tp.Catalog.Configs) != 1 || tp.Settings.SegmentMs != 8 || tp.Settings.MaxMessageBytes == 77 || s.TopicByID(tp.ID) != tp {
				t.Fatalf("%d partitions, %+v", len(tp.Partitions), tp.Catalog)
			}
			for _, p := range []int{3, 4} {
				wantValues(t, tp.Partitions[p], 1, 50)
			}
			mustAppend(t, tp.Partitions[2], makeBatch(batch.None, payload("a", 2, 0, 50)))
		})
	}
}

// What asks whether a change is possible changes nothing, and neither does a change to what is so already.
func TestCheckingAnAlterationChangesNothing(t *testing.T) {
	s := mustOpen(t, smallOptions(vfs.NewMem()))
	defer mustClose(t, s)
	tp := mustCreate(t, s, "a", 2, "segment.ms=5")
	five := "5"
	for _, err := range []error{
		s.CheckPartitions(Partitions{Topic: "a", Total: 3}),
		s.CheckAlterConfigs("a", setting("segment.ms", "6")),
		s.CheckReplaceConfigs("a", nil),
		s.AlterConfigs(context.Background(), "a", setting("segment.ms", "5")),
		s.ReplaceConfigs(context.Background(), "a", []catalog.ConfigValue{{Name: "segment.ms", Value: &five}}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	var refused *catalog.Error
	for _, err := range []error{
		s.CheckPartitions(Partitions{Topic: "a", Total: 2}),
		s.AddPartitions(context.Background(), Partitions{Topic: "none", Total: 2}),
		s.CheckAlterConfigs("a", setting("segment.ms", "x")),
		s.AlterConfigs(context.Background(), "none", nil),
		s.ReplaceConfigs(context.Background(), "a", []catalog.ConfigValue{{Name: "segment.ms"}}),
	} {
		if !errors.As(err, &refused) {
			t.Errorf("not refused: %v", err)
		}
	}
	if s.Topic("a") != tp {
		t.Error("the topic was changed")
	}
}

// A topic's durability may change while records are written: what was acknowledged before the change is on the disk behind it.
func TestStrongerDurabilityHoldsForWhatWasWritten(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, smallOptions(mem))
	tp := mustCreate(t, s, "a", 1, looseTopic, "flush.ms=9223372036854775807")
	for n := range int64(20) {
		mustAppend(t, tp.Partitions[0], makeBatch(batch.None, payload("a", 0, n, 100)))
	}
	if err := s.AlterConfigs(context.Background(), "a", setting("flush.messages", "1")); err != nil {
		t.Fatal(err)
	}
	cut := mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
	mustAppend(t, tp.Partitions[0], makeBatch(batch.None, payload("a", 0, 20, 100)))
	again := mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
	s.Abort()
	for want, image := range map[int64]*vfs.Mem{20: cut, 21: again} {
		s := mustOpen(t, smallOptions(image))
		wantValues(t, s.Topic("a").Partitions[0], want, 100)
		mustClose(t, s)
	}
}

// Alterations of one topic that come at the same time all take place, in an order that everybody sees, also when the topic is deleted in the end.
func TestAlterationsAtTheSameTime(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, smallOptions(mem))
	id := mustCreate(t, s, "a", 1).ID
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if i%2 == 0 {
				s.AddPartitions(context.Background(), Partitions{Topic: "a", Total: int32(2 + i)}) // fewer than there are by then: refused
				return
			}
			if err := s.AlterConfigs(context.Background(), "a", setting([]string{"segment.ms", "retention.ms"}[i/2%2], "1000")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	tp := s.TopicByID(id)
	if len(tp.Partitions) != 20 || tp.Settings.SegmentMs != 1000 || tp.Settings.RetentionMs != 1000 || tp.Catalog.Partitions != 20 {
		t.Fatalf("%d partitions, %+v", len(tp.Partitions), tp.Settings)
	}
	last := tp.Partitions[19]
	mustAppend(t, last, makeBatch(batch.None, payload("a", 19, 0, 100)))
	if err := s.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	wg.Go(func() {
		s.AddPartitions(context.Background(), Partitions{Topic: "a", Total: 25})
	})
	if err := s.DeleteTopic(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if a := appendNow(last, makeBatch(batch.None, []byte("late"))); !errors.Is(a.Err, commitlog.ErrDeleted) {
		t.Errorf("an append to a deleted partition that was added: %v", a.Err)
	}
	mustCreate(t, s, "a", 25)
	mustClose(t, s)
	s = mustOpen(t, smallOptions(mem))
	defer mustClose(t, s)
	if n := s.Topic("a").Partitions[19].HighWatermark(); n != 0 {
		t.Errorf("the new topic's partition holds %d records of the old one", n)
	}
}

// What is changed of the broker's settings while it runs is so after a start, before what the start says, and reaches every topic that does not set its own.
func TestChangedBrokerSurvivesStops(t *testing.T) {
	ctx := context.Background()
	for _, checkpoint := range []bool{false, true} {
		mem := vfs.NewMem()
		s := mustOpen(t, smallOptions(mem))
		mustCreate(t, s, "a", 1)
		mustCreate(t, s, "own", 1, "retention.ms=7", "flush.ms=300")
		if err := s.AlterBroker(ctx, false, setting("log.retention.ms", "5000")); err != nil {
			t.Fatal(err)
		}
		if err := s.AlterBroker(ctx, true, append(setting("log.retention.ms", "6000"), setting("log.flush.interval.ms", "200")...)); err != nil {
			t.Fatal(err)
		}
		check := func(s *Store, what string, wantRetention int64, wantLevel string) {
			t.Helper()
			if a, own := s.Topic("a").Settings, s.Topic("own").Settings; a.RetentionMs != wantRetention || own.RetentionMs != 7 {
				t.Errorf("%s: retention %d and %d", what, a.RetentionMs, own.RetentionMs)
			} else if a.Durability.String() != wantLevel || own.Durability.String() != "interval:300ms" || s.Settings().Durability().String() != wantLevel {
				t.Errorf("%s: durability %v and %v", what, a.Durability, own.Durability)
			}
		}
		check(s, "changed", 5000, "interval:200ms")
		if tp := mustCreate(t, s, "later", 1); tp.Settings.RetentionMs != 5000 {
			t.Errorf("a topic made later has retention %d", tp.Settings.RetentionMs)
		}
		if checkpoint {
			if err := s.checkpoint(false); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.AlterBroker(ctx, true, setting("log.roll.ms", "77")); err != nil {
			t.Fatal(err)
		}
		mem = mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
		s.Abort()
		o := smallOptions(mem)
		var err error
		if o.Settings, err = catalog.NewBroker(map[string]string{"log.retention.ms": "9000"}); err != nil {
			t.Fatal(err)
		}
		s = mustOpen(t, o)
		check(s, "after a power cut", 5000, "interval:200ms")
		if s.Topic("later").Settings.SegmentMs != 77 {
			t.Error("the last change is lost")
		}
		if err := s.ReplaceBroker(ctx, false, nil); err != nil {
			t.Fatal(err)
		}
		check(s, "without its own", 6000, "interval:200ms")
		if err := s.ReplaceBroker(ctx, true, nil); err != nil {
			t.Fatal(err)
		}
		check(s, "as it was started", 9000, "sync")
		mustClose(t, s)
		s = mustOpen(t, o)
		check(s, "after a clean stop", 9000, "sync")
		mustClose(t, s)
	}
	s := mustOpen(t, smallOptions(vfs.NewMem()))
	defer mustClose(t, s)
	var refused *catalog.Error
	for _, err := range []error{
		s.AlterBroker(ctx, false, setting("num.partitions", "3")), s.AlterBroker(ctx, true, setting("log.retention.ms", "x")),
		s.CheckAlterBroker(false, setting("no.such.setting", "3")), s.ReplaceBroker(ctx, false, []catalog.ConfigValue{{Name: "log.roll.ms"}}),
		s.CheckReplaceBroker(true, []catalog.ConfigValue{{Name: "listeners"}}),
	} {
		if !errors.As(err, &refused) || refused.Kind != catalog.InvalidRequest {
			t.Errorf("not refused: %v", err)
		}
	}
	if err := s.CheckAlterBroker(false, setting("log.roll.ms", "7")); err != nil || s.Settings().Text("log.roll.ms") != "" {
		t.Errorf("checked only: %v", err)
	}
}
