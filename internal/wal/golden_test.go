package wal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"testing"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// The bytes of a file are those of docs/formats/wal.md, put together here without the package's own code.
func TestBytesAreAsDocumented(t *testing.T) {
	mem := vfs.NewMem()
	l := mustOpen(t, smallOptions(mem), Start())
	f := newFact(9, 21, 0)
	commit(t, l, f)
	mustClose(t, l)
	got, err := vfs.ReadFile(mem, "wal/0000000001.wal")
	if err != nil {
		t.Fatal(err)
	}
	le, table := binary.LittleEndian, crc32.MakeTable(crc32.Castagnoli)
	u64 := func(vs ...uint64) (b []byte) {
		for _, v := range vs {
			b = le.AppendUint64(b, v)
		}
		return b
	}
	// The file header, twice.
	const salt, sequence, size = 1, 1, 64 << 10
	h := make([]byte, 4096)
	copy(h, "BOBWAL01")
	le.PutUint32(h[12:], 1)
	copy(h[16:], u64(sequence, salt, size))
	le.PutUint32(h[8:], crc32.Checksum(h[12:40], table))
	want := append(bytes.Clone(h), h...)
	// seeded starts a checksum with what is not in the group.
	seeded := func(number, generation uint64, parts ...[]byte) uint32 {
		c := crc32.Checksum(u64(salt, sequence, number, generation), table)
		for _, p := range parts {
			c = crc32.Update(c, table, p)
		}
		return c
	}
	group := func(number, generation, synced uint64, flags uint32, frames ...[]byte) []byte {
		var sums, all []byte
		for _, f := range frames {
			sums = append(sums, f[:4]...)
			all = append(all, f...)
		}
		commit := make([]byte, 48)
		le.PutUint32(commit[12:], crc32.Checksum(sums, table))
		le.PutUint64(commit[40:], number)
		le.PutUint32(commit, seeded(number, generation, commit[4:]))
		all = append(all, commit...)
		g := make([]byte, 64)
		copy(g[4:], "GRP1")
		copy(g[8:], u64(number, generation, synced, uint64(len(all))))
		le.PutUint32(g[40:], uint32(len(frames)))
		le.PutUint32(g[44:], flags)
		le.PutUint32(g, seeded(0, 0, g[4:]))
		g = append(g, all...)
		return append(g, make([]byte, (4096-len(g)%4096)%4096)...)
	}
	frame := func(number, generation uint64, kind byte, topic [16]byte, partition uint32, offset uint64, head, body []byte) []byte {
		b := make([]byte, 48)
		b[4] = kind
		le.PutUint16(b[6:], uint16(len(head)))
		le.PutUint32(b[8:], uint32(len(body)))
		le.PutUint32(b[12:], crc32.Checksum(body, table))
		copy(b[16:], topic[:])
		le.PutUint32(b[32:], partition)
		le.PutUint64(b[40:], offset)
		le.PutUint32(b, seeded(number, generation, b[4:], head))
		b = append(append(b, head...), body...)
		return append(b, make([]byte, (8-len(b)%8)%8)...)
	}
	want = append(want, group(1, 1, 0, 1)...) // the first group of the generation
	want = append(want, group(2, 1, 1, 0, frame(2, 1, 1, f.Topic, 4, 9, []byte("head 9"), f.Body))...)
	want = append(want, make([]byte, size-len(want))...)
	if len(got) != len(want) {
		t.Fatalf("the file has %d bytes, want %d", len(got), len(want))
	}
	for at := 0; at < len(got); at += 64 {
		if !bytes.Equal(got[at:at+64], want[at:at+64]) {
			t.Fatalf("at %d:\n%swant\n%s", at, hex.Dump(got[at:at+64]), hex.Dump(want[at:at+64]))
		}
	}
}
