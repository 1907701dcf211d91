package server

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func apiVersionsRequest(version int16) *kmsg.ApiVersionsRequest {
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = version, "test", "1.0"
	return req
}

// frame is a request's bytes.
func frame(req kmsg.Request) []byte { return kmsg.NewRequestFormatter().AppendRequest(nil, req, 7) }

// Each of these ends its connection, and nothing else.
func TestConnectionIsClosedOn(t *testing.T) {
	withVersion := func(key, version int16) []byte {
		f := frame(apiVersionsRequest(0))
		binary.BigEndian.PutUint16(f[4:], uint16(key))
		binary.BigEndian.PutUint16(f[6:], uint16(version))
		return f
	}
	hugeArray := frame(&kmsg.MetadataRequest{Version: 1, Topics: []kmsg.MetadataRequestTopic{}})
	binary.BigEndian.PutUint32(hugeArray[len(hugeArray)-4:], 0x7fffffff)
	for name, sent := range map[string][]byte{
		"a negative length":                    {0xff, 0xff, 0xff, 0xff},
		"a length over the limit":              {0x7f, 0xff, 0xff, 0xff},
		"an empty frame":                       {0, 0, 0, 0},
		"a frame shorter than a header":        {0, 0, 0, 5, 0, 18, 0, 0, 0},
		"an unknown API":                       withVersion(999, 0),
		"a negative API":                       withVersion(-1, 0),
		"an API of Kafka that is not served":   withVersion(int16(kmsg.LeaderAndISR), 0),
		"an old version":                       withVersion(keyFetch, 3),
		"a new version":                        withVersion(keyMetadata, 99),
		"a negative version":                   withVersion(keyMetadata, -1),
		"an array that claims more than it is": hugeArray,
		"a large first request of no kind":     {0, 16, 0, 0, 0x12, 0x34, 0, 0, 0, 0, 0, 0},
		"TLS":                                  []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
		"garbage":                              []byte("this is no request of any kind, whatever one may think of it"),
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, Limits{})
			p, other := b.dial(), b.dial()
			if _, err := p.Write(sent); err != nil {
				t.Fatal(err)
			}
			if answer := p.closed(); answer != "" {
				t.Errorf("it was answered: %q", answer)
			}
			ask[*kmsg.ApiVersionsResponse](other, apiVersionsRequest(4))
		})
	}
}

// Every request that is served, cut at any byte, ends its connection or is answered; the server goes on.
func TestTruncatedRequests(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	for _, req := range sampleRequests(topic) {
		whole := frame(req)
		for n := 4; n < len(whole); n++ {
			cut := append([]byte(nil), whole[:n]...)
			binary.BigEndian.PutUint32(cut, uint32(n-4))
			p := b.dial()
			if _, err := p.Write(cut); err != nil {
				t.Fatal(err)
			}
			p.Conn.(*memConn).out.end(false) // no more comes
			p.closed()
		}
	}
	if st := b.Stats(); st.Panics != 0 {
		t.Errorf("%d panics", st.Panics)
	}
	ask[*kmsg.ApiVersionsResponse](b.dial(), apiVersionsRequest(3))
}

// Who claims a large request and sends next to nothing of it holds no memory that others need; who sends a part of it and then stops is cut off when somebody waits.
func TestASlowRequestDoesNotKeepOthersWaiting(t *testing.T) {
	for name, sent := range map[string]int{"its beginning": 100, "a part": 64 << 10} {
		t.Run(name, func(t *testing.T) {
			b := start(t, Limits{RequestBytes: 1 << 20, HoldTime: 10 * time.Millisecond, FrameTime: time.Hour})
			slow, other := b.dial(), b.dial()
			ask[*kmsg.ApiVersionsResponse](slow, apiVersionsRequest(3))
			claim := make([]byte, sent)
			binary.BigEndian.PutUint32(claim, 1<<20)
			binary.BigEndian.PutUint16(claim[6:], 9) // Produce
			if _, err := slow.Write(claim); err != nil {
				t.Fatal(err)
			}
			for sent > readBuffer && b.memory.inUse() == 0 {
				runtime.Gosched()
			}
			ask[*kmsg.ApiVersionsResponse](other, apiVersionsRequest(3))
			if sent > readBuffer {
				if answer := slow.closed(); answer != "" {
					t.Errorf("it was answered: %q", answer)
				}
			}
		})
	}
}

// A browser is told where it is, and only the first one fills the log.
func TestHTTPIsAnsweredInHTTP(t *testing.T) {
	b := start(t, Limits{})
	for range 3 {
		p := b.dial()
		io.WriteString(p, "GET / HTTP/1.1\r\nHost: localhost:9092\r\n\r\n")
		if answer := p.closed(); !strings.HasPrefix(answer, "HTTP/1.1 400 ") || !strings.Contains(answer, "Kafka protocol") {
			t.Fatalf("answer %q", answer)
		}
	}
	if n := b.Stats().Foreign; n != 3 {
		t.Errorf("%d are counted, want 3", n)
	}
}

// A client that asks in a version from the future learns in version 0 what there is (KIP-511), on the same connection.
func TestApiVersionsOfTheFuture(t *testing.T) {
	b := start(t, Limits{})
	p := b.dial()
	f := frame(apiVersionsRequest(5))
	binary.BigEndian.PutUint16(f[6:], 77)
	p.Write(f)
	resp := kmsg.NewPtrApiVersionsResponse()
	p.receive(7, resp)
	if resp.ErrorCode != kerr.UnsupportedVersion.Code || len(resp.ApiKeys) != 1 || resp.ApiKeys[0].ApiKey != 18 || resp.ApiKeys[0].MaxVersion != 5 {
		t.Errorf("got %+v", resp)
	}
	if all := ask[*kmsg.ApiVersionsResponse](p, apiVersionsRequest(3)); all.ErrorCode != 0 || len(all.ApiKeys) != len(newTable()) {
		t.Errorf("got %+v", all)
	}
}

func TestApiVersionsRefusesNamelessSoftware(t *testing.T) {
	b := start(t, Limits{})
	p := b.dial()
	for _, name := range []string{"", "-x", "x-", "a b", ".", "ü"} {
		req := apiVersionsRequest(3)
		req.ClientSoftwareName = name
		if resp := ask[*kmsg.ApiVersionsResponse](p, req); resp.ErrorCode != kerr.InvalidRequest.Code {
			t.Errorf("%q: code %d", name, resp.ErrorCode)
		}
	}
	req := apiVersionsRequest(5)
	req.NodeID = 1 // without a cluster id
	if resp := ask[*kmsg.ApiVersionsResponse](p, req); resp.ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("node without cluster: code %d", resp.ErrorCode)
	}
}

// What is advertised can be asked for: every version of every request is answered, and what comes after it as well.
func TestEveryAdvertisedVersionIsAnswered(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 2)
	p := b.dial()
	for _, a := range ask[*kmsg.ApiVersionsResponse](p, apiVersionsRequest(0)).ApiKeys {
		for v := a.MinVersion; v <= a.MaxVersion; v++ {
			for _, req := range sampleRequests(topic) {
				if req.Key() == a.ApiKey {
					req.SetVersion(v)
					ask[kmsg.Response](p, req)
				}
			}
		}
	}
	if st := b.Stats(); st.Panics != 0 {
		t.Errorf("%d panics", st.Panics)
	}
}

// Requests that are sent without waiting are answered in their order, whatever they wait for.
func TestPipelinedResponsesComeInOrder(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 2)
	p := b.dial()
	var ids []int32
	var resps []kmsg.Response
	send := func(req kmsg.Request) {
		ids, resps = append(ids, p.send(req)), append(resps, req.ResponseKind())
	}
	for i := range 20 {
		send(produceTo(9, topic, int32(i%2), plain("v")))
		switch i % 5 {
		case 1:
			send(listOne("t", 0, latestOffset))
		case 3:
			send(fetchOne(11, topic, 0, 1000, 20))
		}
	}
	for i := range ids {
		p.receive(ids[i], resps[i])
	}
	wrote := int64(0)
	for i, r := range resps {
		switch r := r.(type) {
		case *kmsg.ProduceResponse:
			if got := r.Topics[0].Partitions[0]; got.ErrorCode != 0 || got.BaseOffset != wrote/2 {
				t.Errorf("response %d: code %d, offset %d, want %d", i, got.ErrorCode, got.BaseOffset, wrote/2)
			}
			wrote++
		case *kmsg.ListOffsetsResponse:
			if got := r.Topics[0].Partitions[0].Offset; got != (wrote+1)/2 {
				t.Errorf("response %d: a request does not see what was produced before it: end %d, want %d", i, got, (wrote+1)/2)
			}
		}
	}
}

// A peer that begins a request and does not go on is cut off; so is one that says nothing, and one that takes no response.
func TestSlowPeersAreCutOff(t *testing.T) {
	short := Limits{FirstByte: 20 * time.Millisecond, FrameTime: 20 * time.Millisecond, ResponseTime: 20 * time.Millisecond, MinRate: 1 << 30}
	t.Run("silent", func(t *testing.T) { start(t, short).dial().closed() })
	t.Run("within the length", func(t *testing.T) {
		p := start(t, short).dial()
		p.Write([]byte{0, 0})
		p.closed()
	})
	t.Run("within the request", func(t *testing.T) {
		p := start(t, short).dial()
		p.Write(frame(apiVersionsRequest(3))[:9])
		p.closed()
	})
	t.Run("idle", func(t *testing.T) {
		p := start(t, Limits{}, "connections.max.idle.ms=20").dial()
		ask[*kmsg.ApiVersionsResponse](p, apiVersionsRequest(3))
		p.closed()
	})
	t.Run("idle while we are slow", func(t *testing.T) {
		b := start(t, Limits{}, "connections.max.idle.ms=10")
		topic := b.create("t", 1)
		r := ask[*kmsg.FetchResponse](b.dial(), fetchOne(12, topic, 0, 1000, 100))
		if r.ErrorCode != 0 || len(r.Topics) != 1 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("takes no response", func(t *testing.T) {
		b := start(t, Limits{ResponseTime: 20 * time.Millisecond, MinRate: 1 << 30})
		topic := b.create("t", 1)
		p := b.dial()
		p.put(topic, 0, 0, strings.Repeat("x", 2*memBuffer))
		p.send(fetchOne(12, topic, 0, 4*memBuffer, 0))
		p.Conn.(*memConn).in.mu.Lock()
		for !p.Conn.(*memConn).in.noMore {
			p.Conn.(*memConn).in.changed.Wait()
		}
		p.Conn.(*memConn).in.mu.Unlock()
	})
}

func TestConnectionLimits(t *testing.T) {
	t.Run("all", func(t *testing.T) {
		b := start(t, Limits{}, "max.connections=2")
		b.dial()
		p := b.dial()
		if _, err := b.Dial(context.Background()); err == nil {
			t.Fatal("a third connection was let in")
		}
		p.Close()
		b.eventually(func(st Stats) bool { return st.Connections == 1 })
		b.dial()
		if n := b.Stats().Refused; n != 1 {
			t.Errorf("%d refused, want 1", n)
		}
	})
	t.Run("of one address", func(t *testing.T) {
		b := start(t, Limits{ConnectionsPerIP: 1})
		addr := b.listen()
		one := dialTCP(t, addr)
		two := dialTCP(t, addr)
		if _, err := two.Read(make([]byte, 1)); err == nil {
			t.Fatal("a second connection was served")
		}
		ask[*kmsg.ApiVersionsResponse](one, apiVersionsRequest(3))
		b.dial() // one in memory has no address
	})
}

// listen serves a port of the system's choice.
func (b *bench) listen() string {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.Serve(l) }()
	b.t.Cleanup(func() {
		b.Close()
		if err := <-done; err != ErrClosed {
			b.t.Errorf("Serve: %v, want ErrClosed", err)
		}
	})
	return l.Addr().String()
}

func dialTCP(t testing.TB, addr string) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return &peer{Conn: nc, t: t}
}

// eventually waits for figures.
func (b *bench) eventually(ok func(Stats) bool) {
	b.t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(b.Stats()); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("it does not come: %+v", b.Stats())
		}
	}
}

// A panic in a handler ends its connection, is counted, and leaves the others alone.
func TestPanicEndsOneConnection(t *testing.T) {
	b := start(t, Limits{})
	b.apis.find(keyDescribeCluster).handle = func(context.Context, *request) kmsg.Response { panic("on purpose") }
	other := b.dial()
	p := b.dial()
	p.send(kmsg.NewPtrDescribeClusterRequest())
	if answer := p.closed(); answer != "" {
		t.Errorf("answer %q", answer)
	}
	ask[*kmsg.ApiVersionsResponse](other, apiVersionsRequest(3))
	if n := b.Stats().Panics; n != 1 {
		t.Errorf("%d panics are counted, want 1", n)
	}
}

// A fetch that waits is over when its client has gone.
func TestFetchEndsWithItsClient(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	p := b.dial()
	p.send(fetchOne(12, topic, 0, 1000, 1_000_000_000))
	b.eventually(func(st Stats) bool { return st.Requests[keyFetch] == 1 })
	p.Close()
	b.eventually(func(st Stats) bool { return st.Connections == 0 })
}

// Shutdown answers what has arrived, also a fetch that waits, and then closes.
func TestShutdownAnswersWhatHasArrived(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	waiting, idle, busy := b.dial(), b.dial(), b.dial()
	id := waiting.send(fetchOne(12, topic, 0, 1000, 1_000_000_000))
	wrote := busy.send(produceTo(9, topic, 0, plain("v")))
	b.eventually(func(st Stats) bool { return st.Requests[keyFetch] == 1 && st.Requests[keyProduce] == 1 })
	if err := b.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	waiting.receive(id, &kmsg.FetchResponse{Version: 12})
	resp := &kmsg.ProduceResponse{Version: 9}
	if busy.receive(wrote, resp); resp.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Errorf("produce: %+v", resp)
	}
	for _, p := range []*peer{waiting, idle, busy} {
		p.closed()
	}
	if _, err := b.Dial(context.Background()); err != ErrClosed {
		t.Errorf("Dial after Shutdown: %v", err)
	}
}

// When the time for Shutdown is up, everything is closed.
func TestShutdownEndsWithItsContext(t *testing.T) {
	b := start(t, Limits{})
	entered, leave := make(chan struct{}), context.Background()
	b.apis.find(keyDescribeCluster).handle = func(ctx context.Context, _ *request) kmsg.Response {
		close(entered)
		<-ctx.Done()
		return kmsg.NewPtrDescribeClusterResponse()
	}
	p := b.dial()
	p.send(kmsg.NewPtrDescribeClusterRequest())
	<-entered
	ctx, cancel := context.WithTimeout(leave, 10*time.Millisecond)
	defer cancel()
	if err := b.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Errorf("Shutdown: %v", err)
	}
}

// More bytes of requests than the limit do not come in at one time; those that wait get their turn.
func TestRequestMemoryIsBounded(t *testing.T) {
	const limit = 256 << 10
	b := start(t, Limits{RequestBytes: limit})
	topic := b.create("t", 1)
	const peers = 8
	done := make(chan bool, peers)
	for range peers {
		p := b.dial()
		go func() {
			ok := true
			for range 10 {
				r := produceTo(9, topic, 0, plain(strings.Repeat("x", 100<<10)))
				p.Write(frame(r))
				var head [4]byte
				if _, err := io.ReadFull(p, head[:]); err != nil {
					ok = false
					break
				}
				io.CopyN(io.Discard, p, int64(binary.BigEndian.Uint32(head[:])))
			}
			done <- ok
		}()
	}
	for left := peers; left > 0; {
		select {
		case ok := <-done:
			left--
			if !ok {
				t.Error("a produce was not answered")
			}
		default:
			if n := b.Stats().RequestMemory; n > limit {
				t.Fatalf("%d bytes are in memory", n)
			}
			time.Sleep(100 * time.Microsecond)
		}
	}
	if end := topic.Partitions[0].HighWatermark(); end != peers*10 {
		t.Errorf("the log ends at %d, want %d", end, peers*10)
	}
}
