package server

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// testTime is what the server's clock says: that of the records in the tests.
var testTime = time.UnixMilli(1_700_000_000_000)

// bench is a server on a store in memory.
type bench struct {
	*Server
	t     testing.TB
	store *store.Store
}

// start starts a server. Everything is closed, and looked at for what is left, when the test ends.
func start(t testing.TB, limits Limits, set ...string) *bench {
	t.Helper()
	return startOn(t, vfs.NewMem(), limits, set...)
}

// startOn is start on a file system. Its errors may make the stop an unclean one.
func startOn(t testing.TB, fsys vfs.FS, limits Limits, set ...string) *bench {
	t.Helper()
	check := goleak.IgnoreCurrent()
	settings := make(map[string]string)
	for _, kv := range set {
		k, v, _ := strings.Cut(kv, "=")
		settings[k] = v
	}
	conf, err := catalog.NewBroker(settings)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	st, err := store.Open(context.Background(), store.Options{
		FS: fsys, Dir: "data", Settings: conf, WALFileBytes: 1 << 20, BallastBytes: -1, SealAfter: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Store: st, Log: log, Now: func() time.Time { return testTime }, Limits: limits})
	t.Cleanup(func() {
		s.Close()
		if n := s.memory.inUse(); n != 0 {
			t.Errorf("%d bytes of requests are still counted", n)
		}
		if n := s.fetchMemory.used.Load(); n != 0 {
			t.Errorf("%d bytes of fetched records are still counted", n)
		}
		if err := st.Close(); err != nil && st.Err() == nil {
			t.Errorf("close the store: %v", err)
		}
		goleak.VerifyNone(t, check)
	})
	return &bench{Server: s, t: t, store: st}
}

type testLog struct{ t testing.TB }

func (w testLog) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// create makes a topic.
func (b *bench) create(name string, partitions int32, configs ...string) *store.Topic {
	b.t.Helper()
	n := catalog.NewTopic{Name: name, Partitions: partitions, ReplicationFactor: -1}
	for _, c := range configs {
		k, v, _ := strings.Cut(c, "=")
		n.Configs = append(n.Configs, catalog.ConfigValue{Name: k, Value: &v})
	}
	t, err := b.store.CreateTopic(context.Background(), n)
	if err != nil {
		b.t.Fatal(err)
	}
	return t
}

// peer is a raw connection.
type peer struct {
	net.Conn
	t    testing.TB
	next int32
}

func (b *bench) dial() *peer {
	b.t.Helper()
	nc, err := b.Dial(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return &peer{Conn: nc, t: b.t}
}

// send sends a request in the version that it has and returns its correlation id.
func (p *peer) send(req kmsg.Request) int32 {
	p.t.Helper()
	p.next++
	if _, err := p.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, p.next)); err != nil {
		p.t.Fatalf("send %s: %v", kmsg.NameForKey(req.Key()), err)
	}
	return p.next
}

// receive reads the next response, which must be the one to that request.
func (p *peer) receive(id int32, resp kmsg.Response) {
	p.t.Helper()
	var prefix [4]byte
	if _, err := io.ReadFull(p, prefix[:]); err != nil {
		p.t.Fatalf("receive %s: %v", kmsg.NameForKey(resp.Key()), err)
	}
	body := make([]byte, binary.BigEndian.Uint32(prefix[:]))
	if _, err := io.ReadFull(p, body); err != nil {
		p.t.Fatalf("receive %s: %v", kmsg.NameForKey(resp.Key()), err)
	}
	if got := int32(binary.BigEndian.Uint32(body)); got != id {
		p.t.Fatalf("the response is to request %d, want %d", got, id)
	}
	body = body[4:]
	if resp.IsFlexible() && resp.Key() != keyApiVersions {
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		p.t.Fatalf("decode %s version %d: %v", kmsg.NameForKey(resp.Key()), resp.GetVersion(), err)
	}
}

// ask sends a request and waits for the response.
func ask[R kmsg.Response](p *peer, req kmsg.Request) R {
	p.t.Helper()
	resp := req.ResponseKind()
	p.receive(p.send(req), resp)
	return resp.(R)
}

// closed waits until the server has closed the connection, and returns what it sent before.
func (p *peer) closed() string {
	p.t.Helper()
	b, err := io.ReadAll(p)
	if err != nil {
		p.t.Fatalf("the connection is not closed: %v", err)
	}
	return string(b)
}

// records makes a batch of values at testTime.
func records(o batch.Options, values ...string) []byte {
	b := batch.NewBuilder(o)
	for _, v := range values {
		b.Append(testTime.UnixMilli(), nil, []byte(v))
	}
	return b.Build(nil)
}

func plain(values ...string) []byte { return records(batch.NoProducer(), values...) }

// produceTo makes a request for one partition.
func produceTo(version int16, t *store.Topic, partition int32, batch []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = version, -1, 5000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.TopicID = t.Name, t.ID
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Partition, rp.Records = partition, batch
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

// put produces and wants the base offset.
func (p *peer) put(t *store.Topic, partition int32, want int64, values ...string) {
	p.t.Helper()
	r := ask[*kmsg.ProduceResponse](p, produceTo(13, t, partition, plain(values...))).Topics[0].Partitions[0]
	if r.ErrorCode != 0 || r.BaseOffset != want {
		p.t.Fatalf("produce: code %d, offset %d, want offset %d", r.ErrorCode, r.BaseOffset, want)
	}
}

// client is franz-go's, over connections in memory.
func (b *bench) client(opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers("memory:1"),
		kgo.Dialer(func(ctx context.Context, _, _ string) (net.Conn, error) { return b.Dial(ctx) }),
	}, opts...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(c.Close)
	return c
}
