package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bobbinstream/bobbin/internal/server"
	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// The test binary is also the broker that is killed: the real program, or one on a file system that lies.
func init() {
	switch os.Getenv("BOBBIN_STORM_CHILD") {
	case "bobbin":
		main()
	case "liar":
		serveOnALiar(os.Args[1])
		os.Exit(0)
	}
}

// storm is a broker that is killed again and again while producers write to it.
type storm struct {
	t     *testing.T
	dir   string
	child string       // what is run: see init
	addr  atomic.Value // string: where the present broker is
	cmd   *exec.Cmd
	ready chan struct{}
	rand  *rand.Rand
	pace  time.Duration // between two records of a producer

	mu     sync.Mutex
	acked  map[stormPlace]string
	failed error
}

type stormPlace struct {
	partition int32
	offset    int64
}

const stormTopic = "storm"

func newStorm(t *testing.T, child string) *storm {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := &storm{t: t, dir: filepath.Join(t.TempDir(), "data"), child: child, acked: make(map[stormPlace]string), rand: rand.New(rand.NewPCG(seed, 1))}
	s.addr.Store("")
	t.Cleanup(s.kill)
	return s
}

// start runs the broker. It returns at once; ready is closed when the broker says so.
func (s *storm) start(args ...string) {
	exe, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	if s.child == "liar" {
		args = []string{s.dir}
	} else {
		args = append([]string{"serve", "--data", s.dir, "--listen", "127.0.0.1:0"}, args...)
	}
	s.cmd = exec.Command(exe, args...)
	s.cmd.Env = append(os.Environ(), "BOBBIN_STORM_CHILD="+s.child, "GORACE="+endAtOnce)
	var complaints strings.Builder
	s.cmd.Stderr = &complaints
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ready := make(chan struct{})
	s.ready = ready
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			for _, f := range strings.Fields(lines.Text()) {
				if a, ok := strings.CutPrefix(f, "kafka="); ok {
					s.addr.Store(a)
					close(ready)
				}
			}
		}
	}()
}

func (s *storm) kill() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
}

// stop ends the broker as an operator does.
func (s *storm) stop() {
	s.t.Helper()
	s.cmd.Process.Signal(os.Interrupt)
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatalf("the broker stopped with %v: %v", err, s.cmd.Stderr)
	}
	s.cmd = nil
}

func (s *storm) awaitReady() error {
	select {
	case <-s.ready:
		return nil
	case <-time.After(30 * time.Second):
		return fmt.Errorf("the broker does not get ready: %v", s.cmd.Stderr)
	}
}

func (s *storm) client(opts ...kgo.Opt) *kgo.Client {
	s.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers("storm.invalid:9092"),
		// Every broker there was had a port of its own; all are the one that runs now.
		kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.addr.Load().(string))
		}),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }), kgo.MetadataMinAge(20 * time.Millisecond),
		kgo.RequestRetries(1 << 30), kgo.RetryTimeout(5 * time.Minute), kgo.AlwaysRetryEOF(),
	}, opts...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return cl
}

// produce writes numbered records to one partition until ctx is done, then waits for all answers.
func (s *storm) produce(ctx context.Context, name string, partition int32) {
	cl := s.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0),
		kgo.StopProducerOnDataLossDetected(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer cl.Close()
	flight := make(chan struct{}, 200)
	for n := 0; ctx.Err() == nil && s.failure() == nil; n++ {
		select {
		case flight <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		time.Sleep(s.pace)
		value := fmt.Sprintf("%s %d %s", name, n, strings.Repeat("x", n%300))
		cl.Produce(context.Background(), &kgo.Record{Topic: stormTopic, Partition: partition, Value: []byte(value)}, func(r *kgo.Record, err error) {
			<-flight
			s.mu.Lock()
			defer s.mu.Unlock()
			if err != nil {
				s.failLocked(fmt.Errorf("%s: %w", name, err))
				return
			}
			at := stormPlace{r.Partition, r.Offset}
			if other, twice := s.acked[at]; twice {
				s.failLocked(fmt.Errorf("partition %d offset %d was acknowledged for %.20q and for %.20q", r.Partition, r.Offset, other, value))
			}
			s.acked[at] = value
		})
	}
	last, done := context.WithTimeout(context.Background(), answerTime)
	defer done()
	if err := cl.Flush(last); err != nil {
		s.mu.Lock()
		s.failLocked(fmt.Errorf("%s: records get no answer: %w", name, err))
		s.mu.Unlock()
	}
}

// answerTime is how long a broker that runs may leave a record without an answer.
const answerTime = 15 * time.Second

// failLocked keeps the first failure.
func (s *storm) failLocked(err error) {
	if s.failed == nil {
		s.failed = err
	}
}

func (s *storm) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *storm) ackedCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acked)
}

// run kills the broker so often, also during its start, and returns what is wrong with what it holds in the end.
func (s *storm) run(kills int, between func()) error {
	const partitions = 3
	s.start()
	if err := s.awaitReady(); err != nil {
		return err
	}
	admin := s.client()
	if _, err := kadm.NewClient(admin).CreateTopic(context.Background(), partitions, 1, nil, stormTopic); err != nil {
		s.t.Fatal(err)
	}
	admin.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for p := range int32(partitions) {
		for _, who := range []string{"a", "b"} {
			wg.Go(func() { s.produce(ctx, fmt.Sprintf("%s%d", who, p), p) })
		}
	}
	for k := range kills {
		before := s.ackedCount()
		if k%3 != 0 {
			if err := s.awaitReady(); err != nil {
				return err
			}
			for until := time.Now().Add(answerTime); s.ackedCount() < before+20 && s.failure() == nil; {
				if time.Now().After(until) {
					return errors.New("nothing is acknowledged any more")
				}
				time.Sleep(time.Millisecond) // not proof: only so that there is something to lose
			}
		}
		time.Sleep(time.Duration(s.rand.IntN(60)) * time.Millisecond)
		s.kill()
		if between != nil {
			between()
		}
		s.start()
		if err := s.failure(); err != nil {
			break
		}
	}
	if err := s.awaitReady(); err != nil {
		return err
	}
	cancel()
	wg.Wait()
	if err := s.failure(); err != nil {
		return err
	}
	return s.check(partitions)
}

// check reads everything and compares it with what was acknowledged.
func (s *storm) check(partitions int) error {
	starts := make(map[int32]kgo.Offset)
	for p := range int32(partitions) {
		starts[p] = kgo.NewOffset().AtStart()
	}
	cl := s.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{stormTopic: starts}))
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, stormTopic)
	if err != nil {
		return err
	}
	total, read := int64(0), int64(0)
	ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
	last := make(map[string]int) // of each producer
	for read < total {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			return fmt.Errorf("after %d of %d records: %w", read, total, err)
		}
		var bad error
		f.EachRecord(func(r *kgo.Record) {
			read++
			at := stormPlace{r.Partition, r.Offset}
			if want, ok := s.acked[at]; ok && want != string(r.Value) && bad == nil {
				bad = fmt.Errorf("partition %d offset %d holds %.20q, acknowledged was %.20q", r.Partition, r.Offset, r.Value, want)
			}
			delete(s.acked, at)
			f := strings.Fields(string(r.Value))
			n, err := strconv.Atoi(f[1])
			if expect, seen := last[f[0]]; bad == nil && (err != nil || seen && n != expect+1 || !seen && n != 0) {
				bad = fmt.Errorf("partition %d offset %d: %s's record %d comes behind its record %d", r.Partition, r.Offset, f[0], n, expect)
			}
			last[f[0]] = n
		})
		if bad != nil {
			return bad
		}
	}
	if n := len(s.acked); n > 0 {
		return fmt.Errorf("%d acknowledged records are not there", n)
	}
	return nil
}

// killsOr is how often a broker is killed: standard, or as the environment says.
func killsOr(t *testing.T, standard int) int {
	v := os.Getenv("BOBBIN_KILLS")
	if v == "" {
		return max(standard/raceShare, 5)
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("BOBBIN_KILLS=%s is not a number of kills", v)
	}
	return n
}

// A broker that is killed at any time, also while it starts, keeps every acknowledged record at its offset, stores none twice, and keeps the order.
func TestKillStorm(t *testing.T) {
	kills := killsOr(t, 30)
	s := newStorm(t, "bobbin")
	if err := s.run(kills, nil); err != nil {
		t.Fatal(err)
	}
	s.stop()
	t.Logf("%d kills: nothing acknowledged was lost, doubled or moved", kills)
}

// The storm finds a broker that acknowledges before it writes, and one that forgets its producers: otherwise it proves nothing.
func TestKillStormFindsBrokersThatLie(t *testing.T) {
	if raceShare > 1 {
		t.Skip("what this proves of the storm, the run without the race detector proves in less time")
	}
	t.Run("acknowledged before the write", func(t *testing.T) {
		s := newStorm(t, "liar")
		if err := s.run(60, nil); err == nil {
			t.Fatal("nothing was found")
		} else {
			t.Logf("found: %v", err)
		}
	})
	t.Run("producers forgotten on restart", func(t *testing.T) {
		s := newStorm(t, "bobbin")
		// A broker that forgets a producer after a millisecond, run for a moment in between, leaves none.
		forget := func() {
			s.start("-X", "producer.id.expiration.ms=1")
			if err := s.awaitReady(); err != nil {
				t.Error(err)
			}
			s.addr.Store("")
			s.stop()
		}
		if err := s.run(60, forget); err == nil {
			t.Fatal("nothing was found")
		} else {
			t.Logf("found: %v", err)
		}
	})
}

// serveOnALiar serves on a file system that says it has written to the log, and does so later.
func serveOnALiar(dir string) {
	s, err := store.Open(context.Background(), store.Options{FS: lateFS{vfs.Disk()}, Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	fmt.Printf("ready kafka=%s\n", l.Addr())
	server.New(server.Options{Store: s}).Serve(l)
}

// lateFS writes to the log's files some time after it said so.
type lateFS struct{ vfs.FS }

func (f lateFS) Open(name string, mode vfs.Mode) (vfs.File, error) {
	file, err := f.FS.Open(name, mode)
	if err == nil && strings.HasSuffix(name, ".wal") && mode != vfs.ReadOnly {
		file = &lateFile{File: file}
	}
	return file, err
}

type lateFile struct {
	vfs.File
	mu sync.Mutex
}

func (f *lateFile) WritevAt(bufs [][]byte, off int64) (int64, error) {
	var all []byte
	for _, b := range bufs {
		all = append(all, b...)
	}
	time.AfterFunc(30*time.Millisecond, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.File.WriteAt(all, off)
	})
	return int64(len(all)), nil
}
