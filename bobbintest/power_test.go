package bobbintest_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bobbinstream/bobbin/bobbintest"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

func TestAcknowledgedRowsSurviveEveryEndOfTheBroker(t *testing.T) {
	for name, end := range map[string]func(*bobbintest.Broker, testing.TB){
		"power cut":      (*bobbintest.Broker).PowerCut,
		"kill":           (*bobbintest.Broker).Kill,
		"stop":           (*bobbintest.Broker).Stop,
		"restart":        func(*bobbintest.Broker, testing.TB) {},
		"kill and power": func(b *bobbintest.Broker, t testing.TB) { b.Kill(t); b.PowerCut(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bobbintest.Start(t)
			b.CreateTopic(t, "cars", 1)
			c := open(t, b)
			want := numbered("a", 100)
			mustWrite(t, c, "cars", want...)
			end(b, t)
			b.Restart(t)
			if got := read(t, c, "cars"); !slices.Equal(got, want) {
				t.Errorf("%d rows are left of %d", len(got), len(want))
			}
			mustWrite(t, c, "cars", "b")
		})
	}
}

// At the level os an acknowledgement is worth what the file system keeps: a killed process loses nothing, a power cut what was not synced.
func TestAPowerCutTakesWhatWasNotSynced(t *testing.T) {
	b := bobbintest.StartWith(t, bobbintest.Options{Durability: "os"})
	b.CreateTopic(t, "cars", 1)
	c := open(t, b)
	mustWrite(t, c, "cars", "first")
	b.Kill(t)
	b.Restart(t) // which syncs what it finds
	mustWrite(t, c, "cars", "second")
	b.PowerCut(t)
	b.Restart(t)
	if got := read(t, c, "cars"); !slices.Equal(got, []string{"first"}) {
		t.Errorf("left are %q", got)
	}
}

// Whatever is written when the power fails: what was acknowledged is there afterwards, in order and once, for an idempotent producer goes on.
func TestProducersGoOnAfterPowerCuts(t *testing.T) {
	b := bobbintest.Start(t)
	b.CreateTopic(t, "cars", 1)
	c := open(t, b)
	const rows = 2000
	values := numbered("", rows)
	written := make(chan map[string]error, 1)
	go func() { written <- write(t, c, "cars", time.Minute, values...) }()
	for range 5 {
		b.PowerCut(t)
		b.Restart(t)
		mustWrite(t, c, "cars", "between") // so that the others come to something
	}
	for v, err := range <-written {
		t.Errorf("%s: %v", v, err)
	}
	got := slices.DeleteFunc(read(t, c, "cars"), func(v string) bool { return v == "between" })
	if !slices.Equal(got, values) {
		t.Errorf("%d rows are there, %d were acknowledged", len(got), rows)
	}
}

func TestConnectionsBreakAndAreRefusedWhileTheBrokerIsDown(t *testing.T) {
	b := bobbintest.Start(t)
	b.CreateTopic(t, "cars", 1)
	conn, err := b.Dial(t.Context(), "tcp", "anywhere:9092")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b.PowerCut(t)
	if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("the connection is still there")
	}
	_, err = b.Dial(t.Context(), "tcp", "anywhere:9092")
	var dial *net.OpError
	if !errors.As(err, &dial) || dial.Op != "dial" || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial while it is down: %v", err)
	}
	c, err := kafka.Open(kafka.Options{Dial: b.Dial, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ping(context.Background()); kafka.KindOf(err) != kafka.Unreachable {
		t.Errorf("a client says %v", err)
	}
}

func TestAFullDiskRefusesWritesAndServesReads(t *testing.T) {
	b := bobbintest.Start(t)
	b.CreateTopic(t, "cars", 1)
	c := open(t, b)
	mustWrite(t, c, "cars", "before")
	b.FullDisk(t)
	impatient := franz(t, b, kgo.DefaultProduceTopic("cars"), kgo.RecordRetries(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	var refused error
	for range 20 {
		if refused = impatient.ProduceSync(t.Context(), kgo.SliceRecord(make([]byte, 900<<10))).FirstErr(); refused != nil {
			break
		}
	}
	if !errors.Is(refused, kerr.KafkaStorageError) {
		t.Errorf("20 MB were written on a full disk, or it says %v", refused)
	}
	if got := read(t, c, "cars"); len(got) == 0 || got[0] != "before" {
		t.Error("nothing can be read on a full disk")
	}
	b.FreeDisk(t)
	mustWrite(t, c, "cars", "after")
	if got := read(t, c, "cars"); got[len(got)-1] != "after" {
		t.Error("the last row is missing")
	}
}

func TestAStalledDiskAcknowledgesNothingUntilItGoesOn(t *testing.T) {
	b := bobbintest.Start(t)
	b.CreateTopic(t, "cars", 1)
	c := open(t, b)
	resume := b.StallDisk(t)
	written := make(chan map[string]error, 1)
	go func() { written <- write(t, c, "cars", 30*time.Second, "a") }()
	select {
	case errs := <-written:
		t.Fatalf("answered while the disk hangs: %v", errs)
	case <-time.After(50 * time.Millisecond):
	}
	if got := read(t, c, "cars"); len(got) > 0 {
		t.Errorf("%q can be read before it is on the disk", got)
	}
	resume()
	for _, err := range <-written {
		t.Error(err)
	}
	b.StallDisk(t) // ended by the stop
}
