package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// A procSource reads a /proc tree. Every file is read into one buffer, which grows to the largest of them and is bounded.
type procSource struct {
	root     *os.File
	buf      []byte
	path     []byte
	names    map[string]string
	pageSize uint64
}

// bufLimit bounds what is taken of one file; /proc/stat of a machine with a thousand cores has about 200 KiB.
const bufLimit = 4 << 20

func openSource() (source, error) {
	if src, err := openProc("/proc"); err == nil {
		return src, nil
	}
	return newPortable(), nil
}

func openProc(dir string) (*procSource, error) {
	root, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	s := &procSource{root: root, buf: make([]byte, 16<<10), names: map[string]string{}, pageSize: uint64(os.Getpagesize())}
	if _, err := s.read("stat"); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s/stat: %w", dir, err), root.Close())
	}
	return s, nil
}

func (s *procSource) cores(dst []coreCounters) ([]coreCounters, error) {
	text, err := s.read("stat")
	if err != nil {
		return dst[:0], err
	}
	return parseCores(text, dst), nil
}

func (s *procSource) disks(dst []diskCounters) ([]diskCounters, error) {
	text, err := s.read("diskstats")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return dst[:0], nil // a container without disks
	}
	if err != nil {
		return dst[:0], err
	}
	return parseDisks(text, dst, s.intern), nil
}

func (s *procSource) nets(dst []netCounters) ([]netCounters, error) {
	text, err := s.read("net/dev")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return dst[:0], nil
	}
	if err != nil {
		return dst[:0], err
	}
	return parseNets(text, dst, s.intern), nil
}

func (s *procSource) pids(dst []int32) ([]int32, error) {
	dst = dst[:0]
	if _, err := s.root.Seek(0, 0); err != nil {
		return dst, err
	}
	names, err := s.root.Readdirnames(-1)
	if err != nil {
		return dst, err
	}
	for _, name := range names {
		if !isDigit(name[0]) {
			continue
		}
		if pid, err := strconv.ParseInt(name, 10, 32); err == nil {
			dst = append(dst, int32(pid))
		}
	}
	return dst, nil
}

func (s *procSource) process(pid int32, p *procCounters) bool {
	s.path = strconv.AppendInt(s.path[:0], int64(pid), 10)
	s.path = append(s.path, "/stat"...)
	text, err := s.read(string(s.path))
	return err == nil && parseProcess(text, s.pageSize, p) == nil
}

// read returns a file's content until the next call.
func (s *procSource) read(name string) (text []byte, err error) {
	f, err := os.Open(s.root.Name() + "/" + name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n := 0
	for {
		if n == len(s.buf) {
			if len(s.buf) >= bufLimit {
				return nil, fmt.Errorf("%s is larger than %d bytes", name, bufLimit)
			}
			s.buf = append(s.buf, make([]byte, len(s.buf))...)
		}
		m, err := f.Read(s.buf[n:])
		n += m
		if errors.Is(err, io.EOF) {
			return s.buf[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (s *procSource) intern(b []byte) string {
	if name, ok := s.names[string(b)]; ok {
		return name
	}
	name := string(b)
	s.names[name] = name
	return name
}

func (s *procSource) close() error { return s.root.Close() }
