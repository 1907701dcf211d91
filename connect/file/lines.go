package file

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// lines gives the lines of a file one by one, and takes back those that were read too far.
type lines struct {
	r     *bufio.Reader
	again []byte // lines that were read and taken back
	line  []byte // the one that was read last, when it is longer than r's buffer
	long  bool   // the next line is too long; it is not in again, but behind it
	err   error  // of the io.Reader; it stays
	count int    // lines that were given
}

func newLines(r io.Reader) *lines {
	l := &lines{r: bufio.NewReaderSize(r, 64<<10)}
	if b, err := l.r.Peek(3); err == nil && bytes.Equal(b, []byte("\ufeff")) { // the mark with which some programs begin UTF-8
		if _, err := l.r.Discard(3); err != nil {
			l.err = err
		}
	}
	return l
}

// next gives the next line with its end, valid until the following call. errTooLong stands for a line that is passed over. io.EOF comes once nothing is left.
func (l *lines) next() ([]byte, error) {
	if n := bytes.IndexByte(l.again, '\n'); n >= 0 {
		line := l.again[:n+1]
		l.again = l.again[n+1:]
		l.count++
		return line, nil
	}
	if len(l.again) > 0 { // the last line, which has no end
		line := l.again
		l.again = nil
		l.count++
		return line, nil
	}
	if l.long {
		l.long = false
		l.count++
		return nil, errTooLong
	}
	if l.err != nil {
		return nil, l.err
	}
	line, err := l.read()
	if err == nil || err == errTooLong {
		l.count++
	}
	return line, err
}

// read reads a line, and passes over all of it when it is too long.
func (l *lines) read() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if err == nil {
		return line, nil
	}
	l.line = l.line[:0]
	long := false
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(l.line)+len(line) > maxRecord {
			long = true
		} else {
			l.line = append(l.line, line...)
		}
		line, err = l.r.ReadSlice('\n')
	}
	if err != nil {
		l.err = err
		if !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	if long || len(l.line)+len(line) > maxRecord {
		return nil, errTooLong
	}
	if l.line = append(l.line, line...); len(l.line) == 0 {
		return nil, io.EOF
	}
	return l.line, nil
}

// continued gives the next line as part of what was begun. It gives io.EOF when there is none that could be, and what is there then comes with next.
func (l *lines) continued() ([]byte, error) {
	if l.long {
		return nil, io.EOF
	}
	line, err := l.next()
	if errors.Is(err, errTooLong) {
		l.long = true
		l.count--
		return nil, io.EOF
	}
	return line, err
}

// back takes lines back, which are the last that were given.
func (l *lines) back(b []byte) {
	l.count -= bytes.Count(b, []byte("\n"))
	if len(b) > 0 && b[len(b)-1] != '\n' {
		l.count--
	}
	l.again = append(bytes.Clone(b), l.again...)
}
