package broker

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, o Options) *Broker {
	t.Helper()
	b, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// listen serves a broker on a free port and returns the channel of Serve's error.
func listen(t *testing.T, b *Broker) (net.Addr, <-chan error) {
	t.Helper()
	l, err := Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(l) }()
	return l.Addr(), served
}

func kindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Other
}

func TestWrongOptionsAreAllNamed(t *testing.T) {
	_, err := Open(t.Context(), Options{Settings: map[string]string{"no.such": "1", "num.partitions": "x"}})
	if kindOf(err) != Invalid {
		t.Fatalf("%v", err)
	}
	for _, s := range []string{"no data directory", "no.such", "num.partitions"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q is not in %v", s, err)
		}
	}
	for _, o := range []Options{
		{Memory: true, Durability: "maybe"},
		{Memory: true, Settings: map[string]string{"advertised.listeners": "nonsense"}},
		{Dir: "x", Settings: map[string]string{"log.dirs": "y"}},
	} {
		if _, err := Open(t.Context(), o); kindOf(err) != Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := os.Stat("x"); err == nil {
		t.Error("a directory was made for options that are wrong")
	}
}

func TestADirectoryHasOneBroker(t *testing.T) {
	dir := t.TempDir()
	open(t, Options{Dir: dir})
	_, err := Open(t.Context(), Options{Dir: dir})
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != InUse || e.PID != os.Getpid() {
		t.Errorf("%v", err)
	}
}

func TestADirectoryOfANewerVersionOrAnotherClusterIsRefused(t *testing.T) {
	dir := t.TempDir()
	b := open(t, Options{Dir: dir})
	id := b.ClusterID()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir, ExpectClusterID: "another"}); kindOf(err) != Corrupt {
		t.Errorf("%v", err)
	}
	open(t, Options{Dir: dir, ExpectClusterID: id}).Close()
	meta := filepath.Join(dir, "meta.properties")
	text, err := os.ReadFile(meta)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(meta, []byte(strings.ReplaceAll(string(text), "bobbin.format=1", "bobbin.format=999")), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); kindOf(err) != Newer {
		t.Errorf("%v", err)
	}
}

func TestAListenerThatOthersCanReachIsRefused(t *testing.T) {
	for address, safe := range map[string]bool{"127.0.0.1:0": true, "[::1]:0": true, "0.0.0.0:0": false, ":0": false, "192.0.2.1:0": false} {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckListener(a); (err == nil) != safe {
			t.Errorf("%s: %v", address, err)
		}
	}
	b := open(t, Options{Memory: true})
	l, err := Listen("0.0.0.0:0", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(l); kindOf(err) != Unsafe {
		t.Errorf("%v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
}

func TestTheAddressIsInTheDirectoryUntilTheStop(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "address")
	if err := os.WriteFile(name, []byte("ready of a process that was killed"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := open(t, Options{Dir: dir})
	if _, err := os.Stat(name); err == nil {
		t.Error("the file of a process that is gone is still there")
	}
	addr, served := listen(t, b)
	line, err := b.Announce(addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != line+"\n" || !strings.HasPrefix(line, "ready kafka="+addr.String()+" pid=") {
		t.Errorf("%q, %q, %v", line, got, err)
	}
	if err := b.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != ErrClosed {
		t.Errorf("Serve returned %v", err)
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("the file is there after the stop")
	}
	if err := b.Close(); err != nil {
		t.Errorf("the second stop: %v", err)
	}
	if _, err := b.Dial(t.Context()); err != ErrClosed {
		t.Errorf("Dial after the stop: %v", err)
	}
}

func TestHealthAndMetrics(t *testing.T) {
	b := open(t, Options{Memory: true})
	h := b.Handler()
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		body, _ := io.ReadAll(w.Body)
		return w.Code, string(body)
	}
	if code, body := get("/readyz"); code != 503 || body != "not serving\n" {
		t.Errorf("readyz before Serve: %d %q", code, body)
	}
	if code, body := get("/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("healthz: %d %q", code, body)
	}
	produce(t, client(t, b), "v")
	code, body := get("/metrics")
	for _, want := range []string{`bobbin_requests_total{api="Produce"} 1`, "bobbin_topics 1\n", "bobbin_produce_seconds_count 1\n", "bobbin_disk_ok 1\n", "go_goroutines", "bobbin_wal_groups_total "} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("metrics: %d, %q is missing", code, want)
		}
	}
	b.Close()
	if code, _ := get("/readyz"); code != 503 {
		t.Errorf("readyz after Close: %d", code)
	}
}

func client(t *testing.T, b *Broker) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(
		kgo.Dialer(func(ctx context.Context, _, _ string) (net.Conn, error) { return b.Dial(ctx) }),
		kgo.AllowAutoTopicCreation(), kgo.ConsumeTopics("t"), kgo.RecordRetries(0), kgo.DefaultProduceTopic("t"), kgo.DisableClientMetrics(),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func produce(t *testing.T, c *kgo.Client, value string) {
	t.Helper()
	if err := c.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func TestAnErrorOfTheDiskEndsTheService(t *testing.T) {
	for _, stay := range []bool{false, true} {
		bad := make(chan struct{})
		b := open(t, Options{Dir: "/d", StayReadonly: stay, fs: &failing{vfs.NewMem(), bad}})
		addr, served := listen(t, b)
		c := client(t, b)
		produce(t, c, "before")
		close(bad)
		if err := c.ProduceSync(t.Context(), kgo.StringRecord("after")).FirstErr(); err == nil {
			t.Fatal("a record was acknowledged after the disk failed")
		}
		<-b.Failed()
		if kindOf(b.Err()) != Disk {
			t.Errorf("Err is %v", b.Err())
		}
		if !stay {
			if err := <-served; kindOf(err) != Disk {
				t.Errorf("Serve returned %v", err)
			}
			continue
		}
		if r := c.PollFetches(t.Context()).Records(); len(r) != 1 || string(r[0].Value) != "before" {
			t.Errorf("read-only: %v", r)
		}
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Errorf("read-only: %v", err)
		} else {
			conn.Close()
		}
		b.Close()
		if err := <-served; kindOf(err) != Disk {
			t.Errorf("Serve returned %v", err)
		}
	}
}
