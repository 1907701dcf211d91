package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"sort"
	"strings"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

const (
	checkpointDir    = "checkpoint"
	checkpointMagic  = "BOBCKPT1"
	checkpointFormat = 2
	checkpointHeader = 76
	segmentSize1     = 56 // of a segment in format 1, which knows no compaction

	flagClean   = 1 // of a checkpoint
	flagOffline = 1 // of a partition
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkpoint is the content of a checkpoint file: docs/formats/checkpoint.md.
type checkpoint struct {
	number  uint64
	pos     wal.Position
	clean   bool
	written int64 // milliseconds since 1970
	catalog []byte
	doomed  []doomed
	logs    []commitlog.Checkpoint // without the topic's name
}

// doomed is a topic that is deleted and whose directories may still be there.
type doomed struct {
	id         catalog.ID
	name       string
	partitions int32
	released   bool // the directories have lost their names, and that is synced; not in the file
}

func (c *checkpoint) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, checkpointHeader, checkpointHeader+len(c.catalog)+160*len(c.logs)+64)
	copy(b, checkpointMagic)
	le.PutUint32(b[12:], checkpointFormat)
	le.PutUint64(b[24:], c.number)
	le.PutUint64(b[32:], c.pos.Group)
	le.PutUint64(b[40:], c.pos.File)
	le.PutUint64(b[48:], uint64(c.pos.Offset))
	le.PutUint64(b[56:], c.pos.Generation)
	if c.clean {
		le.PutUint32(b[64:], flagClean)
	}
	le.PutUint64(b[68:], uint64(c.written))
	b = appendBytes(b, c.catalog)
	b = le.AppendUint32(b, uint32(len(c.doomed)))
	for _, d := range c.doomed {
		b = append(b, d.id[:]...)
		b = le.AppendUint16(b, uint16(len(d.name)))
		b = append(b, d.name...)
		b = le.AppendUint32(b, uint32(d.partitions))
	}
	b = le.AppendUint32(b, uint32(len(c.logs)))
	for i := range c.logs {
		b = appendLog(b, &c.logs[i])
	}
	le.PutUint64(b[16:], uint64(len(b)))
	le.PutUint32(b[8:], crc32.Checksum(b[12:], castagnoli))
	return b
}

func appendBytes(b, v []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(v))), v...)
}

func appendLog(b []byte, l *commitlog.Checkpoint) []byte {
	le := binary.LittleEndian
	b = append(b, l.ID.TopicID[:]...)
	b = le.AppendUint32(b, uint32(l.ID.Partition))
	flags := byte(0)
	if l.Offline {
		flags |= flagOffline
	}
	b = append(b, flags)
	b = le.AppendUint64(b, uint64(l.Start))
	b = le.AppendUint64(b, uint64(l.RecoveryPoint))
	b = le.AppendUint32(b, uint32(len(l.Epochs)))
	for _, e := range l.Epochs {
		b = le.AppendUint32(b, uint32(e.Epoch))
		b = le.AppendUint64(b, uint64(e.Start))
	}
	b = le.AppendUint32(b, uint32(len(l.Segments)))
	for i := range l.Segments {
		b = commitlog.AppendSegment(b, &l.Segments[i])
	}
	b = le.AppendUint64(b, uint64(l.Cleanings))
	b = le.AppendUint64(b, uint64(l.CleanedTo))
	return appendBytes(b, l.Producers)
}

var (
	errCheckpoint = errors.New("it is not a checkpoint, or its checksum does not match")
	errNewer      = errors.New("newer format")
)

// decodeCheckpoint reads what encode wrote: all of b. It takes memory in proportion to len(b).
func decodeCheckpoint(b []byte) (*checkpoint, error) {
	le := binary.LittleEndian
	if len(b) < checkpointHeader || string(b[:7]) != checkpointMagic[:7] {
		return nil, errCheckpoint
	}
	if le.Uint64(b[16:]) != uint64(len(b)) || le.Uint32(b[8:]) != crc32.Checksum(b[12:], castagnoli) {
		return nil, errCheckpoint
	}
	format := le.Uint32(b[12:])
	if string(b[:8]) != checkpointMagic || format == 0 || format > checkpointFormat {
		return nil, fmt.Errorf("%w: %d", errNewer, le.Uint32(b[12:]))
	}
	c := &checkpoint{
		number: le.Uint64(b[24:]), clean: le.Uint32(b[64:])&flagClean != 0, written: int64(le.Uint64(b[68:])),
		pos: wal.Position{Group: le.Uint64(b[32:]), File: le.Uint64(b[40:]), Offset: int64(le.Uint64(b[48:])), Generation: le.Uint64(b[56:])},
	}
	r := reader{b: b[checkpointHeader:], format: format}
	c.catalog = append([]byte(nil), r.bytes()...)
	for range r.count(16 + 2 + 4) {
		d := doomed{id: r.id()}
		d.name = string(r.take(int(r.u16())))
		d.partitions = int32(r.u32())
		c.doomed = append(c.doomed, d)
	}
	n := r.count(16 + 4 + 1 + 8 + 8 + 4 + 4 + 4)
	c.logs = make([]commitlog.Checkpoint, n)
	for i := range c.logs {
		r.log(&c.logs[i])
	}
	if r.bad || len(r.b) > 0 {
		return nil, errCheckpoint
	}
	return c, nil
}

// reader takes values from the front of b. After the first that is missing it is bad and gives zeros.
type reader struct {
	b      []byte
	bad    bool
	format uint32
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u16() uint16 {
	if v := r.take(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if v := r.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (r *reader) i64() int64 {
	if v := r.take(8); v != nil {
		return int64(binary.LittleEndian.Uint64(v))
	}
	return 0
}

func (r *reader) id() (id catalog.ID) {
	copy(id[:], r.take(len(id)))
	return id
}

func (r *reader) bytes() []byte { return r.take(int(r.u32())) }

// count reads a number of elements that have at least size bytes each.
func (r *reader) count(size int) int {
	n := int(r.u32())
	if n > len(r.b)/size {
		r.bad, r.b = true, nil
		return 0
	}
	return n
}

func (r *reader) log(l *commitlog.Checkpoint) {
	l.ID.TopicID = r.id()
	l.ID.Partition = int32(r.u32())
	if f := r.take(1); f != nil {
		l.Offline = f[0]&flagOffline != 0
	}
	l.Start, l.RecoveryPoint = r.i64(), r.i64()
	l.Epochs = make([]commitlog.EpochStart, r.count(12))
	for i := range l.Epochs {
		l.Epochs[i] = commitlog.EpochStart{Epoch: int32(r.u32()), Start: r.i64()}
	}
	size := commitlog.SegmentSize
	if r.format == 1 {
		size = segmentSize1
	}
	l.Segments = make([]commitlog.SegmentInfo, r.count(size))
	for i := range l.Segments {
		var b [commitlog.SegmentSize]byte
		copy(b[:], r.take(size))
		l.Segments[i] = commitlog.ReadSegment(b[:])
	}
	if r.format > 1 {
		l.Cleanings, l.CleanedTo = r.i64(), r.i64()
	}
	l.Producers = append([]byte(nil), r.bytes()...)
}

func checkpointName(dir string, number uint64) string {
	return filepath.Join(dir, checkpointDir, fmt.Sprintf("%010d.ckpt", number))
}

// listCheckpoints returns the numbers of the checkpoint files, the highest first, and the names of files that are none.
func listCheckpoints(fsys vfs.FS, dir string) (numbers []uint64, others []string, err error) {
	infos, err := fsys.List(filepath.Join(dir, checkpointDir))
	if err != nil {
		return nil, nil, err
	}
	for _, i := range infos {
		var n uint64
		name, ok := strings.CutSuffix(i.Name, ".ckpt")
		if _, err := fmt.Sscanf(name, "%d", &n); ok && err == nil && i.Name == filepath.Base(checkpointName(dir, n)) {
			numbers = append(numbers, n)
		} else {
			others = append(others, i.Name)
		}
	}
	sort.Slice(numbers, func(i, j int) bool { return numbers[i] > numbers[j] })
	return numbers, others, nil
}

func readCheckpoint(fsys vfs.FS, dir string, number uint64) (*checkpoint, error) {
	name := checkpointName(dir, number)
	b, err := vfs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	c, err := decodeCheckpoint(b)
	switch {
	case errors.Is(err, errNewer):
		return nil, &NewerError{Dir: dir, Detail: fmt.Sprintf("checkpoint %d: %v", number, err)}
	case err != nil:
		return nil, &DamagedError{File: name, Err: err}
	case c.number != number:
		return nil, &DamagedError{File: name, Err: fmt.Errorf("it is number %d by its content", c.number)}
	}
	return c, nil
}

// write makes the checkpoint the one that counts.
func (c *checkpoint) write(fsys vfs.FS, dir string) error {
	name := checkpointName(dir, c.number)
	if err := vfs.WriteFileSync(fsys, name, c.encode()); err != nil {
		return fmt.Errorf("write checkpoint %d: %w", c.number, err)
	}
	return nil
}

// removeOldCheckpoints removes the checkpoints before the last two, and what a crash left of others.
func removeOldCheckpoints(fsys vfs.FS, dir string) error {
	numbers, others, err := listCheckpoints(fsys, dir)
	if err != nil {
		return fmt.Errorf("list checkpoints: %w", err)
	}
	for _, n := range numbers[min(2, len(numbers)):] {
		others = append(others, filepath.Base(checkpointName(dir, n)))
	}
	for _, name := range others {
		if err := fsys.Remove(filepath.Join(dir, checkpointDir, name)); err != nil {
			return fmt.Errorf("remove an old checkpoint: %w", err)
		}
	}
	return nil
}
