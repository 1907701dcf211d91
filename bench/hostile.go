package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	hostileRate = 1000 // records a second of the ordinary client
	hostileIdle = 2000
	hostileSlow = 200
	hostileBomb = 48 << 20
)

// hostileContest compares an ordinary client's latency when it is alone and among peers that mean it ill: two thousand connections that say nothing, two hundred that say a byte
// a second, random requests, and batches that decompress to hundreds of times their size.
func (b *bench) hostileContest() contest {
	return contest{
		name:  "hostile",
		about: fmt.Sprintf("end to end at %d records of 1 KiB a second for %v, alone and among hostile peers", hostileRate, b.e2eFor),
		contestants: []contestant{
			{"alone", b.e2eTurn(b.startBobbin, hostileRate, 1)},
			{"among", func(ctx context.Context, dir string) (figures, error) {
				var peers hostile
				defer peers.end()
				return b.e2eTurn(func(ctx context.Context, dir string) (*process, error) {
					p, err := b.startBobbin(ctx, dir)
					if err != nil {
						return nil, err
					}
					if err := peers.begin(ctx, p.addr); err != nil {
						p.kill()
						return nil, err
					}
					return p, nil
				}, hostileRate, 1)(ctx, dir)
			}},
		},
		probe: b.latencyProbe,
		goals: []goal{
			{"p99, among hostile peers ÷ alone", ratio("p99_ms", "among", "alone"), 2, false},
		},
	}
}

// hostile is the crowd of one turn.
type hostile struct {
	stop context.CancelFunc
	busy sync.WaitGroup
	open []net.Conn
}

// begin connects the crowd and lets it loose. It ends with end.
func (h *hostile) begin(ctx context.Context, addr string) error {
	ctx, h.stop = context.WithCancel(ctx)
	if err := createTopic(ctx, addr, "bombs", 1); err != nil {
		return err
	}
	slow := make([]net.Conn, hostileSlow)
	for i := range hostileIdle + hostileSlow {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			return fmt.Errorf("hostile connection %d: %w", i, err)
		}
		if h.open = append(h.open, nc); i < hostileSlow {
			slow[i] = nc
		}
	}
	h.busy.Go(func() { h.creep(ctx, slow) })
	h.busy.Go(func() { h.babble(ctx, addr) })
	codecs := []kgo.CompressionCodec{kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	for i, codec := range codecs {
		size := hostileBomb
		if i == 1 {
			size = 16 << 20 // Snappy makes no more of a megabyte
		}
		client, err := newClient(addr, kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(hostileBomb+1<<20), kgo.DefaultProduceTopic("bombs"),
			kgo.DisableIdempotentWrite(), kgo.RecordRetries(1))
		if err != nil {
			return err
		}
		h.busy.Go(func() {
			defer client.Close()
			for pause(ctx, time.Second) == nil {
				client.ProduceSync(ctx, &kgo.Record{Value: make([]byte, size)}) // refused or not
			}
		})
	}
	return nil
}

// creep sends a byte a second on each connection: of requests, a quarter of which claim to be large.
func (h *hostile) creep(ctx context.Context, slow []net.Conn) {
	for n := 0; pause(ctx, time.Second) == nil; n++ {
		for i, nc := range slow {
			frame := randomFrame(rand.New(rand.NewPCG(uint64(i), 1)), 200)
			if i%4 == 0 {
				binary.BigEndian.PutUint32(frame, 20<<20)
				copy(frame[4:], []byte{0, 0, 0, 9})
			}
			nc.SetWriteDeadline(time.Now().Add(time.Second))
			nc.Write(frame[n%len(frame) : n%len(frame)+1]) // the broker may have hung up
		}
	}
}

// babble sends random requests, two hundred a second, each on a connection of its own.
func (h *hostile) babble(ctx context.Context, addr string) {
	dice := rand.New(rand.NewPCG(1, 2))
	for pause(ctx, 5*time.Millisecond) == nil {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			continue
		}
		nc.SetDeadline(time.Now().Add(time.Second))
		nc.Write(randomFrame(dice, 200))
		nc.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, nc)
		nc.Close()
	}
}

// randomFrame is a request with a header that may be right and a body of n random bytes.
func randomFrame(dice *rand.Rand, n int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(12+n))
	b = binary.BigEndian.AppendUint16(b, uint16(dice.IntN(76)))
	b = binary.BigEndian.AppendUint16(b, uint16(dice.IntN(14)))
	b = append(b, 0, 0, 0, 1, 0, 1, 'x', 0)
	for range n {
		b = append(b, byte(dice.IntN(4)*dice.IntN(80)))
	}
	return b
}

// end lets go of all connections and waits until nobody of the crowd does anything.
func (h *hostile) end() {
	if h.stop == nil {
		return
	}
	h.stop()
	for _, nc := range h.open {
		nc.Close()
	}
	h.busy.Wait()
}
