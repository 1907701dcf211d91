package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func newMem(t testing.TB) *Mem {
	m := NewMem()
	must(t, m.MkdirAll(memDir))
	must(t, m.SyncDir("/"))
	return m
}

func at(name string) string { return filepath.Join(memDir, name) }

func exists(fsys FS, name string) bool {
	_, err := fsys.Stat(at(name))
	return err == nil
}

// ways are the states that random crashes can leave.
func ways(m *Mem, look func(*Mem) string) map[string]int {
	got := map[string]int{}
	for seed := range uint64(200) {
		got[look(m.Crash(Crash{Keep: KeepRandom, Rand: newRand(seed)}))]++
	}
	return got
}

func TestSyncedContentSurvivesAndTheRestMayNot(t *testing.T) {
	m := newMem(t)
	f := mustOpen(t, m, at("f"), Create)
	write(t, f, []byte("synced"), 0)
	must(t, f.Sync())
	must(t, m.SyncDir(memDir))
	write(t, f, []byte("UNSYNC"), 0)

	wantFile(t, m.Crash(Crash{Keep: KeepNone}), at("f"), "synced")
	wantFile(t, m.Crash(Crash{Keep: KeepAll}), at("f"), "UNSYNC")
	wantFile(t, m, at("f"), "UNSYNC")
	got := ways(m, func(c *Mem) string { b, _ := ReadFile(c, at("f")); return string(b) })
	for n := range 7 {
		if torn := "UNSYNC"[:n] + "synced"[n:]; got[torn] == 0 {
			t.Errorf("no crash left %q", torn)
		}
	}
	if len(got) != 7 {
		t.Errorf("crashes left more than torn writes: %v", got)
	}
}

func TestAWriteBehindALostCutIsLostToo(t *testing.T) {
	m := newMem(t)
	must(t, WriteFileSync(m, at("f"), []byte("old")))
	f := mustOpen(t, m, at("f"), ReadWrite)
	must(t, f.Truncate(0))
	write(t, f, []byte("n"), 0)
	got := ways(m, func(c *Mem) string { b, _ := ReadFile(c, at("f")); return string(b) })
	if len(got) != 3 || got["old"] == 0 || got[""] == 0 || got["n"] == 0 {
		t.Errorf("crashes left %v", got)
	}
}

func TestAProcessThatDiesStillHasNotSynced(t *testing.T) {
	m := newMem(t)
	write(t, mustOpen(t, m, at("f"), Create), []byte("x"), 0)
	after := m.Crash(Crash{Keep: KeepAll})
	wantFile(t, after, at("f"), "x")
	if exists(after.Crash(Crash{Keep: KeepNone}), "f") {
		t.Error("a killed process made its files durable")
	}
}

func TestNamesNeedTheirDirectorySynced(t *testing.T) {
	look := func(c *Mem) string {
		s := ""
		for _, n := range []string{"a", "b", "c", "d"} {
			if exists(c, n) {
				s += n
			}
		}
		return s
	}
	tests := map[string]struct {
		do         func(m *Mem)
		none, some string // what KeepNone leaves, and what else a crash may leave
	}{
		"create":  {func(m *Mem) { must(t, f(m, "d").Sync()) }, "ab", "abd"},
		"rename":  {func(m *Mem) { must(t, m.Rename(at("a"), at("c"))) }, "ab", "bc"},
		"replace": {func(m *Mem) { must(t, m.Rename(at("a"), at("b"))) }, "ab", "b"},
		"remove":  {func(m *Mem) { must(t, m.Remove(at("a"))) }, "ab", "b"},
		"mkdir":   {func(m *Mem) { must(t, m.MkdirAll(at("c"))) }, "ab", "abc"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMem(t)
			f(m, "a")
			f(m, "b")
			must(t, m.SyncDir(memDir))
			tt.do(m)
			if got := look(m.Crash(Crash{Keep: KeepNone})); got != tt.none {
				t.Errorf("without a sync %q is left, want %q", got, tt.none)
			}
			got := ways(m, look)
			if len(got) != 2 || got[tt.none] == 0 || got[tt.some] == 0 {
				t.Errorf("crashes left %v, want %q and %q", got, tt.none, tt.some)
			}
			must(t, m.SyncDir(memDir))
			if got := ways(m, look); len(got) != 1 || got[tt.some] == 0 {
				t.Errorf("after a sync crashes left %v, want %q", got, tt.some)
			}
		})
	}
}

func f(m *Mem, name string) File {
	f, err := m.Open(at(name), Create)
	if err != nil {
		panic(err)
	}
	return f
}

func TestAMoveBetweenDirectoriesNeverLosesTheFile(t *testing.T) {
	m := newMem(t)
	must(t, m.MkdirAll(at("d")))
	must(t, WriteFileSync(m, at("a"), []byte("x")))
	must(t, m.Rename(at("a"), at("d/a")))
	look := func(c *Mem) string { return fmt.Sprint(exists(c, "a"), exists(c, "d/a")) }
	must(t, m.SyncDir(memDir))
	if got := look(m.Crash(Crash{Keep: KeepNone})); got != "true false" {
		t.Errorf("when only the old directory is synced, %s", got)
	}
	for way := range ways(m, look) {
		if way == "false false" {
			t.Error("the file is gone")
		}
	}
	must(t, m.SyncDir(at("d")))
	must(t, m.SyncDir(memDir))
	if got := look(m.Crash(Crash{Keep: KeepNone})); got != "false true" {
		t.Errorf("when both are synced, %s", got)
	}
}

func TestAMoveBackAndForthIsNotUndone(t *testing.T) {
	m := newMem(t)
	must(t, m.MkdirAll(at("d")))
	must(t, WriteFileSync(m, at("a"), []byte("x")))
	must(t, m.Rename(at("a"), at("d/a")))
	must(t, m.SyncDir(memDir)) // the old name waits for the new one
	must(t, m.Rename(at("d/a"), at("a")))
	must(t, m.SyncDir(memDir))
	must(t, m.SyncDir(at("d")))
	must(t, m.SyncDir(memDir))
	c := m.Crash(Crash{Keep: KeepNone})
	if !exists(c, "a") || exists(c, "d/a") {
		t.Errorf("a: %v, d/a: %v", exists(c, "a"), exists(c, "d/a"))
	}
}

func TestSyncFSSyncsAll(t *testing.T) {
	m := newMem(t)
	must(t, m.MkdirAll(at("d/e")))
	write(t, mustOpen(t, m, at("z"), Create), []byte("x"), 0)
	must(t, m.Rename(at("z"), at("d/e/z")))
	must(t, m.SyncFS(memDir))
	c := m.Crash(Crash{Keep: KeepNone})
	wantFile(t, c, at("d/e/z"), "x")
	if exists(c, "z") {
		t.Error("the old name is left")
	}
}

func TestACrashReleasesLocks(t *testing.T) {
	m := newMem(t)
	_, err := m.Lock(at("lock"))
	must(t, err)
	for _, keep := range []Keep{KeepNone, KeepAll} {
		l, err := m.Crash(Crash{Keep: keep}).Lock(at("lock"))
		must(t, err)
		must(t, l.Close())
	}
}

// A file is written, cut and synced at random. After a crash each block holds what one of the writes since the last sync, or the sync,
// left there; without writes since, all is as it was.
func TestCrashesKeepWhatWasSynced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const blocks = 6
		m := NewMem()
		file := f0(m)
		if err := m.SyncDir("/"); err != nil {
			t.Fatal(err)
		}
		model := make([]byte, 0, blocks*BlockSize)
		durable := []byte{}
		possible := map[byte]bool{0: true} // values that a byte may have besides the durable one
		changed := false
		for i := range rapid.IntRange(1, 20).Draw(t, "steps") {
			value := byte(i + 1)
			switch rapid.SampledFrom([]string{"write", "write", "zeros", "truncate", "allocate", "sync"}).Draw(t, "step") {
			case "zeros":
				value = 0
				fallthrough
			case "write":
				off := rapid.IntRange(0, blocks*BlockSize-1).Draw(t, "off")
				n := rapid.IntRange(1, blocks*BlockSize-off).Draw(t, "n")
				data := bytes.Repeat([]byte{value}, n)
				if _, err := file.WriteAt(data, int64(off)); err != nil {
					t.Fatal(err)
				}
				model = model[:max(len(model), off+n)]
				copy(model[off:], data)
				possible[value], changed = true, true
			case "truncate":
				n := rapid.IntRange(0, blocks*BlockSize).Draw(t, "size")
				if err := file.Truncate(int64(n)); err != nil {
					t.Fatal(err)
				}
				if n < len(model) {
					clear(model[n:])
				}
				model, changed = model[:n], true
			case "allocate":
				n := rapid.IntRange(1, blocks*BlockSize).Draw(t, "size")
				if err := file.Allocate(0, int64(n)); err != nil {
					t.Fatal(err)
				}
				model, changed = model[:max(n, len(model))], true
			case "sync":
				if err := file.Sync(); err != nil {
					t.Fatal(err)
				}
				durable = bytes.Clone(model)
				possible, changed = map[byte]bool{0: true}, false
			}
			r := newRand(rapid.Uint64().Draw(t, "seed"))
			if got := content(t, m.Crash(Crash{Keep: KeepAll})); !bytes.Equal(got, model) {
				t.Fatal("a killed process lost data")
			}
			if got := content(t, m.Crash(Crash{Keep: KeepNone})); !bytes.Equal(got, durable) {
				t.Fatal("what was synced is not what is left")
			}
			got := content(t, m.Crash(Crash{Keep: KeepRandom, Rand: r}))
			if !changed && !bytes.Equal(got, durable) {
				t.Fatal("a random crash changed what was synced")
			}
			for i, b := range got {
				if !possible[b] && (i >= len(durable) || b != durable[i]) {
					t.Fatalf("byte %d is %d, which was never there", i, b)
				}
			}
		}
	})
}

func f0(m *Mem) File {
	file, err := m.Open("/f", Create)
	if err != nil {
		panic(err)
	}
	return file
}

func content(t *rapid.T, m *Mem) []byte {
	b, err := ReadFile(m, "/f")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		t.Fatal(err)
	}
	return b
}

func TestACapacityLimitsNewBlocksOnly(t *testing.T) {
	m := newMem(t)
	m.SetCapacity(4 * BlockSize)
	a := mustOpen(t, m, at("a"), Create)
	must(t, a.Allocate(0, 3*BlockSize))
	b := mustOpen(t, m, at("b"), Create)
	n, err := b.WriteAt(make([]byte, 2*BlockSize), 0)
	if n != BlockSize || !IsNoSpace(err) {
		t.Errorf("a write with room for a half = %d, %v", n, err)
	}
	if err := b.Allocate(BlockSize, 1); !IsNoSpace(err) {
		t.Errorf("Allocate on a full disk: %v", err)
	}
	write(t, a, bytes.Repeat([]byte{1}, 3*BlockSize), 0)
	if s, _ := m.Space(memDir); s != (Space{0, 4 * BlockSize}) {
		t.Errorf("Space = %+v", s)
	}
	must(t, m.Remove(at("a")))
	if s, _ := m.Space(memDir); s.Free != 0 {
		t.Errorf("a removed file that is open gave back %d", s.Free)
	}
	must(t, a.Close())
	if s, _ := m.Space(memDir); s.Free != 3*BlockSize {
		t.Errorf("a removed file gave back %d", s.Free)
	}
	must(t, b.Truncate(0))
	if s, _ := m.Space(memDir); s.Free != 4*BlockSize {
		t.Errorf("a cut file gave back %d", s.Free)
	}
}

func TestWritesToImagesDoNotMeet(t *testing.T) {
	m := newMem(t)
	f := mustOpen(t, m, at("f"), Create)
	write(t, f, []byte("before"), 0)
	c := m.Crash(Crash{Keep: KeepAll})
	write(t, f, []byte("here"), 0)
	write(t, mustOpen(t, c, at("f"), ReadWrite), []byte("th"), 0)
	wantFile(t, m, at("f"), "herere")
	wantFile(t, c, at("f"), "thfore")
}

func BenchmarkMemWrite(b *testing.B) {
	f := f0(NewMem())
	data := bytes.Repeat([]byte{1}, 64<<10)
	b.SetBytes(int64(len(data)))
	for i := range b.N {
		write(b, f, data, int64(i%256)*int64(len(data)))
		if i%16 == 0 {
			must(b, f.Sync())
		}
	}
}

func BenchmarkCrashImage(b *testing.B) {
	m := newMem(b)
	for i := range 10 {
		f := f(m, fmt.Sprint(i))
		write(b, f, bytes.Repeat([]byte{1}, 1<<20), 0)
		must(b, f.Sync())
	}
	r := newRand(1)
	for b.Loop() {
		m.Crash(Crash{Keep: KeepRandom, Rand: r})
	}
}

// Without power nothing can be done any more, and the image is what a crash in that moment leaves.
func TestNothingCanBeDoneWithoutPower(t *testing.T) {
	for _, keep := range []Keep{KeepNone, KeepAll} {
		m := newMem(t)
		f := mustOpen(t, m, at("f"), Create)
		write(t, f, []byte("synced"), 0)
		must(t, f.Sync())
		must(t, m.SyncDir(memDir))
		write(t, f, []byte("UNSYNC"), 0)
		n := m.PowerOff(Crash{Keep: keep})
		for name, do := range map[string]func() error{
			"write":    func() error { _, err := f.WriteAt([]byte("x"), 0); return err },
			"read":     func() error { _, err := f.ReadAt(make([]byte, 1), 0); return err },
			"sync":     f.Sync,
			"truncate": func() error { return f.Truncate(0) },
			"allocate": func() error { return f.Allocate(0, 1) },
			"open":     func() error { _, err := m.Open(at("f"), ReadOnly); return err },
			"create":   func() error { _, err := m.Open(at("g"), CreateNew); return err },
			"remove":   func() error { return m.Remove(at("f")) },
			"rename":   func() error { return m.Rename(at("f"), at("g")) },
			"mkdir":    func() error { return m.MkdirAll(at("d")) },
			"list":     func() error { _, err := m.List(memDir); return err },
			"stat":     func() error { _, err := m.Stat(at("f")); return err },
			"syncdir":  func() error { return m.SyncDir(memDir) },
			"syncfs":   func() error { return m.SyncFS(memDir) },
			"lock":     func() error { _, err := m.Lock(at("lock")); return err },
			"space":    func() error { _, err := m.Space(memDir); return err },
		} {
			if err := do(); !errors.Is(err, syscall.EIO) {
				t.Errorf("%s without power: %v", name, err)
			}
		}
		wantFile(t, n, at("f"), map[Keep]string{KeepNone: "synced", KeepAll: "UNSYNC"}[keep])
	}
}
