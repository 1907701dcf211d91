package compat

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	hostileMemory = 64 << 20 // the most that the broker may take over what it took for ordinary work
	hostileBodies = 60       // random bodies of each kind, for each version of each API
	hostileIdle   = 2000     // connections that send nothing
	hostileSlow   = 200      // connections that send a byte a second
	hostileLength = 6 * time.Second
	hostileTopic  = "hostile"
	goodTopic     = "good"
	bulkTopic     = "bulk"
	bombTopic     = "bombs"
)

// TestHostileWire lets those who mean it ill, or are broken, at the broker: random and damaged requests of every API and version, requests cut at every byte, batches that decompress to
// a hundred times their size, thousands of connections that say nothing or very little, and readers that never read. Meanwhile an ordinary client writes and reads and is answered without an error; the
// process stays the same one, nothing in it panics, and at its highest it takes at most 64 MB more than at its highest with ordinary work. Topics that random requests made are deleted: they are what was asked for.
func TestHostileWire(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("there is no /proc, from which the broker's memory is read")
	}
	if hostileRun(t) <= hostileMemory {
		return
	}
	// What the runtime has not given back yet to the system is in the figure, and differs from run to run.
	if took := hostileRun(t); took > hostileMemory {
		t.Errorf("the broker took %d MB over its ordinary work's, in a second run too; want at most %d", took>>20, hostileMemory>>20)
	}
}

// hostileRun is the test with a fresh broker, but for the memory, which it returns.
func hostileRun(t *testing.T) int {
	s := startBobbin(t)
	if s.cmd == nil {
		t.Skip("BOBBIN_BOOTSTRAP is set: the memory of that broker is not known")
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	h := &hostile{t: t, s: s, pid: s.cmd.Process.Pid, dice: rand.New(rand.NewPCG(seed, 1))}
	h.topics = map[string][16]byte{}
	for _, topic := range []string{hostileTopic, goodTopic, bulkTopic, bombTopic} {
		makeTopic(t, s.addr, topic, 2)
	}
	makeTopic(t, s.addr, "recompressed", 1, "compression.type=lz4")
	h.learn()
	h.warmUp()
	h.base = h.memory("VmHWM")

	stopSampling := h.sample()
	stopGood := h.beGood()
	h.phase("random bodies", h.randomBodies)
	h.deleteStrangers()
	h.phase("cut requests", h.cutRequests)
	h.phase("frames", h.frames)
	h.phase("bombs", h.bombs)
	h.crowd()
	if n := stopGood(); n < 100 {
		t.Errorf("the ordinary client was answered %d times only", n)
	}
	stopSampling()

	if got := s.cmd.Process.Pid; got != h.pid {
		t.Errorf("the broker is process %d now, it was %d", got, h.pid)
	}
	if n := h.metric("bobbin_panics_total"); n != 0 {
		t.Errorf("bobbin_panics_total is %v", n)
	}
	peak := h.memory("VmHWM")
	t.Logf("memory: %d MB after ordinary work, at most %d MB more", h.base>>20, (peak-h.base)>>20)
	return peak - h.base
}

// deleteStrangers deletes the topics that random requests made.
func (h *hostile) deleteStrangers() {
	c := h.dial()
	defer c.Close()
	all := kmsg.NewPtrMetadataRequest()
	all.Version = 12
	del := kmsg.NewPtrDeleteTopicsRequest()
	del.Version, del.TimeoutMillis = 6, 30_000
	partitions := 0
	for _, x := range h.ask(c, all).(*kmsg.MetadataResponse).Topics {
		if _, own := h.topics[*x.Topic]; !own && !x.IsInternal {
			del.Topics = append(del.Topics, kmsg.DeleteTopicsRequestTopic{TopicID: x.TopicID})
			partitions += len(x.Partitions)
		}
	}
	for _, x := range h.ask(c, del).(*kmsg.DeleteTopicsResponse).Topics {
		if err := kerr.ErrorForCode(x.ErrorCode); err != nil {
			h.t.Errorf("delete a topic of a random request: %v", err)
		}
	}
	h.t.Logf("random requests made %d topics with %d partitions", len(del.Topics), partitions)
}

// hostile is one run of the test.
type hostile struct {
	t      *testing.T
	s      *server
	pid    int
	dice   *rand.Rand
	base   int
	peak   atomic.Int64 // of the phase
	topics map[string][16]byte
	apis   []kmsg.ApiVersionsResponseApiKey
}

func (h *hostile) phase(name string, run func()) {
	h.peak.Store(0)
	start := time.Now()
	run()
	h.t.Logf("%s: %.1f s, at most %d MB over the base", name, time.Since(start).Seconds(), (int(h.peak.Load())-h.base)>>20)
}

// memory is a line of /proc/PID/status, in bytes.
func (h *hostile) memory(line string) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.pid))
	if err != nil {
		h.t.Errorf("the broker is gone: %v", err)
		return 0
	}
	_, rest, _ := strings.Cut(string(b), line+":")
	n, _ := strconv.Atoi(strings.Fields(rest)[0])
	return n << 10
}

// sample keeps the phase's peak.
func (h *hostile) sample() (stop func()) {
	quit := make(chan struct{})
	var sampling sync.WaitGroup
	sampling.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				h.peak.Store(max(h.peak.Load(), int64(h.memory("VmRSS"))))
			}
		}
	})
	return func() { close(quit); sampling.Wait() }
}

func (h *hostile) metric(name string) float64 {
	resp, err := http.Get("http://" + h.s.http + "/metrics")
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				h.t.Fatal(err)
			}
			return n
		}
	}
	h.t.Fatalf("/metrics has no %s", name)
	return 0
}

// learn asks which requests there are and which ids the topics have.
func (h *hostile) learn() {
	c := h.dial()
	defer c.Close()
	versions := kmsg.NewPtrApiVersionsRequest()
	h.apis = h.ask(c, versions).(*kmsg.ApiVersionsResponse).ApiKeys
	if len(h.apis) < 30 {
		h.t.Fatalf("%d APIs are shown", len(h.apis))
	}
	all := kmsg.NewPtrMetadataRequest()
	all.Version = 12
	for _, x := range h.ask(c, all).(*kmsg.MetadataResponse).Topics {
		h.topics[*x.Topic] = x.TopicID
	}
}

func (h *hostile) dial() *conn {
	c, err := dial(h.s.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *hostile) ask(c *conn, req kmsg.Request) kmsg.Response {
	resp, err := exchange(c, req)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp
}

func exchange(c *conn, req kmsg.Request) (kmsg.Response, error) {
	if err := c.send(req); err != nil {
		return nil, err
	}
	return c.receive(req)
}

func (h *hostile) produce(topic string, batch []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, -1, 10_000
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = batch
	x := kmsg.NewProduceRequestTopic()
	x.Topic, x.Partitions = topic, append(x.Partitions, p)
	req.Topics = append(req.Topics, x)
	return req
}

func (h *hostile) fetch(topic string, offset int64, most int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.ReplicaID, req.MaxBytes, req.MinBytes, req.MaxWaitMillis, req.SessionEpoch = 12, -1, most, 1, 5000, -1
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LogStartOffset = offset, most, -1, -1
	x := kmsg.NewFetchRequestTopic()
	x.Topic, x.Partitions = topic, append(x.Partitions, p)
	req.Topics = append(req.Topics, x)
	return req
}

// warmUp is ordinary work: 48 MiB are written, compressed and not, and read.
func (h *hostile) warmUp() {
	c := h.dial()
	defer c.Close()
	noise := make([]byte, 256<<10)
	for i := range noise {
		noise[i] = byte(h.dice.Uint32())
	}
	const batches = 192
	for i := range batches {
		spec := batchSpec{values: []string{string(noise)}}
		if i%4 == 0 {
			spec.codec = []kgo.CompressionCodec{kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}[i/4%4]
		}
		resp := h.ask(c, h.produce(bulkTopic, spec.bytes())).(*kmsg.ProduceResponse)
		if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
			h.t.Fatal(err)
		}
	}
	for offset := int64(0); offset < batches; {
		resp := h.ask(c, h.fetch(bulkTopic, offset, 8<<20)).(*kmsg.FetchResponse)
		n := bytes.Count([]byte(describeBatches(resp.Topics[0].Partitions[0].RecordBatches)), []byte("offset "))
		if n == 0 {
			h.t.Fatal("nothing is read")
		}
		offset += int64(n)
	}
}

// beGood writes a record and reads it, again and again, and takes no error for an answer.
func (h *hostile) beGood() (stop func() int) {
	quit := make(chan struct{})
	var working sync.WaitGroup
	n := 0
	var slowest time.Duration
	working.Go(func() {
		c, err := dial(h.s.addr)
		if err != nil {
			h.t.Error(err)
			return
		}
		defer c.Close()
		for ; ; n++ {
			select {
			case <-quit:
				return
			case <-time.After(5 * time.Millisecond):
			}
			start := time.Now()
			resp, err := exchange(c, h.produce(goodTopic, batchSpec{values: []string{"value-" + strconv.Itoa(n)}}.bytes()))
			if err != nil {
				h.t.Errorf("the ordinary client, record %d: %v", n, err)
				return
			}
			p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
			if p.ErrorCode != 0 || p.BaseOffset != int64(n) {
				h.t.Errorf("the ordinary client, record %d: offset %d, %v", n, p.BaseOffset, kerr.ErrorForCode(p.ErrorCode))
				return
			}
			if resp, err = exchange(c, h.fetch(goodTopic, int64(n), 1<<20)); err != nil {
				h.t.Errorf("the ordinary client reads record %d: %v", n, err)
				return
			}
			q := resp.(*kmsg.FetchResponse).Topics[0].Partitions[0]
			if q.ErrorCode != 0 || !bytes.Contains(q.RecordBatches, []byte("value-"+strconv.Itoa(n))) {
				h.t.Errorf("the ordinary client reads record %d: %d bytes, %v", n, len(q.RecordBatches), kerr.ErrorForCode(q.ErrorCode))
				return
			}
			slowest = max(slowest, time.Since(start))
		}
	})
	return func() int {
		close(quit)
		working.Wait()
		h.t.Logf("the ordinary client: %d records written and read, the slowest in %v", n, slowest.Round(time.Millisecond))
		return n
	}
}

// each calls f for every version of every API, from several goroutines, with dice of its own.
func (h *hostile) each(f func(key, version int16, dice *rand.Rand)) {
	type version struct{ key, version int16 }
	versions := make(chan version)
	var working sync.WaitGroup
	for range 8 {
		dice := rand.New(rand.NewPCG(h.dice.Uint64(), 2))
		working.Go(func() {
			for v := range versions {
				f(v.key, v.version, dice)
			}
		})
	}
	for _, a := range h.apis {
		for v := a.MinVersion; v <= a.MaxVersion; v++ {
			versions <- version{a.ApiKey, v}
		}
	}
	close(versions)
	working.Wait()
}

// randomBodies sends valid headers with bodies that are random, or valid ones with some bytes changed.
func (h *hostile) randomBodies() {
	var sent atomic.Int64
	h.each(func(key, version int16, dice *rand.Rand) {
		good := h.sampleOf(key, version)
		for range hostileBodies {
			h.hit(good.frame(randomBytes(dice)), key, version)
			h.hit(good.frame(damaged(good.body, dice)), key, version)
			sent.Add(2)
		}
	})
	h.t.Logf("%d random and damaged bodies", sent.Load())
}

func randomBytes(dice *rand.Rand) []byte {
	b := make([]byte, dice.IntN(300))
	for i := range b {
		switch dice.IntN(3) {
		case 0:
			b[i] = byte(dice.IntN(4)) // lengths and counts that can be
		case 1:
			b[i] = 0xff
		default:
			b[i] = byte(dice.Uint32())
		}
	}
	return b
}

// damaged changes a few bytes, or puts numbers that are very large or negative in places where lengths and counts may be.
func damaged(body []byte, dice *rand.Rand) []byte {
	b := bytes.Clone(body)
	if len(b) == 0 {
		return b
	}
	for range 1 + dice.IntN(3) {
		at := dice.IntN(len(b))
		switch dice.IntN(4) {
		case 0:
			b[at] ^= 1 << dice.IntN(8)
		case 1:
			b[at] = byte(dice.Uint32())
		default:
			big := []string{"\xff\xff\xff\xff", "\x7f\xff\xff\xff", "\x80\x00\x00\x00", "\xff\xff\xff\xff\x0f", "\x7f\xff", "\x00\xff\xff\xff", "\xff\x7f"}
			copy(b[at:], big[dice.IntN(len(big))])
		}
	}
	return b
}

// cutRequests sends a valid request of every API, in its first and its last version, cut at every byte: with a length that fits, and with the whole one's.
func (h *hostile) cutRequests() {
	edges := map[[2]int16]bool{}
	for _, a := range h.apis {
		edges[[2]int16{a.ApiKey, a.MinVersion}] = true
		edges[[2]int16{a.ApiKey, a.MaxVersion}] = true
	}
	var sent atomic.Int64
	h.each(func(key, version int16, _ *rand.Rand) {
		if !edges[[2]int16{key, version}] {
			return
		}
		good := h.sampleOf(key, version)
		whole := good.frame(good.body)
		for n := range whole {
			cut := bytes.Clone(whole[:n])
			h.hit(cut, key, version)
			sent.Add(1)
			if n > 4 {
				binary.BigEndian.PutUint32(cut, uint32(n-4))
				h.hit(cut, key, version)
				sent.Add(1)
			}
		}
	})
	h.t.Logf("%d cut requests", sent.Load())
}

// frames sends lengths that cannot be.
func (h *hostile) frames() {
	for _, length := range []uint32{0, 1, 3, 4, 7, 8, 1<<31 - 1, 1 << 31, 1<<32 - 1, 100 << 20, 100<<20 + 1, 99 << 20} {
		for _, key := range []int16{0, 1, 3, 18, 200, -1} {
			b := binary.BigEndian.AppendUint32(nil, length)
			b = binary.BigEndian.AppendUint16(b, uint16(key))
			b = append(b, 0, 9, 0, 0, 0, 1, 0, 0)
			h.hit(append(b, make([]byte, 1000)...), key, 9)
		}
	}
}

// hit sends bytes on a connection of their own, ends that, and wants the broker to end it as well.
func (h *hostile) hit(b []byte, key, version int16) {
	nc, err := net.DialTimeout("tcp", h.s.addr, patience)
	if err != nil {
		h.t.Errorf("connect to the broker: %v", err)
		return
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write(b); err != nil {
		return // it has hung up already
	}
	nc.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
		h.t.Errorf("%s, version %d: the broker does not end the connection, after %x", kmsg.NameForKey(key), version, b[:min(len(b), 400)])
	}
}

// sampled is a valid request.
type sampled struct{ header, body []byte }

func (s sampled) frame(body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(s.header)+len(body)))
	return append(append(b, s.header...), body...)
}

// sampleOf makes a request with something in each of its fields.
func (h *hostile) sampleOf(key, version int16) sampled {
	req := kmsg.RequestForKey(key)
	h.fillIn(reflect.ValueOf(req).Elem())
	req.SetVersion(version)
	switch r := req.(type) {
	case *kmsg.DeleteTopicsRequest:
		r.TopicNames = []string{"deleted"}
		r.Topics[0].Topic, r.Topics[0].TopicID = kmsg.StringPtr("deleted"), [16]byte{}
	case *kmsg.CreateTopicsRequest:
		r.Topics[0].ReplicaAssignment, r.Topics[0].Configs = nil, nil
	case *kmsg.IncrementalAlterConfigsRequest:
		x := &r.Resources[0]
		x.ResourceType, x.Configs[0].Name, x.Configs[0].Value = kmsg.ConfigResourceTypeTopic, "retention.ms", kmsg.StringPtr("86400000")
	case *kmsg.AlterConfigsRequest:
		x := &r.Resources[0]
		x.ResourceType, x.Configs[0].Name, x.Configs[0].Value = kmsg.ConfigResourceTypeTopic, "retention.ms", kmsg.StringPtr("86400000")
	case *kmsg.JoinGroupRequest:
		r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 6000, 6000
	}
	header := binary.BigEndian.AppendUint16(nil, uint16(key))
	header = binary.BigEndian.AppendUint16(header, uint16(version))
	header = append(header, 0, 0, 0, 7, 0, 7)
	header = append(header, "hostile"...)
	if req.IsFlexible() {
		header = append(header, 0)
	}
	return sampled{header, req.AppendTo(nil)}
}

func (h *hostile) fillIn(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			switch f := v.Type().Field(i); {
			case f.Name == "Version" || f.Name == "UnknownTags":
			case f.Name == "Records" && f.Type.Kind() == reflect.Slice:
				v.Field(i).SetBytes(batchSpec{values: values(3), codec: kgo.SnappyCompression()}.bytes())
			default:
				h.fillIn(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("hostile"))
			return
		}
		x := reflect.New(v.Type().Elem())
		if d, ok := x.Interface().(interface{ Default() }); ok {
			d.Default()
		}
		h.fillIn(x.Elem())
		v.Set(reflect.Append(v, x.Elem()))
	case reflect.Array:
		id := h.topics[hostileTopic]
		reflect.Copy(v, reflect.ValueOf(id[:]))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		h.fillIn(v.Elem())
	case reflect.String:
		v.SetString(hostileTopic)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.Int() == 0 {
			v.SetInt(1)
		}
	case reflect.Bool:
		v.SetBool(true)
	}
}

// bombs are batches of one record of zeros, with a right checksum: what the broker may take, and what is more than it may.
func (h *hostile) bombs() {
	type bomb struct {
		name  string
		batch []byte
		taken bool
	}
	var all []bomb
	for name, codec := range map[string]kgo.CompressionCodec{
		"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		sizes := map[int]bool{100 << 20: true, 200 << 20: false}
		if name == "snappy" { // it does not get smaller than a twentieth, and the batch may have a megabyte
			sizes = map[int]bool{19 << 20: true, 30 << 20: false}
		}
		for size, taken := range sizes {
			b := batchSpec{values: []string{strings.Repeat("\x00", size)}, codec: codec}.bytes()
			all = append(all, bomb{fmt.Sprintf("%d MiB of %s in %d bytes", size>>20, name, len(b)), b, taken})
		}
	}
	var throwing sync.WaitGroup
	for range 4 {
		throwing.Go(func() {
			c, err := dial(h.s.addr)
			if err != nil {
				h.t.Error(err)
				return
			}
			defer c.Close()
			for _, x := range all {
				for _, topic := range []string{bombTopic, "recompressed"} {
					resp, err := exchange(c, h.produce(topic, x.batch))
					if err != nil {
						h.t.Errorf("%s: %v", x.name, err)
						return
					}
					if code := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode; (code == 0) != x.taken && topic == bombTopic {
						h.t.Errorf("%s: %v", x.name, kerr.ErrorForCode(code))
					}
				}
			}
			// A look at the time of each record decompresses what was taken.
			req := kmsg.NewPtrListOffsetsRequest()
			req.Version, req.ReplicaID = 5, -1
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Timestamp, p.CurrentLeaderEpoch = baseTime, -1
			x := kmsg.NewListOffsetsRequestTopic()
			x.Topic, x.Partitions = bombTopic, append(x.Partitions, p)
			req.Topics = append(req.Topics, x)
			if _, err := exchange(c, req); err != nil {
				h.t.Errorf("offsets by time among bombs: %v", err)
			}
		})
	}
	throwing.Wait()
}

// crowd has thousands of connections that say nothing, hundreds that say a byte a second, and some that ask for very much and never read it.
func (h *hostile) crowd() {
	var open []net.Conn
	defer func() {
		for _, nc := range open {
			nc.Close()
		}
	}()
	connect := func() net.Conn {
		nc, err := net.DialTimeout("tcp", h.s.addr, patience)
		if err != nil {
			h.t.Fatalf("connection %d: %v", len(open), err)
		}
		open = append(open, nc)
		return nc
	}
	h.phase("idle connections", func() {
		for range hostileIdle {
			connect()
		}
		time.Sleep(hostileLength / 3)
	})
	h.phase("readers that never read", func() {
		for range 20 {
			nc := connect()
			nc.(*net.TCPConn).SetReadBuffer(4 << 10)
			format := kmsg.NewRequestFormatter(kmsg.FormatterClientID("deaf"))
			for i := range 16 {
				if _, err := nc.Write(format.AppendRequest(nil, h.fetch(bulkTopic, 0, 50<<20), int32(i))); err != nil {
					h.t.Errorf("ask for much: %v", err)
				}
			}
		}
		time.Sleep(hostileLength / 3)
	})
	h.phase("a byte a second", func() { h.slow(connect) })
}

// slow sends requests a byte a second, a quarter of them such as claim to be large.
func (h *hostile) slow(connect func() net.Conn) {
	slow := make([]net.Conn, hostileSlow)
	for i := range slow {
		slow[i] = connect()
	}
	sample := h.sampleOf(int16(kmsg.Produce), 9)
	small, large := sample.frame(sample.body), sample.frame(sample.body)
	binary.BigEndian.PutUint32(large, 20<<20) // what it says will follow
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	at := 0
	for end := time.Now().Add(hostileLength); time.Now().Before(end); <-tick.C {
		for i, nc := range slow {
			b := small[at : at+1]
			if i%4 == 0 {
				if b = large[at : at+1]; at == 0 {
					b = large[:12] // so that what it says is believed
				}
			}
			nc.SetWriteDeadline(time.Now().Add(patience))
			nc.Write(b) // the broker may have hung up
		}
		at++
	}
}
