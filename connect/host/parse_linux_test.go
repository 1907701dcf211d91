package host

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var exported = cmp.AllowUnexported(coreCounters{}, diskCounters{}, netCounters{}, procCounters{})

func openTree(t *testing.T, dir string) *procSource {
	t.Helper()
	s, err := openProc(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.pageSize = 4096
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestAProcTreeIsReadAsTheKernelMeansIt(t *testing.T) {
	s := openTree(t, "testdata/proc")

	cores, err := s.cores(nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]coreCounters{
		{index: 0, user: 109.16, system: 21.25, iowait: 3.28, steal: 0.1, total: 1530.86},
		{index: 2, user: 2, system: 3, iowait: 5, steal: 0, total: 14},
	}, cores, exported, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })); d != "" {
		t.Errorf("cores: %s", d)
	}

	disks, err := s.disks(nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]diskCounters{
		{name: "vda", reads: 100, writes: 200, readBytes: 4096 * 512, wroteByte: 8192 * 512, busy: 1234 * time.Millisecond},
		{name: "nvme0n1", reads: 7, writes: 0, readBytes: 56 * 512, busy: 3 * time.Millisecond},
	}, disks, exported); d != "" {
		t.Errorf("disks: %s", d)
	}

	nets, err := s.nets(nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]netCounters{
		{name: "lo", received: 3193, sent: 3193, packetsIn: 29, packetsOut: 29},
		{name: "eth0", received: 5000000, sent: 700000, packetsIn: 4000, packetsOut: 600, dropped: 1 + 2 + 3 + 4},
	}, nets, exported); d != "" {
		t.Errorf("interfaces: %s", d)
	}
}

func TestProcessesAreReadByNumberNameAndStart(t *testing.T) {
	s := openTree(t, "testdata/proc")
	pids, err := s.pids(nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[int32]procCounters{}
	for _, pid := range pids {
		var p procCounters
		if s.process(pid, &p) {
			got[pid] = p
		}
	}
	want := map[int32]procCounters{
		1:    {name: "systemd", start: 5, user: 1.5, system: 2.5, rss: 3000 * 4096, threads: 1},
		4711: {name: "a (b) c) d", start: 154342, user: 12.34, system: 56.78, rss: 100 * 4096, threads: 9},
	}
	if d := cmp.Diff(want, got, exported); d != "" {
		t.Errorf("process 12 has an empty file and is left out, as one that just ended: %s", d)
	}
}

func TestAKernelWorkerKeepsItsNameWhateverItWorksOn(t *testing.T) {
	for in, want := range map[string]string{
		"kworker/u8:1-writeback": "kworker/u8:1", "kworker/0:1+events": "kworker/0:1", "kworker/0:1H": "kworker/0:1H",
		"kworker/R-netns": "kworker/R-netns", "my-program": "my-program",
	} {
		if got := string(steadyName([]byte(in))); got != want {
			t.Errorf("steadyName(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestAContainerWithoutDisksAndInterfacesIsRead(t *testing.T) {
	s := openTree(t, "testdata/bare")
	cores, err := s.cores(nil)
	if err != nil || len(cores) != 1 {
		t.Errorf("cores %v, error %v", cores, err)
	}
	if disks, err := s.disks(nil); err != nil || len(disks) != 0 {
		t.Errorf("disks %v, error %v", disks, err)
	}
	if nets, err := s.nets(nil); err != nil || len(nets) != 0 {
		t.Errorf("interfaces %v, error %v", nets, err)
	}
}

func TestADirectoryThatIsNoProcTreeIsRefused(t *testing.T) {
	if s, err := openProc(t.TempDir()); err == nil {
		t.Errorf("took an empty directory: %v", s.close())
	}
}

func TestAFileOfAnySizeUpToTheLimitIsRead(t *testing.T) {
	dir := t.TempDir()
	write := func(n int) {
		if err := os.WriteFile(dir+"/stat", make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(0)
	s := openTree(t, dir)
	for _, n := range []int{16<<10 - 1, 16 << 10, 16<<10 + 1, 1 << 20} {
		write(n)
		if b, err := s.read("stat"); err != nil || len(b) != n {
			t.Errorf("%d bytes: read %d, error %v", n, len(b), err)
		}
	}
	write(bufLimit + 1)
	if _, err := s.read("stat"); err == nil {
		t.Error("a file over the limit was read")
	}
}

// Both sources see the same computer, so a program can be watched on one system and understood on another.
func TestBothSourcesSeeTheSameComputer(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc")
	}
	direct, other := openTree(t, "/proc"), newPortable()
	direct.pageSize = uint64(os.Getpagesize())

	a, errA := direct.cores(nil)
	b, errB := other.cores(nil)
	if errA != nil || errB != nil || len(a) != len(b) {
		t.Fatalf("cores: %d and %d, errors %v and %v", len(a), len(b), errA, errB)
	}
	// The direct source adds up ticks, the portable one seconds, whose sums are rounded; the counters only grow, and direct was read first.
	const rounding = 1e-6
	for i := range a {
		if a[i].index != b[i].index || a[i].user > b[i].user+rounding || a[i].total > b[i].total+1 {
			t.Errorf("core %d: direct %+v, then portable %+v", i, a[i], b[i])
		}
	}

	me := int32(os.Getpid())
	if _, err := other.pids(nil); err != nil {
		t.Fatal(err)
	}
	var mine, yours procCounters
	if !direct.process(me, &mine) || !other.process(me, &yours) {
		t.Fatal("this process is not seen")
	}
	if mine.name != yours.name || mine.threads == 0 || mine.rss == 0 || yours.rss == 0 {
		t.Errorf("this process: direct %+v, portable %+v", mine, yours)
	}
}

func FuzzParseProc(f *testing.F) {
	for _, name := range []string{"stat", "diskstats", "net/dev", "1/stat", "4711/stat"} {
		b, err := os.ReadFile("testdata/proc/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(") ("))
	f.Add([]byte("cpu99999999999999999999 1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		intern := func(b []byte) string { return string(b) }
		parseCores(text, nil)
		parseDisks(text, nil, intern)
		parseNets(text, nil, intern)
		var p procCounters
		if parseProcess(text, 4096, &p) == nil && (p.name == "" || len(p.name) > nameLimit) {
			t.Errorf("name %q", p.name)
		}
	})
}
