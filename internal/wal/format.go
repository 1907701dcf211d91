package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strconv"
	"strings"
)

// Sizes of docs/formats/wal.md.
const (
	Block       = 4096      // groups start on a multiple of it
	headerBytes = 2 * Block // the file header, twice
	groupHeader = 64
	frameHeader = 48
	groupMagic  = 0x31505247 // "GRP1"
	version     = 1

	flagStart = 1
	flagSeal  = 2
)

const fileMagic = "BOBWAL01"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is the CRC-32C that Entry.BodyCRC holds.
func Checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// fileHeader stands twice at the start of every file.
type fileHeader struct {
	sequence uint64
	salt     uint64
	size     int64
}

func (h fileHeader) encode() []byte {
	b := make([]byte, headerBytes)
	for _, at := range []int{0, Block} {
		c := b[at:]
		copy(c, fileMagic)
		binary.LittleEndian.PutUint32(c[12:], version)
		binary.LittleEndian.PutUint64(c[16:], h.sequence)
		binary.LittleEndian.PutUint64(c[24:], h.salt)
		binary.LittleEndian.PutUint64(c[32:], uint64(h.size))
		binary.LittleEndian.PutUint32(c[8:], crc32.Checksum(c[12:40], castagnoli))
	}
	return b
}

// decodeFileHeader reads one copy. ok is false when it is not a file header.
func decodeFileHeader(b []byte) (h fileHeader, ok bool) {
	if len(b) < 40 || string(b[:8]) != fileMagic || crc32.Checksum(b[12:40], castagnoli) != binary.LittleEndian.Uint32(b[8:]) ||
		binary.LittleEndian.Uint32(b[12:]) != version {
		return h, false
	}
	h.sequence = binary.LittleEndian.Uint64(b[16:])
	h.salt = binary.LittleEndian.Uint64(b[24:])
	h.size = int64(binary.LittleEndian.Uint64(b[32:]))
	return h, h.size >= headerBytes
}

// seedFile is the start of the CRC of a group header, seedFrames that of a frame.
func (h fileHeader) seedFile() uint32 { return h.seedFrames(0, 0) }

func (h fileHeader) seedFrames(number, generation uint64) uint32 {
	var b [32]byte
	binary.LittleEndian.PutUint64(b[0:], h.salt)
	binary.LittleEndian.PutUint64(b[8:], h.sequence)
	binary.LittleEndian.PutUint64(b[16:], number)
	binary.LittleEndian.PutUint64(b[24:], generation)
	return crc32.Checksum(b[:], castagnoli)
}

// group is a group header.
type group struct {
	number     uint64
	generation uint64
	synced     uint64
	length     int64 // of the frames with the commit frame
	frames     uint32
	flags      uint32
}

// span is how far behind this group's start the next one may start.
func (g group) span() int64 { return alignBlock(groupHeader + g.length) }

func (g group) put(b []byte, seed uint32) {
	_ = b[groupHeader-1]
	binary.LittleEndian.PutUint32(b[4:], groupMagic)
	binary.LittleEndian.PutUint64(b[8:], g.number)
	binary.LittleEndian.PutUint64(b[16:], g.generation)
	binary.LittleEndian.PutUint64(b[24:], g.synced)
	binary.LittleEndian.PutUint64(b[32:], uint64(g.length))
	binary.LittleEndian.PutUint32(b[40:], g.frames)
	binary.LittleEndian.PutUint32(b[44:], g.flags)
	clear(b[48:groupHeader])
	binary.LittleEndian.PutUint32(b, crc32.Update(seed, castagnoli, b[4:groupHeader]))
}

// decodeGroup reads a group header. ok is false when the bytes are not one of this life of this file.
func decodeGroup(b []byte, seed uint32) (g group, ok bool) {
	if len(b) < groupHeader || binary.LittleEndian.Uint32(b[4:]) != groupMagic ||
		crc32.Update(seed, castagnoli, b[4:groupHeader]) != binary.LittleEndian.Uint32(b) {
		return g, false
	}
	g.number = binary.LittleEndian.Uint64(b[8:])
	g.generation = binary.LittleEndian.Uint64(b[16:])
	g.synced = binary.LittleEndian.Uint64(b[24:])
	g.length = int64(binary.LittleEndian.Uint64(b[32:]))
	g.frames = binary.LittleEndian.Uint32(b[40:])
	g.flags = binary.LittleEndian.Uint32(b[44:])
	return g, g.length >= frameHeader
}

// putFrame writes the header of e's frame and its head, and returns the frame's CRC.
func putFrame(b []byte, e *Entry, seed uint32) uint32 {
	_ = b[frameHeader-1]
	b[4], b[5] = byte(e.Kind), 0
	binary.LittleEndian.PutUint16(b[6:], uint16(len(e.Head)))
	binary.LittleEndian.PutUint32(b[8:], uint32(len(e.Body)))
	binary.LittleEndian.PutUint32(b[12:], e.BodyCRC)
	copy(b[16:32], e.Topic[:])
	binary.LittleEndian.PutUint32(b[32:], uint32(e.Partition))
	binary.LittleEndian.PutUint32(b[36:], 0)
	binary.LittleEndian.PutUint64(b[40:], uint64(e.Offset))
	n := frameHeader + copy(b[frameHeader:], e.Head)
	crc := crc32.Update(seed, castagnoli, b[4:n])
	binary.LittleEndian.PutUint32(b, crc)
	return crc
}

func putCommit(b []byte, number uint64, sum uint32, seed uint32) {
	putFrame(b, &Entry{Offset: int64(number), BodyCRC: sum}, seed)
}

// frameSize is the room of a frame with a payload of n bytes.
func frameSize(n int) int64 { return int64(frameHeader+n+7) &^ 7 }

func alignBlock(n int64) int64 { return (n + Block - 1) &^ (Block - 1) }

func fileName(dir string, sequence uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%010d.wal", sequence))
}

// parseFileName returns the sequence that a file's name says.
func parseFileName(name string) (uint64, bool) {
	s, ok := strings.CutSuffix(name, ".wal")
	if !ok || len(s) < 10 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n > 0
}
