package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree returns all files with their content, and all directories.
func tree(t testing.TB, fsys FS, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	infos, err := fsys.List(dir)
	must(t, err)
	for _, i := range infos {
		name := filepath.Join(dir, i.Name)
		if i.Dir {
			got[name+"/"] = ""
			for n, c := range tree(t, fsys, name) {
				got[n] = c
			}
			continue
		}
		b, err := ReadFile(fsys, name)
		must(t, err)
		got[name] = string(b)
	}
	return got
}

// workload does a bit of everything at random.
func workload(t testing.TB, fsys FS, r *rand.Rand, steps int) {
	must(t, fsys.MkdirAll(at("d")))
	names := []string{at("a"), at("b"), at("d/a"), at("d/b")}
	for range steps {
		name := names[r.IntN(len(names))]
		switch r.IntN(8) {
		case 0:
			must(t, ignoreMissing(fsys.Remove(name)))
		case 1:
			must(t, ignoreMissing(fsys.Rename(name, names[r.IntN(len(names))])))
		case 2:
			must(t, fsys.SyncDir(filepath.Dir(name)))
		case 3:
			must(t, fsys.SyncFS(memDir))
		default:
			f := must2(fsys.Open(name, Create))(t)
			data := fmt.Appendf(nil, "%0*d", 1+r.IntN(9000), r.IntN(1000))
			write(t, f, data, r.Int64N(20_000))
			if r.IntN(3) == 0 {
				must(t, f.Truncate(r.Int64N(20_000)))
			}
			if r.IntN(3) == 0 {
				must(t, f.Allocate(r.Int64N(20_000), 5000))
			}
			if r.IntN(2) == 0 {
				must(t, f.Sync())
			}
			must(t, f.Close())
		}
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func must2[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// At every change the replay stands as the recorded file system stood, in its cache and on its disk.
func TestAReplayIsTheOriginal(t *testing.T) {
	for seed := range uint64(20) {
		m := newMem(t)
		must(t, WriteFileSync(m, at("a"), []byte("was there before")))
		r := Record(m)
		workload(t, r, newRand(seed), 100)
		p := r.Replay()
		for i := 0; ; i++ {
			if p.Index() != i {
				t.Fatalf("Index() = %d, want %d", p.Index(), i)
			}
			if (p.Op() == "") != (i == r.Count()) {
				t.Fatalf("Op() = %q before %d of %d", p.Op(), i, r.Count())
			}
			if !p.Next() {
				break
			}
		}
		for _, keep := range []Keep{KeepAll, KeepNone, KeepRandom} {
			want := m.Crash(Crash{Keep: keep, Rand: newRand(seed)})
			got := p.CrashAt(Crash{Keep: keep, Rand: newRand(seed)})
			if d := cmp.Diff(tree(t, want, "/"), tree(t, got, "/")); d != "" {
				t.Errorf("seed %d, keep %d: %s", seed, keep, d)
			}
		}
	}
}

// A log appends records, each after a sync acknowledged. No crash at any change may lose one; crashes in a write show each length of it.
func TestASweepFindsEveryMoment(t *testing.T) {
	r := Record(newMem(t))
	f := must2(r.Open(at("log"), Create))(t)
	must(t, r.SyncDir(memDir))
	const records = 30
	for i := range records {
		write(t, f, []byte("0123456789"), int64(i)*10)
		must(t, f.Sync())
		r.Mark(i)
	}
	must(t, f.Close())
	if want := 2 + 2*records; r.Count() != want {
		t.Fatalf("Count() = %d, want %d", r.Count(), want)
	}
	torn := map[int64]bool{}
	for p := r.Replay(); ; {
		acked := len(r.Marks(p.Index()))
		for _, keep := range []Keep{KeepNone, KeepRandom, KeepAll} {
			c := p.CrashAt(Crash{Keep: keep, Rand: newRand(uint64(p.Index()))})
			info, err := c.Stat(at("log"))
			if acked > 0 && (err != nil || info.Size < int64(acked)*10) {
				t.Fatalf("a crash before %q left %d bytes of %d records: %v", p.Op(), info.Size, acked, err)
			}
			torn[info.Size%10] = true
		}
		if !p.Next() {
			break
		}
	}
	if len(torn) != 10 {
		t.Errorf("writes were torn at %v only", torn)
	}
	if got := len(r.Marks(r.Count())); got != records {
		t.Errorf("%d marks at the end", got)
	}
}

func TestAFullDiskIsRecordedAsFarAsItWrote(t *testing.T) {
	m := newMem(t)
	m.SetCapacity(2 * BlockSize)
	r := Record(m)
	f := must2(r.Open(at("f"), Create))(t)
	if n, err := f.WriteAt(make([]byte, 3*BlockSize), 0); n != 2*BlockSize || !IsNoSpace(err) {
		t.Fatalf("WriteAt = %d, %v", n, err)
	}
	p := r.Replay()
	for p.Next() {
	}
	info, err := p.CrashAt(Crash{Keep: KeepAll}).Stat(at("f"))
	if err != nil || info.Size != 2*BlockSize {
		t.Errorf("the replay wrote %d, %v", info.Size, err)
	}
}
