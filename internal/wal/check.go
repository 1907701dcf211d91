package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// FileDamage is something wrong with a file of the log that does not keep it from being read.
type FileDamage struct {
	File   string
	Offset int64
	Detail string
}

// CheckFiles looks at both copies of the header, of which one is enough to go on, of every file up to a sequence: behind the file in which the log ends are those
// that a stop may have met while they were prepared; they hold nothing, and are prepared again. It changes nothing.
func CheckFiles(fsys vfs.FS, dir string, last uint64) []FileDamage {
	infos, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // Scan says what is missing
	}
	if err != nil {
		return []FileDamage{{File: dir, Offset: -1, Detail: err.Error()}}
	}
	var found []FileDamage
	for _, info := range infos {
		seq, ok := parseFileName(info.Name)
		if !ok || seq > last {
			continue
		}
		name := fileName(dir, seq)
		b := make([]byte, headerBytes)
		if err := readStart(fsys, name, b); err != nil {
			found = append(found, FileDamage{File: name, Offset: 0, Detail: err.Error()})
			continue
		}
		first, okFirst := decodeFileHeader(b[:Block])
		second, okSecond := decodeFileHeader(b[Block:])
		switch {
		case !okFirst && !okSecond:
			// Scan knows whether the file is needed.
		case !okFirst:
			found = append(found, FileDamage{File: name, Offset: 0, Detail: "the first copy of its header is damaged; the second is used"})
		case !okSecond:
			found = append(found, FileDamage{File: name, Offset: Block, Detail: "the second copy of its header is damaged; the first is used"})
		case first != second:
			found = append(found, FileDamage{File: name, Offset: Block, Detail: "the two copies of its header differ"})
		case first.sequence != seq:
			found = append(found, FileDamage{File: name, Offset: 0, Detail: fmt.Sprintf("its header says sequence %d", first.sequence)})
		}
	}
	return found
}

func readStart(fsys vfs.FS, name string, b []byte) error {
	f, err := fsys.Open(name, vfs.ReadOnly)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return err
	}
	return nil
}
