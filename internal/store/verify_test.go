package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

const damageSize = 500

// stoppedDirectory makes a directory with rolled segments, indexes and a tail in the write-ahead log, and returns how many records each partition has.
func stoppedDirectory(t *testing.T, clean bool) (*vfs.Mem, map[string]int64) {
	t.Helper()
	mem := vfs.NewMem()
	s := mustOpen(t, smallOptions(mem))
	next := make(map[string]int64)
	for _, name := range []string{"a", "b"} {
		mustCreate(t, s, name, 2)
	}
	fill := func(n int) {
		for range n {
			for _, tp := range s.Topics() {
				for p, l := range tp.Partitions {
					k := commitlog.DirName(tp.Name, int32(p))
					mustAppend(t, l, makeBatch(batch.None, payload(tp.Name, int32(p), next[k], damageSize)))
					next[k]++
				}
			}
		}
	}
	fill(100)
	if err := s.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	fill(30)
	if clean {
		mustClose(t, s)
		return mem, next
	}
	mem = mem.Crash(vfs.Crash{Keep: vfs.KeepAll})
	s.Abort()
	return mem, next
}

func verifyAll(t *testing.T, mem *vfs.Mem) (Report, error) {
	t.Helper()
	return Verify(context.Background(), mem, "data", func(Finding) {}, nil)
}

// walk returns the paths of all files.
func walk(t *testing.T, mem *vfs.Mem, dir string) (files []string) {
	t.Helper()
	infos, err := mem.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		if i.Dir {
			files = append(files, walk(t, mem, path.Join(dir, i.Name))...)
		} else {
			files = append(files, path.Join(dir, i.Name))
		}
	}
	return files
}

func flip(t *testing.T, mem *vfs.Mem, name string, at int64) {
	t.Helper()
	f, err := mem.Open(name, vfs.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsNothingWrongWithAWholeDirectory(t *testing.T) {
	for _, clean := range []bool{true, false} {
		mem, _ := stoppedDirectory(t, clean)
		r, err := verifyAll(t, mem)
		if err != nil || len(r.Findings) > 0 || r.Batches < 400 || r.IndexEntries == 0 || r.CleanStop != clean || !clean && r.WALFrames == 0 {
			t.Fatalf("clean %v: %+v, %v", clean, r, err)
		}
	}
}

// A stop may come while a file of the log is made ready behind its end: it has the header of its earlier life, or one new copy of two. That is no damage.
func TestVerifyKnowsAFileThatWasBeingPrepared(t *testing.T) {
	mem, _ := stoppedDirectory(t, false)
	var last uint64
	for _, name := range walk(t, mem, "data/wal") {
		if _, err := fmt.Sscanf(path.Base(name), "%d.wal", &last); err != nil {
			t.Fatal(err)
		}
	}
	earlier, err := vfs.ReadFile(mem, fmt.Sprintf("data/wal/%010d.wal", last))
	if err != nil {
		t.Fatal(err)
	}
	prepared := fmt.Sprintf("data/wal/%010d.wal", last+1)
	for _, torn := range []bool{false, true} {
		if err := vfs.WriteFileSync(mem, prepared, earlier); err != nil {
			t.Fatal(err)
		}
		if torn {
			flip(t, mem, prepared, 0)
		}
		if r, err := verifyAll(t, mem); err != nil || len(r.Findings) > 0 {
			t.Errorf("torn %v: %v, %v", torn, r.Findings, err)
		}
	}
}

// A flipped byte, in any kind of file, is found by Verify; a broker that is started all the same serves no wrong record, loses none without an
// error, and serves the partitions that are whole.
func TestAFlippedByteIsFoundAndNeverServed(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, clean := range []bool{true, false} {
		whole, next := stoppedDirectory(t, clean)
		known := knownBytes(t, whole)
		base, err := verifyAll(t, whole.Crash(vfs.Crash{Keep: vfs.KeepAll}))
		if err != nil {
			t.Fatal(err)
		}
		kinds := make(map[string]int)
		for _, name := range walk(t, whole, "data") {
			file := path.Base(name)
			if file == "ballast" || file == ".lock" {
				continue // hold nothing
			}
			info, err := whole.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			for range max(4/raceShare, 1) {
				if info.Size == 0 {
					break
				}
				at := r.Int64N(min(info.Size, significant(whole, name)))
				mem := whole.Crash(vfs.Crash{Keep: vfs.KeepAll})
				flip(t, mem, name, at)
				kind := path.Ext(file)
				kinds[kind]++
				report, err := verifyAll(t, mem)
				if err == nil && len(report.Findings) == 0 && !excused(report, base, known, name, at, byteAt(t, whole, name, at)) {
					t.Errorf("clean %v: a flip in %s at %d is not found", clean, name, at)
				}
				if why := servesWrong(t, mem, next, report); why != "" {
					t.Errorf("clean %v: a flip in %s at %d: %s", clean, name, at, why)
				}
			}
		}
		t.Logf("clean %v: flips by kind of file: %v", clean, kinds)
	}
}

// significant is how much of a file holds anything: the rest of a file of the write-ahead log is room.
func significant(mem *vfs.Mem, name string) int64 {
	if !strings.HasSuffix(name, ".wal") {
		return 1 << 40
	}
	b, err := vfs.ReadFile(mem, name)
	if err != nil {
		return 1
	}
	return int64(len(bytes.TrimRight(b, "\x00"))) + 1
}

// knownBytes is how much of each segment and index counts: what is behind it was written after the checkpoint, and the next start writes it again from the log.
func knownBytes(t *testing.T, mem *vfs.Mem) map[string]int64 {
	t.Helper()
	numbers, _, err := listCheckpoints(mem, "data")
	if err != nil {
		t.Fatal(err)
	}
	ck, err := readCheckpoint(mem, "data", numbers[0])
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.DecodeSnapshot(ck.catalog)
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]int64)
	for f := range ck.pos.File {
		known[fmt.Sprintf("data/wal/%010d.wal", f)] = 1 << 40 // the checkpoint has replaced it
	}
	known[fmt.Sprintf("data/wal/%010d.wal", ck.pos.File)] = ck.pos.Offset
	for _, l := range ck.logs {
		dir := path.Join("data", commitlog.DirName(c.TopicByID(l.ID.TopicID).Name, l.ID.Partition))
		for _, s := range l.Segments {
			stem := fmt.Sprintf("%s/%020d", dir, s.Base)
			known[stem+".log"], known[stem+".index"], known[stem+".timeindex"] = s.Size, int64(s.Index)*8, int64(s.TimeIndex)*12
		}
	}
	return known
}

// excused are the flips that no verification can find, because they change nothing: in the write-ahead log's past and padding, and behind what the
// checkpoint knows of a segment. And, the one known exception, in the log's last group when that is not sealed, which looks as if it had been torn.
func excused(r, base Report, known map[string]int64, name string, at int64, old byte) bool {
	if strings.HasSuffix(name, ".wal") {
		past := r.WALGroups == base.WALGroups && r.WALBytes == base.WALBytes // all that counts was read as before
		return past && (old == 0 || base.CleanStop || at < known[name]) || r.Torn != "" && r.WALGroups >= base.WALGroups-1
	}
	return strings.Contains(path.Base(name), "0000") && (strings.HasSuffix(name, ".log") || strings.HasSuffix(name, "index")) && at >= known[name]
}

func byteAt(t *testing.T, mem *vfs.Mem, name string, at int64) byte {
	t.Helper()
	b, err := vfs.ReadFile(mem, name)
	if err != nil || at >= int64(len(b)) {
		t.Fatalf("%s has no byte %d: %v", name, at, err)
	}
	return b[at]
}

// servesWrong starts a broker on a damaged directory.
func servesWrong(t *testing.T, mem *vfs.Mem, next map[string]int64, report Report) string {
	t.Helper()
	s, err := Open(context.Background(), smallOptions(mem))
	if err != nil {
		return "" // refused with an error: nothing is served
	}
	defer s.Abort()
	for _, tp := range s.Topics() {
		for p, l := range tp.Partitions {
			k := commitlog.DirName(tp.Name, int32(p))
			got, err := readValues(l, l.Start())
			for o, v := range got {
				if !bytes.Equal(v, payload(tp.Name, int32(p), o, damageSize)) {
					return fmt.Sprintf("%s: offset %d holds %.40q", k, o, v)
				}
			}
			var corrupt *commitlog.CorruptError
			var offline *commitlog.OfflineError
			switch {
			case err == nil && int64(len(got)) < next[k] && report.Torn == "":
				return fmt.Sprintf("%s: %d of %d records and no error", k, len(got), next[k])
			case err != nil && !errors.As(err, &corrupt) && !errors.As(err, &offline):
				return fmt.Sprintf("%s: %v", k, err)
			case err != nil && len(report.Findings) > 0 && report.Findings[0].Topic != "" && report.Findings[0].Topic != tp.Name:
				return fmt.Sprintf("%s does not serve: %v", k, err)
			}
		}
	}
	return ""
}

// A missing index is made again, and answers as before.
func TestMissingIndexesAreMadeAgain(t *testing.T) {
	mem, next := stoppedDirectory(t, true)
	var gone []string
	for _, name := range walk(t, mem, "data") {
		if strings.HasSuffix(name, "index") {
			gone = append(gone, name)
			if err := mem.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := mustOpen(t, smallOptions(mem))
	for _, tp := range s.Topics() {
		for p, l := range tp.Partitions {
			wantValues(t, l, next[commitlog.DirName(tp.Name, int32(p))], damageSize)
		}
	}
	s.eng.Mend()
	mustClose(t, s)
	for _, name := range gone {
		if _, err := mem.Stat(name); err != nil {
			t.Errorf("%s was not made again", name)
		}
	}
	if r, err := verifyAll(t, mem); err != nil || len(r.Findings) > 0 {
		t.Fatalf("%+v, %v", r.Findings, err)
	}
}

// Repair cuts a damaged partition in front of the damage, keeps what it took away, leaves the others alone, and the directory is whole again.
func TestRepairCutsAtTheLastWholeBatch(t *testing.T) {
	for _, clean := range []bool{true, false} {
		mem, next := stoppedDirectory(t, clean)
		var victim string
		for _, name := range walk(t, mem, "data/a-1") {
			if strings.HasSuffix(name, ".log") {
				victim = name
				break
			}
		}
		flip(t, mem, victim, 10000)
		o := smallOptions(mem)
		o.Log = logTo(t)
		report, err := Repair(context.Background(), o)
		if err != nil || len(report.Losses) != 1 {
			t.Fatalf("%+v, %v", report, err)
		}
		loss := report.Losses[0]
		if loss.Topic != "a" || loss.Partition != 1 || loss.Before != next["a-1"] || loss.End == 0 || loss.End >= loss.Before || len(loss.Kept) == 0 {
			t.Fatalf("%+v", loss)
		}
		kept := 0
		for _, k := range loss.Kept {
			b, err := vfs.ReadFile(mem, path.Join("data", k))
			if err != nil || len(b) == 0 {
				t.Fatalf("kept %s: %d bytes, %v", k, len(b), err)
			}
			kept += len(b)
		}
		if least := int(loss.Before-loss.End) * damageSize; kept < least {
			t.Fatalf("%d bytes are kept of at least %d", kept, least)
		}
		if r, err := verifyAll(t, mem); err != nil || len(r.Findings) > 0 {
			t.Fatalf("after the repair: %+v, %v", r.Findings, err)
		}
		s := mustOpen(t, o)
		next["a-1"] = loss.End
		for _, tp := range s.Topics() {
			for p, l := range tp.Partitions {
				k := commitlog.DirName(tp.Name, int32(p))
				wantValues(t, l, next[k], damageSize)
				if got := mustAppend(t, l, makeBatch(batch.None, payload(tp.Name, int32(p), next[k], damageSize))); got != next[k] {
					t.Fatalf("%s goes on at %d", k, got)
				}
			}
		}
		mustClose(t, s)
		if again, err := Repair(context.Background(), o); err != nil || len(again.Losses)+len(again.Rebuilt) > 0 {
			t.Fatalf("a whole directory was repaired: %+v, %v", again, err)
		}
	}
}

// A damaged group of the write-ahead log that was synced is not taken for its end.
func TestRepairCutsTheLogInFrontOfADamagedGroup(t *testing.T) {
	mem, next := stoppedDirectory(t, false)
	before, err := verifyAll(t, mem)
	if err != nil || before.WALGroups < 10 {
		t.Fatalf("%+v, %v", before, err)
	}
	ck, err := readCheckpoint(mem, "data", before.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	flip(t, mem, fmt.Sprintf("data/wal/%010d.wal", ck.pos.File), ck.pos.Offset+3*4096+200)
	if _, err := Open(context.Background(), smallOptions(mem)); err == nil {
		t.Fatal("a directory with a damaged log was opened")
	}
	report, err := Repair(context.Background(), smallOptions(mem))
	if err != nil || len(report.Losses) != 1 || report.Losses[0].Partition != -1 || len(report.Losses[0].Kept) == 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	s := mustOpen(t, smallOptions(mem))
	defer mustClose(t, s)
	for _, tp := range s.Topics() {
		for p, l := range tp.Partitions {
			if hw := l.HighWatermark(); hw < 100 || hw > next[commitlog.DirName(tp.Name, int32(p))] {
				t.Fatalf("%s-%d ends at %d", tp.Name, p, hw)
			}
			wantValues(t, l, l.HighWatermark(), damageSize)
		}
	}
}
