package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"sort"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Position is where a group starts, or will start.
type Position struct {
	Group      uint64 // number of the group
	File       uint64 // sequence of the file to look for it in; it may also be the first of the next file
	Offset     int64
	Generation uint64 // generation of the group before it
}

// Start is the position of the first group of a new log.
func Start() Position { return Position{Group: 1, File: 1, Offset: headerBytes} }

// Frame is what Scan shows of an entry. Its payload is valid during the call.
type Frame struct {
	Kind      Kind
	Topic     [16]byte
	Partition int32
	Offset    int64
	Payload   []byte
	Ref       Ref
	Group     uint64
}

// Ref names an entry's payload in the log. It stays readable until Recycle passes it.
type Ref struct {
	File   uint64
	Offset int64
	Len    int32
}

// End is where Scan found the end of the log, and what it needs to know to go on there.
type End struct {
	Next   Position
	Groups int   // groups read
	Bytes  int64 // their bytes
	// Torn says why the group at Next is not valid when something stands there; empty where nothing does.
	Torn string

	files []fileHeader // all files there are, by sequence; those that cannot be used have no salt
}

// maxGroupRead bounds the memory that a damaged length can ask for: no writer makes a group whose single frame is larger.
const maxGroupRead = 1<<31 - 1

// Scan reads the log from a position to its end and calls fn for every frame, in order. It changes nothing. An error of fn stops
// it and is returned. Damage is a *CorruptError or *MissingError.
//
// After an error Scan may have called fn for groups before the damage.
func Scan(fsys vfs.FS, dir string, from Position, fn func(Frame) error) (End, error) {
	s := scanner{fs: fsys, dir: dir, fn: fn}
	defer s.close()
	files, err := listFiles(fsys, dir)
	if err != nil {
		return End{}, err
	}
	s.end.files = files
	if err := s.open(from.File); err != nil {
		return End{}, err
	}
	if s.file == nil {
		return End{}, &MissingError{fileName(dir, from.File), "the file is missing; the checkpoint says that the log goes on in it. Restore it from a copy"}
	}
	if s.header.salt == 0 {
		return End{}, &MissingError{fileName(dir, from.File), "both copies of its header are damaged; the checkpoint says that the log goes on in it"}
	}
	pos := from
	for {
		g, why, err := s.group(pos)
		if err != nil {
			return End{}, err
		}
		if why == "" {
			pos = s.after(pos, g)
			continue
		}
		// Not here: at the start of the next file?
		here, hereFile := s.header, pos
		moved, err := s.advance(pos)
		if err != nil {
			return End{}, err
		}
		if moved {
			next := Position{Group: pos.Group, File: pos.File + 1, Offset: headerBytes, Generation: pos.Generation}
			g, whyNext, err := s.group(next)
			if err != nil {
				return End{}, err
			}
			if whyNext == "" {
				pos = s.after(next, g)
				continue
			}
		}
		if err := s.prove(here, hereFile, why); err != nil {
			return End{}, err
		}
		s.end.Next = pos
		if why != nothing {
			s.end.Torn = why
		}
		return s.end, nil
	}
}

// listFiles reads the headers of all files of the folder.
func listFiles(fsys vfs.FS, dir string) ([]fileHeader, error) {
	infos, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("write-ahead log: %w", err)
	}
	var files []fileHeader
	for _, info := range infos {
		seq, ok := parseFileName(info.Name)
		if !ok {
			continue
		}
		h, err := readFileHeader(fsys, dir, seq)
		if err != nil {
			return nil, err
		}
		files = append(files, h)
	}
	sort.Slice(files, func(i, j int) bool { return files[i].sequence < files[j].sequence })
	return files, nil
}

// readFileHeader returns a header without a salt when neither copy is valid.
func readFileHeader(fsys vfs.FS, dir string, seq uint64) (fileHeader, error) {
	f, err := fsys.Open(fileName(dir, seq), vfs.ReadOnly)
	if err != nil {
		return fileHeader{}, fmt.Errorf("write-ahead log: %w", err)
	}
	defer f.Close()
	b := make([]byte, headerBytes)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return fileHeader{}, fmt.Errorf("write-ahead log: read %s: %w", f.Name(), err)
	}
	for _, at := range []int{0, Block} {
		if at < n {
			if h, ok := decodeFileHeader(b[at:n]); ok && h.sequence == seq {
				return h, nil
			}
		}
	}
	return fileHeader{sequence: seq}, nil
}

type scanner struct {
	fs     vfs.FS
	dir    string
	fn     func(Frame) error
	file   vfs.File
	header fileHeader
	size   int64
	win    []byte // a window of the file
	winOff int64
	end    End
}

func (s *scanner) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// open makes a file the current one; s.file is nil when there is none of that sequence.
func (s *scanner) open(seq uint64) error {
	s.close()
	i := sort.Search(len(s.end.files), func(i int) bool { return s.end.files[i].sequence >= seq })
	if i == len(s.end.files) || s.end.files[i].sequence != seq {
		return nil
	}
	f, err := s.fs.Open(fileName(s.dir, seq), vfs.ReadOnly)
	if err != nil {
		return fmt.Errorf("write-ahead log: %w", err)
	}
	size, err := f.Size()
	if err != nil {
		f.Close()
		return fmt.Errorf("write-ahead log: %w", err)
	}
	s.file, s.header, s.size, s.win, s.winOff = f, s.end.files[i], size, s.win[:0], 0
	return nil
}

// advance opens the file behind pos's. It says false, and keeps the current one open, when there is none that can be used.
func (s *scanner) advance(pos Position) (bool, error) {
	i := sort.Search(len(s.end.files), func(i int) bool { return s.end.files[i].sequence > pos.File })
	if i == len(s.end.files) || s.end.files[i].sequence != pos.File+1 || s.end.files[i].salt == 0 {
		return false, nil
	}
	return true, s.open(pos.File + 1)
}

func (s *scanner) after(pos Position, g group) Position {
	s.end.Groups++
	s.end.Bytes += g.span()
	return Position{Group: g.number + 1, File: pos.File, Offset: pos.Offset + g.span(), Generation: g.generation}
}

// window returns n bytes at off, read through a buffer of at least 1 MiB. It returns fewer at the end of the file.
func (s *scanner) window(off, n int64) ([]byte, error) {
	if off >= s.size {
		return nil, nil
	}
	n = min(n, s.size-off)
	if off < s.winOff || off+n > s.winOff+int64(len(s.win)) {
		want := min(max(n, 1<<20), s.size-off)
		if int64(cap(s.win)) < want {
			s.win = make([]byte, want)
		}
		s.win = s.win[:want]
		if _, err := io.ReadFull(io.NewSectionReader(s.file, off, want), s.win); err != nil {
			return nil, fmt.Errorf("write-ahead log: read %s at %d: %w", s.file.Name(), off, err)
		}
		s.winOff = off
	}
	return s.win[off-s.winOff:][:n], nil
}

const nothing = "there is no group"

// group checks the group at pos and hands out its frames. why says what is wrong with it; it is empty for a valid one.
func (s *scanner) group(pos Position) (g group, why string, err error) {
	if pos.File != s.header.sequence || s.file == nil {
		if err := s.open(pos.File); err != nil || s.file == nil {
			return g, nothing, err
		}
	}
	b, err := s.window(pos.Offset, groupHeader)
	if err != nil {
		return g, "", err
	}
	g, ok := decodeGroup(b, s.header.seedFile())
	switch {
	case !ok && allZero(b):
		return g, nothing, nil
	case !ok:
		return g, "its header is not valid", nil
	case g.number != pos.Group:
		return g, fmt.Sprintf("its header says group %d", g.number), nil
	case g.generation < pos.Generation, g.generation > pos.Generation && g.flags&flagStart == 0:
		return g, fmt.Sprintf("it is of generation %d, behind one of %d", g.generation, pos.Generation), nil
	case g.length > maxGroupRead || pos.Offset+groupHeader+g.length > s.size:
		return g, "it is longer than its file", nil
	}
	b, err = s.window(pos.Offset+groupHeader, g.length)
	if err != nil {
		return g, "", err
	}
	if why := checkFrames(b, g, s.header.seedFrames(g.number, g.generation)); why != "" {
		return g, why, nil
	}
	at := int64(0)
	for range g.frames {
		h, n := int64(binary.LittleEndian.Uint16(b[at+6:])), int64(binary.LittleEndian.Uint32(b[at+8:]))
		f := Frame{
			Kind: Kind(b[at+4]), Topic: [16]byte(b[at+16 : at+32]), Partition: int32(binary.LittleEndian.Uint32(b[at+32:])),
			Offset: int64(binary.LittleEndian.Uint64(b[at+40:])), Payload: b[at+frameHeader : at+frameHeader+h+n : at+frameHeader+h+n],
			Ref:   Ref{File: pos.File, Offset: pos.Offset + groupHeader + at + frameHeader, Len: int32(h + n)},
			Group: g.number,
		}
		if err := s.fn(f); err != nil {
			return g, "", err
		}
		at += frameSize(int(h + n))
	}
	return g, "", nil
}

// checkFrames says what is wrong with the frames of a group.
func checkFrames(b []byte, g group, seed uint32) string {
	at, sum := int64(0), uint32(0)
	for i := range g.frames + 1 {
		if int64(len(b))-at < frameHeader {
			return fmt.Sprintf("frame %d is cut off", i)
		}
		h, n := int64(binary.LittleEndian.Uint16(b[at+6:])), int64(binary.LittleEndian.Uint32(b[at+8:]))
		if h+n > int64(len(b))-at-frameHeader {
			return fmt.Sprintf("frame %d is longer than its group", i)
		}
		head := b[at+frameHeader : at+frameHeader+h]
		crc := binary.LittleEndian.Uint32(b[at:])
		if crc32.Update(crc32.Update(seed, castagnoli, b[at+4:at+frameHeader]), castagnoli, head) != crc {
			return fmt.Sprintf("the checksum of frame %d does not match", i)
		}
		if i == g.frames {
			if b[at+4] != 0 || binary.LittleEndian.Uint64(b[at+40:]) != g.number || binary.LittleEndian.Uint32(b[at+12:]) != sum {
				return "its commit frame does not match"
			}
			return ""
		}
		if Checksum(b[at+frameHeader+h:at+frameHeader+h+n]) != binary.LittleEndian.Uint32(b[at+12:]) {
			return fmt.Sprintf("the checksum of the body of frame %d does not match", i)
		}
		sum = crc32.Update(sum, castagnoli, b[at:at+4])
		at += frameSize(int(h + n))
	}
	return "" // not reached: the loop returns at the commit frame
}

// prove looks behind a position without a valid group for a later group that says that the missing one was synced.
func (s *scanner) prove(h fileHeader, pos Position, why string) error {
	damaged := func(at group, file uint64) error {
		return &CorruptError{File: fileName(s.dir, pos.File), Offset: pos.Offset, Group: pos.Group,
			Detail: fmt.Sprintf("%s, but group %d in %s says that group %d was synced", why, at.number, fileName(s.dir, file), at.synced)}
	}
	for _, f := range s.end.files {
		if f.sequence < pos.File || f.salt == 0 {
			continue
		}
		if err := s.open(f.sequence); err != nil {
			return err
		}
		seed := f.seedFile()
		off := int64(headerBytes)
		if f.sequence == h.sequence {
			off = pos.Offset
		}
		for ; off < s.size; off += Block {
			b, err := s.window(off, groupHeader)
			if err != nil {
				return err
			}
			if g, ok := decodeGroup(b, seed); ok && g.number > pos.Group && g.synced >= pos.Group && g.generation >= pos.Generation {
				return damaged(g, f.sequence)
			}
			if f.sequence > h.sequence+1 {
				break // a log that went on so far started this file with a group
			}
		}
	}
	return nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
