package bobbintest_test

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bobbinstream/bobbin/bobbintest"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Each test runs twice, in bubbles of their own: what one leaves in package variables must not trouble the next.
func inBubbles(t *testing.T, test func(t *testing.T)) {
	for range 2 {
		synctest.Test(t, test)
	}
}

func TestWriteAndReadInVirtualTime(t *testing.T) {
	inBubbles(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		b.CreateTopic(t, "cars", 3)
		c := open(t, b)
		want := numbered("a", 1000)
		mustWrite(t, c, "cars", want...)
		if got := read(t, c, "cars"); !slices.Equal(got, want) {
			t.Errorf("%d of %d rows", len(got), len(want))
		}
		if passed := time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); passed > time.Minute {
			t.Errorf("that took %v", passed)
		}
	})
}

func TestPowerCutInVirtualTime(t *testing.T) {
	inBubbles(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		b.CreateTopic(t, "cars", 1)
		c := open(t, b)
		mustWrite(t, c, "cars", "a")
		b.PowerCut(t)
		time.AfterFunc(20*time.Second, func() { b.Restart(t) })
		mustWrite(t, c, "cars", "b") // which waits for the broker
		if got := read(t, c, "cars"); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%q", got)
		}
	})
}

// An hour of retention passes: the segments that are older go, the one that is written stays.
func TestRetentionInVirtualTime(t *testing.T) {
	inBubbles(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		b.CreateTopic(t, "cars", 1, "retention.ms=3600000", "segment.ms=600000")
		c := open(t, b)
		for range 6 { // a segment every half hour
			mustWrite(t, c, "cars", time.Now().Format(time.Kitchen))
			time.Sleep(30 * time.Minute)
		}
		if got, want := read(t, c, "cars"), []string{"2:00AM", "2:30AM"}; !slices.Equal(got, want) {
			t.Errorf("left are %q, want %q", got, want)
		}
	})
}

// A member that is cut off from the broker loses its partition to another one when its session of 45 seconds is over.
func TestSessionsTimeOutInVirtualTime(t *testing.T) {
	inBubbles(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		b.CreateTopic(t, "cars", 1)
		assigned := make(chan string, 10)
		member := func(name string, line *bobbintest.Line) {
			c := franz(t, b, kgo.Dialer(line.Dial), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("cars"), kgo.SessionTimeout(45*time.Second),
				kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, a map[string][]int32) {
					if len(a["cars"]) > 0 {
						assigned <- name
					}
				}))
			go c.PollFetches(t.Context())
		}
		first := b.Line()
		member("first", first)
		if got := <-assigned; got != "first" {
			t.Fatalf("the partition went to the %s member", got)
		}
		member("second", b.Line())
		time.Sleep(time.Minute)
		first.Cut()
		began := time.Now()
		for got := range assigned {
			if got == "second" {
				break
			}
		}
		if passed := time.Since(began); passed < 40*time.Second || passed > 50*time.Second {
			t.Errorf("the second member got the partition after %v", passed)
		}
	})
}

// Every codec can be written, stored in another one, and read, in one bubble after the other.
func TestCompressionInVirtualTime(t *testing.T) {
	codecs := []string{"none", "gzip", "snappy", "lz4", "zstd"}
	inBubbles(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		c := open(t, b)
		for _, stored := range codecs {
			kept := stored
			if stored == "none" {
				kept = "uncompressed"
			}
			b.CreateTopic(t, stored, 1, "compression.type="+kept)
			for _, written := range codecs {
				p, err := c.NewProducer(kafka.ProducerOptions{Compression: written})
				if err != nil {
					t.Fatal(err)
				}
				for range 20 {
					p.Send(t.Context(), kafka.Record{Topic: stored, Value: bytes.Repeat([]byte(written), 1000)}, func(_ kafka.Record, err error) {
						if err != nil {
							t.Error(err)
						}
					})
				}
				if err := p.Flush(t.Context()); err != nil {
					t.Error(err)
				}
				p.Close()
			}
			if got := read(t, c, stored); len(got) != 20*len(codecs) {
				t.Errorf("%s: %d rows", stored, len(got))
			}
		}
	})
	for range 3 {
		runtime.GC() // what the bubble leaves is collected outside of it
		time.Sleep(10 * time.Millisecond)
	}
}

// While the disk hangs, everything that has to wait for it waits without keeping time, or others, from going on.
func TestAStalledDiskInVirtualTime(t *testing.T) {
	inBubbles(t, func(t *testing.T) {
		const stall = 5 * time.Second
		b := bobbintest.Start(t)
		for _, topic := range []string{"cars", "old", "grows", "set"} {
			b.CreateTopic(t, topic, 2)
		}
		c := open(t, b)
		mustWrite(t, c, "cars", "a", "b")
		ctx := t.Context()
		commit := func(c *kafka.Client) error {
			return c.CommitOffsets(ctx, "g", []kafka.NewOffset{{TopicPartition: kafka.TopicPartition{Topic: "cars"}, New: 1}})
		}
		if err := commit(c); err != nil { // makes __consumer_offsets
			t.Fatal(err)
		}
		resume := b.StallDisk(t)
		began := time.Now()
		time.AfterFunc(stall, resume)
		var wg sync.WaitGroup
		do := func(name string, waits bool, what func(*kafka.Client) error) {
			for range 2 {
				c := open(t, b) // requests of one connection wait for each other
				wg.Go(func() {
					err := what(c)
					if took := time.Since(began); err != nil || !waits && took > time.Second || waits && (took < stall || took > stall+5*time.Second) {
						t.Errorf("%s took %v: %v", name, took, err)
					}
				})
			}
		}
		made := make(chan string, 2)
		made <- "new-1"
		made <- "new-2"
		do("write", true, func(c *kafka.Client) error {
			for _, err := range write(t, c, "cars", time.Minute, "c", "d") {
				return err
			}
			return nil
		})
		do("create a topic", true, func(c *kafka.Client) error { return c.CreateTopic(ctx, kafka.NewTopic{Name: <-made, Partitions: 3}) })
		do("alter a topic", true, func(c *kafka.Client) error {
			return c.AlterTopic(ctx, "set", map[string]string{"retention.ms": "1"}, nil)
		})
		do("delete records", true, func(c *kafka.Client) error { _, err := c.DeleteRecords(ctx, "cars", 0, 1); return err })
		do("commit offsets", true, commit)
		do("describe a topic", false, func(c *kafka.Client) error { _, err := c.Topic(ctx, "cars"); return err })
		do("offsets", false, func(c *kafka.Client) error { _, err := c.Offsets(ctx, "cars"); return err })
		do("read", false, func(c *kafka.Client) error {
			r, err := c.NewReader(ctx, kafka.ReaderOptions{Topic: "cars", UntilEnd: true})
			if err != nil {
				return err
			}
			defer r.Close()
			for {
				if _, err := r.Poll(ctx, 0); err != nil {
					if err == io.EOF {
						err = nil
					}
					return err
				}
			}
		})
		wg.Wait()
	})
}
