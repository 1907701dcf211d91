package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestEveryRequestIsDecodedAsItWasWritten(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	eachVersion(func(h Header) {
		for range 20 {
			body := randomRequest(rng, h).AppendTo(nil)
			req, err := Decode(h, body)
			if err != nil {
				t.Fatalf("%s version %d, body %x: %v", h.Name(), h.Version, body, err)
			}
			if again := req.AppendTo(nil); !bytes.Equal(again, body) {
				t.Fatalf("%s version %d: read and written again\n got %x\nwant %x", h.Name(), h.Version, again, body)
			}
		}
	})
}

// The walk is right about a request when it ends where the request ends.
func TestTheWalkReadsEveryRequestToItsEnd(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	eachVersion(func(h Header) {
		for range 20 {
			body := randomRequest(rng, h).AppendTo(nil)
			w := newWalker(h, body)
			if w.fields(shapes[h.Key]); w.bad || len(w.src) != 0 {
				t.Fatalf("%s version %d: bad %v, %d of %d bytes left", h.Name(), h.Version, w.bad, len(w.src), len(body))
			}
		}
	})
}

func TestARequestCutAnywhereIsRefused(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	eachVersion(func(h Header) {
		body := randomRequest(rng, h).AppendTo(nil)
		for n := range body {
			if _, err := Decode(h, body[:n:n]); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%s version %d cut after %d of %d bytes: error %v, want ErrMalformed", h.Name(), h.Version, n, len(body), err)
			}
		}
	})
}

// Every place of every request is overwritten with large counts, with much behind it that could be elements.
func TestHostileCountsTakeNoMoreMemoryThanWasCounted(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const tail = 64 << 10
	counts := [][]byte{
		{0x7f, 0xff, 0xff, 0xff},             // an array of 2^31-1
		{0xff, 0xff, 0xff, 0xff, 0x07},       // the same, compact, or as many tags
		{0xff, 0xff, 0xff, 0xff, 0x0f},       // 2^32-1
		{0x00, 0x00, 0xff, 0x00},             // nearly as many as there are bytes
		binary.AppendUvarint(nil, tail-1000), // the same, compact
		binary.AppendUvarint(nil, tail/2-1000),
	}
	worst, name := 0.0, ""
	eachVersion(func(h Header) {
		if h.Version != versions[h.Key].max && h.Version != versions[h.Key].flexible-1 {
			return // the newest of each encoding
		}
		valid := randomRequest(rng, h).AppendTo(nil)
		for at := range valid {
			for i, count := range counts {
				if at%len(counts) != i && len(valid) > 60 {
					continue // one count for each place of a long request
				}
				body := append(append(bytes.Clone(valid[:at]), count...), make([]byte, tail)...)
				w := newWalker(h, body)
				w.fields(shapes[h.Key])
				bound := uint64(16 << 10)
				if w.ok() { // kmsg appends a list to a list; with the race detector it takes both
					bound += uint64(w.memory) * 5 / 2
				}
				if got := allocated(t, func() { _, _ = Decode(h, body) }); got > bound {
					t.Fatalf("%s version %d with %x at %d: took %d bytes of memory, counted %d", h.Name(), h.Version, count, at, got, w.memory)
				}
				if ratio := float64(w.memory) / float64(len(body)); w.ok() && ratio > worst {
					worst, name = ratio, h.Name()
				}
			}
		}
	})
	t.Logf("most memory for a body that was accepted: %.1f times its bytes, by %s", worst, name)
}

func TestCountedMemoryIsBounded(t *testing.T) {
	// 3,000,000 topics of 3 bytes each: a valid request, and 200 MB of structs.
	h := Header{Key: int16(kmsg.Produce), Version: 9}
	body := []byte{0, 0, 1, 0, 0, 0, 0}
	body = binary.AppendUvarint(body, 3_000_000+1)
	for range 3_000_000 {
		body = append(body, 1, 1, 0)
	}
	body = append(body, 0)
	var err error
	if got := allocated(t, func() { _, err = Decode(h, body) }); got > 64<<10 {
		t.Errorf("took %d bytes of memory to refuse", got)
	}
	if !errors.Is(err, ErrMalformed) {
		t.Errorf("error %v, want ErrMalformed", err)
	}
}

// kmsg would count through all of them, although no byte of them is there.
func TestTagsThatAreNotThereAreNotCounted(t *testing.T) {
	h := Header{Key: int16(kmsg.Heartbeat), Version: 4}
	body := kmsg.NewPtrHeartbeatRequest().AppendTo(nil)
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version = 4
	body = req.AppendTo(body[:0])
	body = append(body[:len(body)-1], 0xff, 0xff, 0xff, 0xff, 0x0f)
	if _, err := Decode(h, body); !errors.Is(err, ErrMalformed) {
		t.Fatalf("error %v, want ErrMalformed", err)
	}
}

func TestRecordsStayInTheFrame(t *testing.T) {
	records := bytes.Repeat([]byte("r"), 1000)
	for v := int16(3); v <= versions[kmsg.Produce].max; v++ {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Records = records
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic, topic.Partitions = "t", append(topic.Partitions, p)
		in := kmsg.NewPtrProduceRequest()
		in.Version, in.Topics = v, append(in.Topics, topic)
		body := in.AppendTo(nil)

		req, err := Decode(Header{Key: int16(kmsg.Produce), Version: v}, body)
		if err != nil {
			t.Fatal(err)
		}
		out := req.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records
		if at := bytes.Index(body, records); &out[0] != &body[at] {
			t.Errorf("version %d: records were copied", v)
		}
	}
}

func TestUnknownKeysAndVersionsAreRefused(t *testing.T) {
	for _, h := range []Header{{Key: -1}, {Key: 999}, {Key: 30000}, {Key: 0, Version: -1}, {Key: 0, Version: 14}, {Key: 18, Version: 77}} {
		_, err := Decode(h, nil)
		if v := (*VersionError)(nil); !errors.As(err, &v) || v.Header != h {
			t.Errorf("key %d version %d: error %v, want a *VersionError with the header", h.Key, h.Version, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 10))
	eachVersion(func(h Header) {
		if h.Version == 0 || h.Version == versions[h.Key].max {
			f.Add(h.Key, h.Version, randomRequest(rng, h).AppendTo(nil))
		}
	})
	f.Add(int16(kmsg.Heartbeat), int16(4), []byte{1, 0, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		req, err := Decode(Header{Key: key, Version: version}, body)
		if (req == nil) == (err == nil) {
			t.Fatalf("request %v and error %v", req, err)
		}
		if err == nil {
			req.AppendTo(nil)
		}
	})
}

func BenchmarkDecodeProduce(b *testing.B) {
	in := kmsg.NewPtrProduceRequest()
	in.Version = 12
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "telemetry"
	for i := range int32(100) {
		topic.Partitions = append(topic.Partitions, kmsg.ProduceRequestTopicPartition{Partition: i, Records: make([]byte, 200)})
	}
	in.Topics = append(in.Topics, topic)
	body := in.AppendTo(nil)
	h := Header{Key: 0, Version: 12}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(h, body); err != nil {
			b.Fatal(err)
		}
	}
}
