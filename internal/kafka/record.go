package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is a record that is to be sent or was read.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64     // given by the cluster
	Time      time.Time // to the millisecond; the moment of sending when zero
	Key       []byte    // nil for none
	Value     []byte    // nil for none
	Headers   []Header
}

// Header is one header of a Record. Keys may repeat.
type Header struct {
	Key   string
	Value []byte
}

func fromKgo(k *kgo.Record) Record {
	r := Record{Topic: k.Topic, Partition: k.Partition, Offset: k.Offset, Time: k.Timestamp, Key: k.Key, Value: k.Value}
	for _, h := range k.Headers {
		r.Headers = append(r.Headers, Header{Key: h.Key, Value: h.Value})
	}
	return r
}
