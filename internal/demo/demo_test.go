package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/bobbintest"
	"github.com/bobbinstream/bobbin/connect/host"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var someStreams = []string{"cpu/0", "cpu/1", "disk/vda", "net/eth0", "proc/1 init", "proc/4711 postgres"}

// A fakeSampler delivers one sample of each stream every 100 ms, so many times; then it calls end, or fails.
type fakeSampler struct {
	streams func(tick int) []string
	ticks   int
	end     func()
	err     error
	tick    int
}

func (s *fakeSampler) Cost() float64 { return 0.03 }

func (s *fakeSampler) Read(ctx context.Context) ([]host.Sample, error) {
	if s.tick == s.ticks {
		if s.err != nil {
			return nil, s.err
		}
		s.end()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(100 * time.Millisecond):
	}
	s.tick++
	var out []host.Sample
	for _, name := range s.streams(s.tick) {
		out = append(out, host.Sample{Stream: name, Time: time.Now(), Values: []host.Value{{Name: "cpu", Unit: "cores", Number: 0.5}, {Name: "rss", Unit: "bytes", Number: 1e6}}})
	}
	return out, nil
}

func always(int) []string { return someStreams }

// runOn runs so many readings of six streams through a broker.
func runOn(t *testing.T, b *bobbintest.Broker, ticks int, change func(*Options)) (Summary, error) {
	t.Helper()
	admin, err := kafka.Open(kafka.Options{Dial: b.Dial})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	o := Options{Admin: admin, Cluster: bobbin.Options{Dial: b.Dial}, Sampler: &fakeSampler{streams: always, ticks: ticks, end: end}, Address: "127.0.0.1:9092",
		Durability: "sync", Data: "./bobbin-data", DiskBytes: func() (int64, error) { return 4096, nil }}
	if change != nil {
		change(&o)
	}
	return Run(ctx, o)
}

// aBroker lets the two readers begin at once.
func aBroker(t *testing.T) *bobbintest.Broker {
	return bobbintest.StartWith(t, bobbintest.Options{Settings: map[string]string{"group.initial.rebalance.delay.ms": "0"}})
}

func TestEveryRowThatIsAcknowledgedIsReadOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sum, err := runOn(t, aBroker(t), 50, nil)
		if err != nil {
			t.Fatal(err)
		}
		if sum.RowsWritten != 300 || sum.RowsRead != 300 || sum.Streams != 6 || !sum.Intact() || sum.Events != 6 || sum.Readers != 2 {
			t.Errorf("wrote 300 rows of 6 streams, the summary says %+v", sum)
		}
		if sum.Resumed || sum.PacketsBefore != 0 || sum.BytesOnDisk != 4096 {
			t.Errorf("summary of a first run: %+v", sum)
		}
	})
}

func TestASecondRunGoesOnWhereTheFirstEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := aBroker(t)
		first, err := runOn(t, b, 10, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Kill(t)
		b.Restart(t)
		var live bytes.Buffer
		second, err := runOn(t, b, 20, func(o *Options) { o.Live = &live })
		if err != nil {
			t.Fatal(err)
		}
		if !second.Resumed || second.PacketsBefore < 60 || second.RowsWritten != 120 || second.RowsRead != 120 || !second.Intact() {
			t.Errorf("after a run of 60 rows, one of 120 says %+v", second)
		}
		if first.Run == second.Run {
			t.Error("two runs have one id")
		}
		if !strings.Contains(live.String(), "packets from earlier runs") {
			t.Errorf("the second run does not say that it continues:\n%s", &live)
		}
	})
}

func TestWhatStartsAndEndsIsAStreamWithEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := aBroker(t)
		sum, err := runOn(t, b, 120, func(o *Options) {
			o.Sampler.(*fakeSampler).streams = func(tick int) []string {
				if tick > 40 && tick < 60 {
					return append(always(0), "proc/9 short")
				}
				return always(0)
			}
		})
		if err != nil || sum.Streams != 7 || sum.Events != 8 || !sum.Intact() {
			t.Fatalf("%+v, %v", sum, err)
		}
		told := make(chan string, 10)
		x, err := b.Client(t).Consumer(Topic, &bobbin.ConsumerOptions{Start: bobbin.Earliest()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err = x.Run(ctx, bobbin.HandlerFunc(func(_ context.Context, s *bobbin.StreamReader) error {
			if s.ID() != "proc/9 short" {
				return nil
			}
			told <- s.Properties().Name + s.Properties().Location
			for p, err := range s.Packets() {
				if err != nil {
					return err
				}
				if e, ok := p.(*bobbin.Event); ok {
					told <- e.ID
				}
			}
			told <- s.Definitions()[1].Unit
			told <- s.End().String()
			cancel()
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		close(told)
		var all []string
		for x := range told {
			all = append(all, x)
		}
		if got := strings.Join(all, " "); got != "9 short/proc started exited bytes closed" {
			t.Error(got)
		}
	})
}

func TestTheOtherReaderTakesOverFromOneThatIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var live bytes.Buffer
		sum, err := runOn(t, aBroker(t), 1000, func(o *Options) { o.For, o.KillOne, o.Live = 20*time.Second, true, &live })
		if err != nil {
			t.Fatal(err)
		}
		if !sum.Intact() || sum.RowsLost > 0 || sum.RowsOutOfOrder > 0 || sum.RowsWritten < 1100 || sum.RowsRead != sum.RowsWritten {
			t.Errorf("%+v", sum)
		}
		if !strings.Contains(live.String(), "partitions 2+2") || !strings.Contains(live.String(), "partitions 4+killed") {
			t.Errorf("%s", &live)
		}
	})
}

func TestAWriteThatIsRefusedEndsTheRunWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := aBroker(t)
		end := b.Fail(t, "Produce", bobbintest.Fault{Error: "TOPIC_AUTHORIZATION_FAILED"})
		sum, err := runOn(t, b, 3, nil)
		end()
		if !errors.Is(err, bobbin.ErrDenied) || !strings.Contains(err.Error(), "write to topic host-metrics") {
			t.Errorf("error: %v", err)
		}
		if sum.RowsWritten != 0 || sum.RowsLost != 0 {
			t.Errorf("a refused row is neither written nor lost: %+v", sum)
		}
	})
}

func TestASamplerThatFailsEndsTheRunWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no /proc")
		sum, err := runOn(t, aBroker(t), 3, func(o *Options) { o.Sampler.(*fakeSampler).err = broken })
		if !errors.Is(err, broken) {
			t.Errorf("error: %v", err)
		}
		if sum.RowsRead != 18 || !sum.Intact() {
			t.Errorf("what was written before is still read: %+v", sum)
		}
	})
}

func TestTheSummaryIsOneObjectWithTheNamesOfTheContract(t *testing.T) {
	b, err := json.Marshal(Summary{})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rows_written", "rows_read", "rows_lost", "rows_out_of_order", "streams", "p50_ms", "p99_ms",
		"max_ms", "bytes_on_disk", "data", "address", "durability", "resumed", "packets_before", "events", "readers", "reader_killed", "rows_duplicated", "seconds", "reader_cpu"} {
		if _, ok := got[name]; !ok {
			t.Errorf("the summary has no %s", name)
		}
	}
}
