package wal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
	"pgregory.net/rapid"
)

// stopped makes a log of facts 1 to n, each in a group of its own, that was left without a last word. The groups start with number 2 at 12288.
func stopped(t testing.TB, n, size int) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	l := mustOpen(t, smallOptions(mem), Start())
	for i := range n {
		commit(t, l, newFact(i+1, size, 0))
	}
	mustClose(t, l)
	return mem
}

func flip(t testing.TB, mem *vfs.Mem, name string, at int64) { overwrite(t, mem, name, at, nil) }

// overwrite puts bytes into a file, or turns a bit around when there are none.
func overwrite(t testing.TB, mem *vfs.Mem, name string, at int64, b []byte) {
	t.Helper()
	f, err := mem.Open(name, vfs.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b == nil {
		b = make([]byte, 1)
		if _, err := f.ReadAt(b, at); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 4
	}
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

const first = "wal/0000000001.wal"

// What Scan makes of damage: where the log ends, or which group is damaged.
func TestScanTellsTornFromDamaged(t *testing.T) {
	const groups = 4 // facts 1 to 4 in groups 2 to 5 at 12288, 16384, 20480, 24576
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, mem *vfs.Mem)
		facts int    // that are found
		torn  string // what End says
		err   string // what the error says
	}{
		{name: "nothing", facts: 4},
		{name: "torn header of the last group", spoil: zero(first, 24576, 32), facts: 3, torn: "its header is not valid"},
		{name: "last group not written", spoil: zero(first, 24576, 4096), facts: 3},
		{name: "torn frame in the last group", spoil: zero(first, 24576+100, 16), facts: 3, torn: "the checksum of"},
		{name: "torn commit frame in the last group", spoil: zero(first, 24576+64+96, 8), facts: 3, torn: "the checksum of frame 1"},
		{name: "damaged header of a middle group", spoil: flipped(first, 16384+9), err: "group 3 is damaged"},
		{name: "middle group gone", spoil: zero(first, 16384, 4096), err: "group 3 is damaged: there is no group, but group 4"},
		{name: "damaged body in a middle group", spoil: flipped(first, 16384+64+48+20), err: "group 3 is damaged: the checksum of the body of frame 0"},
		{name: "damaged frame header in a middle group", spoil: flipped(first, 16384+64+20), err: "group 3 is damaged: the checksum of frame 0"},
		{name: "group before the last: the last proves no more than the one before it", spoil: flipped(first, 20480+64+48+20), err: "group 4 is damaged"},
		{name: "a group in the place of another", spoil: copied(first, 12288, 16384, 4096), err: "group 3 is damaged: its header says group 2"},
		{name: "first copy of the file header", spoil: flipped(first, 30), facts: 4},
		{name: "second copy of the file header", spoil: flipped(first, 4096+30), facts: 4},
		{name: "both copies of the file header", spoil: both(flipped(first, 30), flipped(first, 4096+30)), err: "both copies of its header are damaged"},
		{name: "file missing", spoil: func(t *testing.T, mem *vfs.Mem) { must(t, mem.Remove(first)) }, err: "is missing"},
		{name: "file of another name", spoil: func(t *testing.T, mem *vfs.Mem) { must(t, mem.Rename(first, "wal/0000000009.wal")) }, err: "is missing"},
		{name: "padding", spoil: flipped(first, 16384+4000), facts: 4},
		{name: "room behind the last group", spoil: flipped(first, 28672+4090), facts: 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := stopped(t, groups, 40)
			if c.spoil != nil {
				c.spoil(t, mem)
			}
			got, end, err := scanFacts(mem, Start(), sameSize(40))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || len(got) != c.facts || !strings.HasPrefix(end.Torn, c.torn) && !strings.Contains(end.Torn, c.torn) || (c.torn == "") != (end.Torn == "") {
				t.Fatalf("%d facts, torn %q, %v", len(got), end.Torn, err)
			}
			if want := uint64(2 + c.facts); end.Next.Group != want || end.Next.Offset != int64(8192+4096*(want-1)) {
				t.Fatalf("it ends at %+v", end.Next)
			}
			// It goes on there, and what was torn never comes back.
			l := mustOpen(t, smallOptions(mem), Start())
			commit(t, l, newFact(77, 40, 0))
			mustClose(t, l)
			again, _, err := scanFacts(mem, Start(), sameSize(40))
			if err != nil || len(again) != c.facts+1 || again[c.facts].n != 77 {
				t.Fatalf("after it went on: %v, %v", again, err)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func zero(name string, at, n int64) func(*testing.T, *vfs.Mem) {
	return func(t *testing.T, mem *vfs.Mem) { overwrite(t, mem, name, at, make([]byte, n)) }
}

func flipped(name string, at int64) func(*testing.T, *vfs.Mem) {
	return func(t *testing.T, mem *vfs.Mem) { flip(t, mem, name, at) }
}

func both(a, b func(*testing.T, *vfs.Mem)) func(*testing.T, *vfs.Mem) {
	return func(t *testing.T, mem *vfs.Mem) { a(t, mem); b(t, mem) }
}

func copied(name string, from, to, n int64) func(*testing.T, *vfs.Mem) {
	return func(t *testing.T, mem *vfs.Mem) {
		b, err := vfs.ReadFile(mem, name)
		must(t, err)
		overwrite(t, mem, name, to, b[from:from+n])
	}
}

// A seal says that the last group was synced: damage in it is then known for what it is.
func TestASealedGroupThatIsDamagedIsNotTorn(t *testing.T) {
	mem := vfs.NewMem()
	o := smallOptions(mem)
	o.SealAfter = time.Millisecond
	l := mustOpen(t, o, Start())
	commit(t, l, newFact(1, 40, 0))
	at, group := int64(0), uint64(0)
	if _, err := Scan(mem, "wal", Start(), func(f Frame) error { at, group = f.Ref.Offset, f.Group; return nil }); err != nil {
		t.Fatal(err)
	}
	// A seal may stand in front of the fact too, when the machine is slow.
	eventually(t, "a seal behind the fact", func() bool { return l.Next().Group >= group+2 })
	mustClose(t, l)
	_, _, err := scanFacts(mem, Start(), sameSize(40))
	must(t, err)
	flip(t, mem, first, at+10)
	var corrupt *CorruptError
	if _, _, err := scanFacts(mem, Start(), sameSize(40)); !errors.As(err, &corrupt) {
		t.Fatalf("a damaged group that was sealed: %v", err)
	}
}

// Groups of a file's earlier life are never taken for the log's, wherever it ends.
func TestGroupsOfARecycledFileAreStrangers(t *testing.T) {
	mem := vfs.NewMem()
	l := mustOpen(t, smallOptions(mem), Start())
	n := 0
	var from Position
	for l.Next().File < 12 { // through every file more than once
		n++
		from = l.Next()
		commit(t, l, newFact(n, 3000, 0))
		l.Recycle(from)
	}
	for range 3 {
		n++
		commit(t, l, newFact(n, 3000, 0))
	}
	last := n
	mustClose(t, l)
	if names, _ := mem.List("wal"); len(names) > 9 {
		t.Fatalf("%d files for a log of at most 8", len(names))
	}
	got, end, err := scanFacts(mem, from, sameSize(3000))
	if err != nil || end.Torn != "" && !strings.Contains(end.Torn, "not valid") {
		t.Fatalf("torn %q, %v", end.Torn, err)
	}
	if len(got) == 0 || got[len(got)-1].n != last {
		t.Fatalf("%d facts are found, the last one is not %d", len(got), last)
	}
	for i := range got {
		if got[i].n != last-len(got)+1+i {
			t.Fatalf("fact %d stands in place %d", got[i].n, i)
		}
	}
}

// A dumb model: a list of facts. Whatever their sizes, their levels and the crash, what was committed at the level sync is found, in order, at its
// place, and nothing that was not written.
func TestLogIsAListOfFacts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mem := vfs.NewMem()
		must(t, mem.MkdirAll("wal"))
		must(t, mem.SyncDir(".")) // the folder's own name is its owner's
		sizes := make(map[int]int)
		var facts []*fact
		committed := 0 // the first so many facts
		for life := range rapid.IntRange(1, 4).Draw(rt, "lives") {
			o := smallOptions(mem)
			o.MaxBytes = 64 << 20
			o.SealAfter = time.Duration(rapid.SampledFrom([]int{-1, 1}).Draw(rt, "seal")) * time.Microsecond
			l := mustOpen(t, o, Start())
			var mine []*fact
			for range rapid.IntRange(0, 40).Draw(rt, "facts") {
				size := rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(3000, 9000), rapid.IntRange(100<<10, 300<<10)).Draw(rt, "size")
				if size > 9000 && rapid.IntRange(0, 4).Draw(rt, "large") > 0 {
					size /= 100
				}
				n := len(facts) + 1
				sizes[n] = size
				within := time.Duration(rapid.SampledFrom([]int64{0, 0, 0, -1, int64(time.Hour)}).Draw(rt, "within"))
				f := newFact(n, size, within)
				facts, mine = append(facts, f), append(mine, f)
				mustPut(t, l, f)
				if rapid.IntRange(0, 3).Draw(rt, "wait") == 0 {
					waitAll(rt, mine)
				}
			}
			waitAll(rt, mine)
			for i, f := range facts[len(facts)-len(mine):] {
				if f.Within == 0 {
					committed = max(committed, len(facts)-len(mine)+i+1)
				}
				b := make([]byte, f.Ref.Len)
				if err := l.ReadAt(f.Ref, b); err != nil || string(b) != string(f.Head)+string(f.Body) {
					rt.Fatalf("fact %d is not at %+v: %v", f.n, f.Ref, err)
				}
			}
			if rapid.Bool().Draw(rt, "flush") {
				if err := l.Flush(); err != nil {
					rt.Fatalf("Flush: %v", err)
				}
				committed = len(facts)
			}
			keep := vfs.Crash{Keep: rapid.SampledFrom([]vfs.Keep{vfs.KeepNone, vfs.KeepRandom, vfs.KeepAll}).Draw(rt, "keep"), Rand: rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))}
			image := mem.Crash(keep)
			if err := l.Close(); err != nil {
				rt.Fatal(err)
			}
			mem = image
			got, _, err := scanFacts(mem, Start(), func(n int) int { return sizes[n] })
			if err != nil {
				rt.Fatalf("life %d: %v", life, err)
			}
			if len(got) < committed || len(got) > len(facts) {
				rt.Fatalf("life %d: %d facts are found of %d, %d were committed", life, len(got), len(facts), committed)
			}
			for i, g := range got {
				if g.n != facts[i].n || g.ref != facts[i].Ref {
					rt.Fatalf("place %d holds fact %d at %+v; written was %d at %+v", i, g.n, g.ref, facts[i].n, facts[i].Ref)
				}
			}
			facts = facts[:len(got)]
		}
	})
}

// A process that is killed leaves groups that nobody has synced. The next start finds them, so they must not be lost by a power cut behind it.
func TestWhatAStartFoundSurvivesAPowerCut(t *testing.T) {
	for _, size := range []int{100, 110 << 10, 200 << 10} { // the next group goes into the same file, or into another one
		mem := vfs.NewMem()
		must(t, mem.MkdirAll("wal"))
		must(t, mem.SyncDir("."))
		l := mustOpen(t, smallOptions(mem), Start())
		for i := range 3 {
			commit(t, l, newFact(i+1, size, -1))
		}
		killed := mem.Crash(vfs.Crash{Keep: vfs.KeepAll})
		mustClose(t, l)
		l = mustOpen(t, smallOptions(killed), Start())
		cut := killed.Crash(vfs.Crash{Keep: vfs.KeepNone})
		mustClose(t, l)
		if got, _, err := scanFacts(cut, Start(), sameSize(size)); err != nil || len(got) != 3 {
			t.Fatalf("facts of %d bytes: %d of 3 are found, %v", size, len(got), err)
		}
	}
}

func waitAll(t *rapid.T, facts []*fact) {
	for _, f := range facts {
		if f.told == nil {
			continue
		}
		if err := <-f.told; err != nil {
			t.Fatalf("fact %d: %v", f.n, err)
		}
		f.told = nil
	}
}

// Frames come in the order of Append, and Scan stops at an error of its caller's.
func TestScanStopsWhenToldTo(t *testing.T) {
	mem := stopped(t, 4, 40)
	enough := errors.New("enough")
	var seen []int64
	_, err := Scan(mem, "wal", Start(), func(f Frame) error {
		seen = append(seen, f.Offset)
		if len(seen) == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || !slices.Equal(seen, []int64{1, 2}) {
		t.Fatalf("%v, %v", seen, err)
	}
}

// Whatever happens to a log's bytes, Scan never panics and shows only frames that were written, in order.
func FuzzScan(f *testing.F) {
	whole := stopped(f, 6, 300)
	f.Add([]byte{}, uint32(0))
	f.Add([]byte("BOBWAL01"), uint32(0))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, uint32(16384+32))
	f.Add([]byte{0}, uint32(12288+64+8))
	f.Add([]byte("GRP1"), uint32(28672+4))
	f.Fuzz(func(t *testing.T, b []byte, at uint32) {
		mem := whole.Crash(vfs.Crash{Keep: vfs.KeepAll})
		if len(b) > 0 {
			overwrite(t, mem, first, int64(at)%(60<<10), b[:min(len(b), 4096)])
		}
		last := 0
		_, err := Scan(mem, "wal", Start(), func(fr Frame) error {
			n := int(fr.Offset)
			want := newFact(n, 300, 0)
			if n != last+1 || fr.Kind != 1 || string(fr.Payload) != string(want.Head)+string(want.Body) {
				return fmt.Errorf("a frame that was not written there: %d behind %d", n, last)
			}
			last = n
			return nil
		})
		var corrupt *CorruptError
		var missing *MissingError
		if err != nil && !errors.As(err, &corrupt) && !errors.As(err, &missing) {
			t.Fatal(err)
		}
	})
}
