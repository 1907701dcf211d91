package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	loadRecord = 1024     // bytes of a value: its partition, its number in the partition, filling
	loadRun    = 16       // records in a row to one partition, so that batches are more than one record
	loadBatch  = 64 << 10 // bytes of a batch at most, so that one fetch returns the last batches of many partitions
)

// ledger remembers the last acknowledged record of each partition.
type ledger struct {
	mu    sync.Mutex
	last  []mark
	count int64
}

// mark is a record's offset and its number among those sent to the partition.
type mark struct {
	offset int64
	number uint64
}

func newLedger(partitions int) *ledger {
	l := &ledger{last: make([]mark, partitions)}
	for i := range l.last {
		l.last[i].offset = -1
	}
	return l
}

func (l *ledger) note(partition int32, m mark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	if m.offset > l.last[partition].offset {
		l.last[partition] = m
	}
}

func (l *ledger) records() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

func (l *ledger) bytes() int64 { return l.records() * loadRecord }

// everywhere says whether every partition has an acknowledged record.
func (l *ledger) everywhere() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.last {
		if m.offset < 0 {
			return false
		}
	}
	return true
}

// load writes to all partitions in turn until it is stopped. Its goroutine is waited for by stop.
type load struct {
	acked  *ledger
	cancel context.CancelFunc
	client *kgo.Client
	done   chan struct{}
	err    error // set before done is closed
}

func startLoad(addr, topic string, partitions int) (*load, error) {
	client, err := newClient(addr, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(1<<16), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(loadBatch))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{acked: newLedger(partitions), cancel: cancel, client: client, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.err = l.write(ctx, partitions)
	}()
	return l, nil
}

// write sends until ctx ends or a record is refused while ctx lives.
func (l *load) write(ctx context.Context, partitions int) error {
	refused := make(chan error, 1)
	filling := make([]byte, loadRecord-16)
	for i := range filling {
		filling[i] = byte('a' + i*i%23)
	}
	for number := uint64(0); ; {
		for p := range partitions {
			for i := range uint64(loadRun) {
				value := append(markValue(make([]byte, 0, loadRecord), int32(p), number+i), filling...)
				l.client.Produce(ctx, &kgo.Record{Partition: int32(p), Value: value}, func(r *kgo.Record, err error) {
					if err == nil {
						_, number := readMark(r.Value)
						l.acked.note(r.Partition, mark{r.Offset, number})
						return
					}
					select {
					case refused <- err:
					default:
					}
				})
			}
			select {
			case <-ctx.Done():
				return nil
			case err := <-refused:
				if ctx.Err() != nil {
					return nil
				}
				return err
			default:
			}
		}
		number += loadRun
	}
}

// stop ends the writing and what is on its way, and waits. It may be called again.
func (l *load) stop() {
	l.cancel()
	<-l.done
	l.client.Close()
}

func markValue(b []byte, partition int32, number uint64) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(partition))
	return binary.BigEndian.AppendUint64(b, number)
}

// readMark returns a value's partition and number, -1 when it is not one of the load's.
func readMark(value []byte) (partition int32, number uint64) {
	if len(value) != loadRecord {
		return -1, 0
	}
	return int32(binary.BigEndian.Uint64(value)), binary.BigEndian.Uint64(value[8:])
}

// writeOne writes one record to partition 0 and waits for its acknowledgement.
func writeOne(ctx context.Context, addr, topic string) error {
	client, err := newClient(addr, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.ProduceSync(ctx, &kgo.Record{Value: []byte("back")}).FirstErr(); err != nil {
		return fmt.Errorf("write after the restart: %w (%w)", err, context.Cause(ctx))
	}
	return nil
}

// readLast reads the last acknowledged record of every partition, and compares it. The load has been stopped.
func readLast(ctx context.Context, addr, topic string, acked *ledger) error {
	from := map[int32]kgo.Offset{}
	for p, m := range acked.last {
		from[int32(p)] = kgo.NewOffset().At(m.offset)
	}
	client, err := newClient(addr, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchMaxPartitionBytes(loadBatch))
	if err != nil {
		return err
	}
	defer client.Close()
	missing := len(acked.last)
	seen := make([]bool, missing)
	for missing > 0 {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read after the restart: %d partitions' last records are missing: %w", missing, context.Cause(ctx))
		}
		for _, e := range fetches.Errors() {
			return fmt.Errorf("read after the restart: partition %d: %w", e.Partition, e.Err)
		}
		for r := range fetches.RecordsAll() {
			want := acked.last[r.Partition]
			if r.Offset != want.offset || seen[r.Partition] {
				continue
			}
			if p, n := readMark(r.Value); p != r.Partition || n != want.number {
				return fmt.Errorf("read after the restart: partition %d, offset %d: it is not the record that was acknowledged", r.Partition, r.Offset)
			}
			seen[r.Partition] = true
			missing--
			client.PauseFetchPartitions(map[string][]int32{topic: {r.Partition}})
		}
	}
	return nil
}
