package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"path"
	"testing"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// seal gives the bytes of a checkpoint the length and the checksum that they should have.
func seal(b []byte) {
	binary.LittleEndian.PutUint64(b[16:], uint64(len(b)))
	binary.LittleEndian.PutUint32(b[8:], checksum(b[12:]))
}

func someCheckpoints() []*checkpoint {
	id := catalog.ID{1, 2, 3}
	return []*checkpoint{
		{number: 1, pos: wal.Start(), clean: true, written: 5},
		{
			number: 1 << 40, pos: wal.Position{Group: 7, File: 2, Offset: 8192, Generation: 3}, written: 1_700_000_000_000, catalog: []byte("catalog"),
			doomed: []doomed{{id: id, name: "gone", partitions: 3}, {id: id}},
			logs: []commitlog.Checkpoint{
				{ID: commitlog.ID{TopicID: id, Partition: 1}, Start: 5, RecoveryPoint: 9, Offline: true, Epochs: []commitlog.EpochStart{{Epoch: 1, Start: 2}},
					Segments:  []commitlog.SegmentInfo{{Base: 1, Size: 2, MaxTimestamp: 3, MaxTimeOffset: 4, FirstTime: 5, IndexedTime: 6, Index: 7, TimeIndex: 8, Cleaning: 9, Heads: 10}, {Base: 11}},
					Producers: []byte("p"), Cleanings: 12, CleanedTo: 13},
				{ID: commitlog.ID{TopicID: id, Partition: 2}},
			},
		},
	}
}

// The decoder of checkpoints never panics and never takes more memory than its input deserves; what it accepts it writes as it read it. Half of the
// inputs get a right checksum first, to come behind it.
func FuzzDecodeCheckpoint(f *testing.F) {
	for _, c := range someCheckpoints() {
		f.Add(c.encode(), false)
		f.Add(c.encode(), true)
	}
	f.Add([]byte(checkpointMagic), false)
	f.Add(bytes.Repeat([]byte{0xff}, 200), true)
	f.Fuzz(func(t *testing.T, b []byte, fix bool) {
		if fix && len(b) >= checkpointHeader {
			b = bytes.Clone(b)
			copy(b, checkpointMagic)
			binary.LittleEndian.PutUint32(b[12:], checkpointFormat)
			seal(b)
		}
		c, err := decodeCheckpoint(b)
		if err != nil {
			if !errors.Is(err, errCheckpoint) && !errors.Is(err, errNewer) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if again, err := decodeCheckpoint(c.encode()); err != nil || !bytes.Equal(again.encode(), c.encode()) {
			t.Fatalf("what was accepted is not what is written: %v", err)
		}
	})
}

// A checkpoint is read as it was written, and no single flipped bit goes unnoticed.
func TestCheckpointsAreReadAsWritten(t *testing.T) {
	for _, c := range someCheckpoints() {
		b := c.encode()
		got, err := decodeCheckpoint(b)
		if err != nil || !bytes.Equal(got.encode(), b) {
			t.Fatalf("checkpoint %d: %+v, %v", c.number, got, err)
		}
		for i := range b {
			for bit := range 8 {
				b[i] ^= 1 << bit
				if _, err := decodeCheckpoint(b); err == nil {
					t.Fatalf("checkpoint %d: a flip of bit %d of byte %d goes unnoticed", c.number, bit, i)
				}
				b[i] ^= 1 << bit
			}
		}
	}
}

// The reader of identities never panics, and accepts only what names a cluster, in a format it knows.
func FuzzIdentity(f *testing.F) {
	mem := vfs.NewMem()
	if err := mem.MkdirAll("data"); err != nil {
		f.Fatal(err)
	}
	id := &identity{clusterID: "abc", nodeID: 1, directoryID: "def"}
	if err := id.write(mem, "data"); err != nil {
		f.Fatal(err)
	}
	good, err := vfs.ReadFile(mem, path.Join("data", identityFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(bytes.Replace(good, []byte("bobbin.format=1"), []byte("bobbin.format=2"), 1))
	f.Add([]byte{})
	f.Add([]byte("bobbin.format=1\n"))
	f.Add([]byte("=\n#=\nbobbin.format=-1\nbobbin.crc=00000000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		mem := vfs.NewMem()
		if err := mem.MkdirAll("data"); err != nil {
			t.Fatal(err)
		}
		if err := vfs.WriteFileSync(mem, path.Join("data", identityFile), b); err != nil {
			t.Fatal(err)
		}
		got, err := readIdentity(mem, "data")
		var damaged *DamagedError
		var newer *NewerError
		switch {
		case err == nil && (got == nil || got.clusterID == ""):
			t.Fatalf("an identity without a cluster: %+v", got)
		case err != nil && !errors.As(err, &damaged) && !errors.As(err, &newer):
			t.Fatalf("another error: %v", err)
		}
	})
}
