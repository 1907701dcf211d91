package kafka

import (
	"bytes"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
)

// A record of MaxRecordBytes is taken, one that is larger is refused at once as too large, and so is one that the topic does not take; those beside it are sent.
func TestRecordsThatAreTooLarge(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *cluster) {
		client := c.open()
		topic := c.topic(client, 1, "max.message.bytes=50000")
		p, err := client.NewProducer(ProducerOptions{Compression: "none", BatchBytes: 100_000})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		var mu sync.Mutex
		var got []error
		send := func(value int, headers ...Header) {
			r := Record{Topic: topic, Key: []byte("k"), Value: make([]byte, value), Headers: headers}
			rand.Read(r.Value)
			p.SendTo(t.Context(), r, func(back Record, err error) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, err)
				if !bytes.Equal(back.Value, r.Value) || len(back.Headers) != len(headers) {
					t.Errorf("another record came back")
				}
			})
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		sixteen := make([]Header, 16)
		send(p.MaxRecordBytes()+200, sixteen...)
		send(p.MaxRecordBytes()-1, sixteen...)
		send(40_000)
		for i, want := range []string{"here", "there", ""} {
			e, large := errors.AsType[*Error](got[i])
			switch {
			case want == "" && got[i] != nil, want != "" && (!large || e.Kind != TooLarge || e.Hint == ""):
				t.Errorf("record %d: %v", i, got[i])
			}
		}
		if all, err := client.Offsets(t.Context(), topic); err != nil || all[0].End != 1 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

func BenchmarkSend(b *testing.B) {
	c := embedded(b)
	client := c.open()
	topic := c.topic(client, 1)
	p, err := client.NewProducer(ProducerOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	r := Record{Topic: topic, Key: []byte("stream"), Value: make([]byte, 100), Headers: []Header{{"bobbin", []byte("json/1 rows 1")}}}
	done := func(_ Record, err error) {
		if err != nil {
			b.Error(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		p.SendTo(b.Context(), r, done)
	}
	if err := p.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}
