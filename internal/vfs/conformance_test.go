package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each file system, wrapped or not, keeps these promises.
func TestFileSystems(t *testing.T) {
	systems := map[string]func(t *testing.T) (FS, string){
		"disk": func(t *testing.T) (FS, string) { return Disk(), t.TempDir() },
		"mem":  func(t *testing.T) (FS, string) { return NewMem(), memDir },
		"recorded": func(t *testing.T) (FS, string) {
			return Record(NewMem()), memDir
		},
		"with faults and trace": func(t *testing.T) (FS, string) {
			return WithTrace(WithFaults(NewMem()), memDir, io.Discard), memDir
		},
	}
	promises := map[string]func(t *testing.T, fsys FS, dir string){
		"open":       testOpen,
		"write":      testWrite,
		"vectors":    testVectors,
		"sizes":      testSizes,
		"names":      testNames,
		"rename":     testRename,
		"read only":  testReadOnly,
		"lock":       testLock,
		"direct":     testDirect,
		"whole file": testWholeFile,
		"remove all": testRemoveAll,
		"sync":       testSync,
	}
	for sys, open := range systems {
		for name, promise := range promises {
			t.Run(sys+"/"+name, func(t *testing.T) {
				fsys, dir := open(t)
				if err := fsys.MkdirAll(dir); err != nil {
					t.Fatal(err)
				}
				promise(t, fsys, dir)
			})
		}
	}
}

const memDir = "/data"

func testOpen(t *testing.T, fsys FS, dir string) {
	name := filepath.Join(dir, "f")
	for _, mode := range []Mode{ReadOnly, ReadWrite} {
		_, err := fsys.Open(name, mode)
		wantError(t, err, fs.ErrNotExist, name)
	}
	mustOpen(t, fsys, name, Create)
	mustOpen(t, fsys, name, Create)
	_, err := fsys.Open(name, CreateNew)
	wantError(t, err, fs.ErrExist, name)
	mustOpen(t, fsys, name+"2", CreateNew)
	if _, err := fsys.Open(dir, ReadOnly); err == nil {
		t.Error("a directory was opened as a file")
	}
	_, err = fsys.Open(filepath.Join(dir, "none", "f"), Create)
	wantError(t, err, fs.ErrNotExist, "none")

	f, err := fsys.Open(name, ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if f.Name() != name {
		t.Errorf("Name() = %q", f.Name())
	}
	must(t, f.Close())
	_, err = f.WriteAt([]byte("x"), 0)
	wantError(t, err, fs.ErrClosed, name)
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a second Close returned %v", err)
	}
}

func testWrite(t *testing.T, fsys FS, dir string) {
	f := mustOpen(t, fsys, filepath.Join(dir, "f"), Create)
	want := bytes.Repeat([]byte("0123456789"), 2000)
	write(t, f, want[:5000], 0)
	write(t, f, want[5000:], 5000)
	copy(want[4090:], "overwritten")
	write(t, f, []byte("overwritten"), 4090)
	got := make([]byte, len(want))
	for how, readAt := range map[string]func([]byte, int64) (int, error){"ReadAt": f.ReadAt, "ReadOnceAt": f.ReadOnceAt} {
		clear(got)
		if n, err := readAt(got, 0); n != len(got) || err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s = %d, %v", how, n, err)
		}
		if n, err := readAt(got[:999], 4321); n != 999 || err != nil || !bytes.Equal(got[:n], want[4321:4321+n]) {
			t.Errorf("%s in the middle = %d, %v", how, n, err)
		}
		if n, err := readAt(got, int64(len(want)-7)); n != 7 || err != io.EOF {
			t.Errorf("%s over the end = %d, %v", how, n, err)
		}
		if n, err := readAt(got, int64(len(want)+7)); n != 0 || err != io.EOF {
			t.Errorf("%s behind the end = %d, %v", how, n, err)
		}
	}
	write(t, f, []byte("far"), 100_000)
	hole := make([]byte, 4096)
	if _, err := f.ReadAt(hole, 50_000); err != nil || !isZero(hole) {
		t.Errorf("a hole is not zeros: %v", err)
	}
	wantSize(t, f, 100_003)
}

func testVectors(t *testing.T, fsys FS, dir string) {
	f := mustOpen(t, fsys, filepath.Join(dir, "f"), Create)
	var bufs [][]byte
	var want []byte
	for i := range 3000 { // more than one system call takes
		b := bytes.Repeat([]byte{byte(i)}, i%5)
		bufs, want = append(bufs, b), append(want, b...)
	}
	n, err := f.WritevAt(bufs, 10)
	if n != int64(len(want)) || err != nil {
		t.Fatalf("WritevAt = %d, %v", n, err)
	}
	got := make([]byte, len(want))
	if _, err := f.ReadAt(got, 10); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("the buffers were not written one behind the other: %v", err)
	}
	if n, err := f.WritevAt(nil, 0); n != 0 || err != nil {
		t.Errorf("WritevAt(nil) = %d, %v", n, err)
	}
}

func testSizes(t *testing.T, fsys FS, dir string) {
	f := mustOpen(t, fsys, filepath.Join(dir, "f"), Create)
	write(t, f, bytes.Repeat([]byte{1}, 10_000), 0)
	must(t, f.Truncate(5000))
	wantSize(t, f, 5000)
	must(t, f.Truncate(10_000))
	got := make([]byte, 5000)
	if _, err := f.ReadAt(got, 5000); err != nil || !isZero(got) {
		t.Errorf("what was cut off came back: %v", err)
	}
	must(t, f.Allocate(0, 100))
	wantSize(t, f, 10_000)
	must(t, f.Allocate(8192, 8192))
	wantSize(t, f, 16384)
	must(t, f.Truncate(0))
	wantSize(t, f, 0)
	if n, err := f.ReadAt(got, 0); n != 0 || err != io.EOF {
		t.Errorf("read %d bytes of an empty file: %v", n, err)
	}
}

func testNames(t *testing.T, fsys FS, dir string) {
	must(t, fsys.MkdirAll(filepath.Join(dir, "b", "c")))
	must(t, fsys.MkdirAll(filepath.Join(dir, "b", "c")))
	write(t, mustOpen(t, fsys, filepath.Join(dir, "a"), Create), []byte("abc"), 0)
	infos, err := fsys.List(dir)
	must(t, err)
	type entry struct {
		Name string
		Size int64
		Dir  bool
	}
	var got []entry
	for _, i := range infos {
		e := entry{i.Name, i.Size, i.Dir}
		if i.Dir {
			e.Size = 0 // the system's own
		}
		if i.ModTime.IsZero() {
			t.Errorf("%s has no time", i.Name)
		}
		got = append(got, e)
	}
	if d := cmp.Diff([]entry{{"a", 3, false}, {"b", 0, true}}, got); d != "" {
		t.Error(d)
	}
	if err := fsys.Remove(filepath.Join(dir, "b")); err == nil {
		t.Error("a directory with entries was removed")
	}
	must(t, fsys.Remove(filepath.Join(dir, "b", "c")))
	must(t, fsys.Remove(filepath.Join(dir, "b")))
	must(t, fsys.Remove(filepath.Join(dir, "a")))
	wantError(t, fsys.Remove(filepath.Join(dir, "a")), fs.ErrNotExist, "a")
	_, err = fsys.Stat(filepath.Join(dir, "a"))
	wantError(t, err, fs.ErrNotExist, "a")
	_, err = fsys.List(filepath.Join(dir, "b"))
	wantError(t, err, fs.ErrNotExist, "b")
	if i, err := fsys.Stat(dir); err != nil || !i.Dir || i.Name != filepath.Base(dir) {
		t.Errorf("Stat(dir) = %+v, %v", i, err)
	}
}

func testRename(t *testing.T, fsys FS, dir string) {
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	must(t, fsys.MkdirAll(filepath.Join(dir, "d1")))
	must(t, WriteFileSync(fsys, a, []byte("a")))
	must(t, WriteFileSync(fsys, b, []byte("b")))
	must(t, WriteFileSync(fsys, filepath.Join(dir, "d1", "x"), []byte("x")))
	must(t, fsys.Rename(a, b))
	wantFile(t, fsys, b, "a")
	must(t, fsys.Rename(filepath.Join(dir, "d1"), filepath.Join(dir, "d2")))
	wantFile(t, fsys, filepath.Join(dir, "d2", "x"), "x")
	must(t, fsys.Rename(b, filepath.Join(dir, "d2", "b")))
	wantFile(t, fsys, filepath.Join(dir, "d2", "b"), "a")
	wantError(t, fsys.Rename(a, b), fs.ErrNotExist, "a")
	if err := fsys.Rename(filepath.Join(dir, "d2"), filepath.Join(dir, "d2", "d3")); err == nil {
		t.Error("a directory was moved into itself")
	}
}

func testReadOnly(t *testing.T, fsys FS, dir string) {
	name := filepath.Join(dir, "f")
	must(t, WriteFileSync(fsys, name, []byte("data")))
	f := mustOpen(t, fsys, name, ReadOnly)
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("a file opened for reading was written")
	}
	if err := f.Truncate(0); err == nil {
		t.Error("a file opened for reading was cut")
	}
	wantFile(t, fsys, name, "data")
}

func testLock(t *testing.T, fsys FS, dir string) {
	name := filepath.Join(dir, "lock")
	l, err := fsys.Lock(name)
	must(t, err)
	_, err = fsys.Lock(name)
	held, ok := errors.AsType[*LockedError](err)
	if !ok || held.Name != name || held.PID != os.Getpid() {
		t.Fatalf("a lock that is held: %v", err)
	}
	must(t, l.Close())
	l, err = fsys.Lock(name)
	must(t, err)
	must(t, l.Close())
}

func testDirect(t *testing.T, fsys FS, dir string) {
	name := filepath.Join(dir, "f")
	f := mustOpen(t, fsys, name, Create|Direct)
	t.Logf("direct: %v", f.Direct())
	data := AlignedBuffer(3 * BlockSize)
	for i := range data {
		data[i] = byte(i / 100)
	}
	write(t, f, data, BlockSize)
	if n, err := f.WritevAt([][]byte{data[:BlockSize], data[2*BlockSize:]}, 4*BlockSize); n != 2*BlockSize || err != nil {
		t.Fatalf("WritevAt = %d, %v", n, err)
	}
	if f.Direct() {
		if _, err := f.WriteAt(data[1:BlockSize+1], 0); err == nil {
			t.Log("this file system takes direct writes that are not aligned")
		}
	}
	must(t, f.Truncate(6*BlockSize-10))
	got := AlignedBuffer(8 * BlockSize)
	n, err := f.ReadAt(got, 0)
	if n != 6*BlockSize-10 || err != io.EOF {
		t.Errorf("a direct read over the end = %d, %v", n, err)
	}
	if !bytes.Equal(got[BlockSize:4*BlockSize], data) {
		t.Error("a direct read differs from what was written")
	}
	must(t, f.Sync())
	b, err := ReadFile(fsys, name)
	if err != nil || !bytes.Equal(b, got[:n]) {
		t.Errorf("an ordinary read differs from a direct one: %v", err)
	}
}

func testWholeFile(t *testing.T, fsys FS, dir string) {
	name := filepath.Join(dir, "f")
	must(t, WriteFileSync(fsys, name, []byte("a longer text")))
	must(t, WriteFileSync(fsys, name, []byte("short")))
	wantFile(t, fsys, name, "short")
	if infos, _ := fsys.List(dir); len(infos) != 1 {
		t.Errorf("something was left behind: %v", infos)
	}
	if err := WriteFileSync(fsys, filepath.Join(dir, "none", "f"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("written in a missing directory: %v", err)
	}
	must(t, WriteFileSync(fsys, name, nil))
	wantFile(t, fsys, name, "")
}

func testRemoveAll(t *testing.T, fsys FS, dir string) {
	top := filepath.Join(dir, "top")
	must(t, fsys.MkdirAll(filepath.Join(top, "a", "b")))
	must(t, WriteFileSync(fsys, filepath.Join(top, "a", "f"), []byte("x")))
	must(t, RemoveAll(fsys, top))
	must(t, RemoveAll(fsys, top))
	if _, err := fsys.Stat(top); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat = %v", err)
	}
}

func testSync(t *testing.T, fsys FS, dir string) {
	f := mustOpen(t, fsys, filepath.Join(dir, "f"), Create)
	write(t, f, []byte("x"), 0)
	must(t, f.Sync())
	must(t, fsys.SyncDir(dir))
	if err := fsys.SyncFS(dir); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if err := fsys.SyncDir(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SyncDir of nothing: %v", err)
	}
	s, err := fsys.Space(dir)
	if err != nil || s.Free <= 0 || s.Total < s.Free {
		t.Errorf("Space = %+v, %v", s, err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t testing.TB, fsys FS, name string, mode Mode) File {
	t.Helper()
	f, err := fsys.Open(name, mode)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func write(t testing.TB, f File, data []byte, off int64) {
	t.Helper()
	if n, err := f.WriteAt(data, off); n != len(data) || err != nil {
		t.Fatalf("WriteAt(%d bytes, %d) = %d, %v", len(data), off, n, err)
	}
}

func wantSize(t testing.TB, f File, want int64) {
	t.Helper()
	if got, err := f.Size(); got != want || err != nil {
		t.Errorf("Size() = %d, %v; want %d", got, err, want)
	}
}

func wantFile(t testing.TB, fsys FS, name, want string) {
	t.Helper()
	if got, err := ReadFile(fsys, name); string(got) != want || err != nil {
		t.Errorf("%s holds %q, %v; want %q", name, got, err, want)
	}
}

// wantError wants an error of a kind that names a file.
func wantError(t testing.TB, err, kind error, name string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v; want %v", err, kind)
	} else if !bytes.Contains([]byte(err.Error()), []byte(name)) {
		t.Errorf("error %q does not name %s", err, name)
	}
}

func TestAlignedBuffersAreAligned(t *testing.T) {
	for _, n := range []int{0, 1, BlockSize - 1, BlockSize, 3*BlockSize + 5} {
		b := AlignedBuffer(n)
		if len(b) != n || cap(b) != n || n > 0 && address(b)%BlockSize != 0 {
			t.Errorf("AlignedBuffer(%d): %d bytes at %x", n, len(b), address(b))
		}
	}
}
