package directory

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin/broker"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const within = time.Minute

// eachCluster runs a test against a broker in this process and against the Kafka that KAFKA_BOOTSTRAP names, with a topic of three partitions.
func eachCluster(t *testing.T, test func(t *testing.T, c *kafka.Client, topic string)) {
	t.Run("embedded", func(t *testing.T) {
		b, err := broker.Open(t.Context(), broker.Options{Memory: true, Settings: map[string]string{"log.cleaner.backoff.ms": "50"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		c := open(t, kafka.Options{Brokers: []string{"memory:9092"}, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return b.Dial(ctx) }})
		test(t, c, create(t, c, "cars"))
	})
	t.Run("kafka", func(t *testing.T) {
		at := os.Getenv("KAFKA_BOOTSTRAP")
		if at == "" {
			t.Skip("KAFKA_BOOTSTRAP is not set")
		}
		c := open(t, kafka.Options{Brokers: strings.Split(at, ",")})
		test(t, c, create(t, c, fmt.Sprintf("cars-%d", time.Now().UnixNano())))
	})
}

func open(t *testing.T, o kafka.Options) *kafka.Client {
	t.Helper()
	c, err := kafka.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func create(t *testing.T, c *kafka.Client, topic string) string {
	t.Helper()
	if err := c.CreateTopic(t.Context(), kafka.NewTopic{Name: topic, Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.DeleteTopic(context.Background(), topic) })
	return topic
}

func directory(t *testing.T, c *kafka.Client, topic string) *Directory {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	d, err := Open(ctx, c, topic, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func place(t *testing.T, d *Directory, stream string, want int32) int32 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	p, err := d.Place(ctx, stream, want)
	if err != nil {
		t.Errorf("%s: %v", stream, err)
	}
	return p
}

// Many programs that open the same streams at once agree, and so does one that comes later and wants something else, also after partitions were added.
func TestAllWhoOpenAStreamAgree(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *kafka.Client, topic string) {
		const programs, streams = 6, 200
		var work sync.WaitGroup
		got := make([][]int32, programs)
		for i := range programs {
			got[i] = make([]int32, streams)
			d := directory(t, c, topic) // those of some are made while others begin already
			for s := range streams {
				work.Go(func() { got[i][s] = place(t, d, fmt.Sprint("car-", s), int32(i%3)) })
			}
		}
		work.Wait()
		if err := c.SetPartitions(t.Context(), topic, 9); err != nil {
			t.Fatal(err)
		}
		late := directory(t, c, topic)
		used := make(map[int32]int)
		for s := range streams {
			for i := range programs {
				if got[i][s] != got[0][s] {
					t.Errorf("car-%d: %d and %d", s, got[0][s], got[i][s])
				}
			}
			used[got[0][s]]++
			work.Go(func() {
				if p := place(t, late, fmt.Sprint("car-", s), 8); p != got[0][s] {
					t.Errorf("car-%d: %d and later %d", s, got[0][s], p)
				}
			})
		}
		work.Wait()
		if p := place(t, late, "a new one", 8); p != 8 {
			t.Errorf("a stream that nobody has opened is on %d", p)
		}
		if len(used) == 0 {
			t.Error("nothing was placed")
		}
	})
}

// Programs that were killed after their claim, and deletions that arrive late, neither hold up nor mislead those who come later.
func TestClaimsOfTheDead(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *kafka.Client, topic string) {
		info, err := c.Topic(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.NewProducer(kafka.ProducerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		claim := func(stream, id string, partition int32) { // what a program writes before it is killed
			k := key{claimKind, topic, info.ID, id, stream}
			r := kafka.Record{Topic: Topic, Partition: partitionOf(topic, stream), Key: []byte(k.String())}
			if partition >= 0 {
				r.Value = encode(claimValue{partition})
			}
			p.SendTo(t.Context(), r, func(_ kafka.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		first := directory(t, c, topic)
		claim("s", "dead1", 2)
		claim("s", "dead2", 1)
		claim("s", "dead3", 2)
		if got := place(t, first, "s", 0); got != 2 {
			t.Errorf("%d", got)
		}
		claim("s", "dead2", -1) // the second finds out, hours later
		claim("s", "dead1", -1) // an administrator's mistake
		claim("s", "dead4", 1)
		if got := place(t, directory(t, c, topic), "s", 0); got != 2 {
			t.Errorf("%d", got)
		}
		if got := place(t, first, "s", 0); got != 2 {
			t.Errorf("%d", got)
		}
	})
}

// A stream that has ended keeps its place for as long as the topic keeps its records, and is then forgotten by whoever opens the topic next.
func TestAnEndedStreamIsForgottenAfterTheRetention(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *kafka.Client, topic string) {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		d := directory(t, c, topic)
		place(t, d, "ended", 2)
		place(t, d, "open", 1)
		if err := d.End(ctx, "ended"); err != nil {
			t.Fatal(err)
		}
		if err := d.End(ctx, "never opened"); err != nil {
			t.Error(err)
		}
		if p := place(t, directory(t, c, topic), "ended", 0); p != 2 {
			t.Errorf("it was opened again on %d", p)
		}
		d.Close()
		last := directory(t, c, topic)
		place(t, last, "ended", 0)
		if err := last.End(ctx, "ended"); err != nil {
			t.Fatal(err)
		}
		if err := c.AlterTopic(ctx, topic, map[string]string{"retention.ms": "1"}, nil); err != nil {
			t.Fatal(err)
		}
		sweeper := directory(t, c, topic)
		for {
			sweeper.sweep()
			sweeper.mu.Lock()
			ended, open := 0, len(sweeper.m.streams["open"].claims)
			if s := sweeper.m.streams["ended"]; s != nil {
				ended = len(s.claims)
			}
			sweeper.mu.Unlock()
			if open != 1 {
				t.Fatalf("%d claims of the open one", open)
			}
			if ended <= 1 { // that of the second program, which never ended it
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("%d claims", ended)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
}

// A topic that was made again has an empty directory; what was said about the old one is swept up.
func TestATopicThatWasMadeAgainBeginsAnew(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *kafka.Client, topic string) {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		d := directory(t, c, topic)
		place(t, d, "s", 2)
		d.Close()
		if err := c.DeleteTopic(ctx, topic); err != nil {
			t.Fatal(err)
		}
		for c.CreateTopic(ctx, kafka.NewTopic{Name: topic, Partitions: 1}) != nil {
			if ctx.Err() != nil {
				t.Fatal(ctx.Err())
			}
			time.Sleep(20 * time.Millisecond)
		}
		d = directory(t, c, topic)
		if p := place(t, d, "s", 0); p != 0 {
			t.Errorf("partition %d of one", p)
		}
		for {
			d.mu.Lock()
			n := len(d.m.strays)
			d.mu.Unlock()
			if n == 0 {
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("%d records about the old topic are left", n)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
}

// Who waits when the Directory is closed, or gives up, gets an error; what nobody waited for does not stay.
func TestWaitingEnds(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *kafka.Client, topic string) {
		d := directory(t, c, topic)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Place(ctx, "s", 1); kafka.KindOf(err) != kafka.Interrupted {
			t.Errorf("%v", err)
		}
		if p := place(t, d, "s", 2); p != 2 && p != 1 {
			t.Errorf("%d", p)
		}
		for _, bad := range []string{"", strings.Repeat("x", 1025), "\xff"} {
			if _, err := d.Place(t.Context(), bad, 0); kafka.KindOf(err) != kafka.Invalid {
				t.Errorf("%.10q: %v", bad, err)
			}
		}
		if _, err := d.Place(t.Context(), "x", -1); kafka.KindOf(err) != kafka.Invalid {
			t.Errorf("%v", err)
		}
		d.Close()
		if _, err := d.Place(t.Context(), "y", 0); kafka.KindOf(err) != kafka.Interrupted {
			t.Errorf("%v", err)
		}
		if err := d.End(t.Context(), "s"); kafka.KindOf(err) != kafka.Interrupted {
			t.Errorf("%v", err)
		}
	})
}

// A directory's topic that would forget is refused, and so is one that is too small.
func TestADirectoryThatWouldForgetIsRefused(t *testing.T) {
	for _, x := range []struct {
		partitions int32
		policy     string
		want       string
	}{{4, "compact", "it has 4 partitions and needs 8"}, {8, "delete", "would forget"}, {9, "compact", ""}} {
		b, err := broker.Open(t.Context(), broker.Options{Memory: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		c := open(t, kafka.Options{Brokers: []string{"memory:9092"}, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return b.Dial(ctx) }})
		create(t, c, "cars")
		if err := c.CreateTopic(t.Context(), kafka.NewTopic{Name: Topic, Partitions: x.partitions, Configs: map[string]string{"cleanup.policy": x.policy}}); err != nil {
			t.Fatal(err)
		}
		d, err := Open(t.Context(), c, "cars", nil)
		switch {
		case err == nil:
			d.Close()
			if x.want != "" {
				t.Errorf("%d partitions, %s: taken", x.partitions, x.policy)
			}
		case x.want == "" || !strings.Contains(err.Error(), x.want):
			t.Errorf("%d partitions, %s: %v", x.partitions, x.policy, err)
		}
	}
}

// A broker that restarts only takes time.
func TestARestartOfTheBrokerTakesTime(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	var b *broker.Broker
	start := func() {
		mu.Lock()
		defer mu.Unlock()
		var err error
		if b, err = broker.Open(context.Background(), broker.Options{Dir: dir}); err != nil {
			t.Fatal(err)
		}
	}
	start()
	t.Cleanup(func() { b.Close() })
	c := open(t, kafka.Options{Brokers: []string{"memory:9092"}, Timeout: 2 * time.Second, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		mu.Lock()
		now := b
		mu.Unlock()
		return now.Dial(ctx)
	}})
	create(t, c, "cars")
	d := directory(t, c, "cars")
	place(t, d, "before", 2)
	b.Close()
	var work sync.WaitGroup
	work.Go(func() {
		if p := place(t, d, "meanwhile", 1); p != 1 {
			t.Errorf("%d", p)
		}
	})
	start()
	work.Wait()
	if p := place(t, directory(t, c, "cars"), "before", 0); p != 2 {
		t.Errorf("%d", p)
	}
}

func BenchmarkPlace(b *testing.B) {
	br, err := broker.Open(b.Context(), broker.Options{Memory: true})
	if err != nil {
		b.Fatal(err)
	}
	defer br.Close()
	c, err := kafka.Open(kafka.Options{Brokers: []string{"memory:9092"}, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return br.Dial(ctx) }})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateTopic(b.Context(), kafka.NewTopic{Name: "cars", Partitions: 3}); err != nil {
		b.Fatal(err)
	}
	d, err := Open(b.Context(), c, "cars", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	b.SetParallelism(500)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := d.Place(b.Context(), newClaim(), 1); err != nil {
				b.Error(err)
			}
		}
	})
}
