package wal

import (
	"fmt"
	"io"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Payloads reads the payloads that refs name from a stopped log, one behind the other.
type Payloads struct {
	fs   vfs.FS
	dir  string
	refs []Ref
	rest []byte
}

// NewPayloads returns a reader of payloads. Nothing is open between its reads.
func NewPayloads(fsys vfs.FS, dir string, refs []Ref) *Payloads {
	return &Payloads{fs: fsys, dir: dir, refs: refs}
}

// Read implements io.Reader.
func (p *Payloads) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if len(p.refs) == 0 {
			return 0, io.EOF
		}
		if err := p.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *Payloads) next() error {
	ref := p.refs[0]
	f, err := p.fs.Open(fileName(p.dir, ref.File), vfs.ReadOnly)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, ref.Len)
	if _, err := io.ReadFull(io.NewSectionReader(f, ref.Offset, int64(ref.Len)), b); err != nil {
		return fmt.Errorf("read %s at %d: %w", f.Name(), ref.Offset, err)
	}
	p.refs, p.rest = p.refs[1:], b
	return nil
}
