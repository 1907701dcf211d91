package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// csv is the source of CSV: RFC 4180, and a quotation mark within a field that does not begin with one is a character as any other.
type csv struct {
	lines   *lines
	comma   byte
	columns []column
	record  []byte // the lines of the record
	text    []byte // its fields, one behind the other
	ends    []int  // where each of them ends
	cells   []cell
}

var (
	errUnclosed = errors.New("a quotation mark has no end")
	errQuote    = errors.New("something stands between a closing quotation mark and the end of the field; a quotation mark within a quoted field is doubled")
)

// openCSV reads the first line, in which the columns that are needed must stand.
func openCSV(r io.Reader, comma byte, needed []string) (*csv, error) {
	c := &csv{lines: newLines(r), comma: comma}
	line, err := c.read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the file is empty; its first line should name the columns")
	case err != nil:
		if e := new(LineError); !errors.As(err, &e) {
			return nil, err
		}
		return nil, fmt.Errorf("the names of the columns: %w", err)
	case len(c.ends) > maxColumns:
		return nil, fmt.Errorf("the file has %d columns, the limit is %d", len(c.ends), maxColumns)
	}
	seen := make(map[string]bool, len(c.ends))
	start := 0
	for i, end := range c.ends {
		name := string(trim(c.text[start:end]))
		start = end
		switch {
		case name == "": // such as that of the numbers of rows, which some programs write
			name = fmt.Sprintf("column_%d", i+1)
		case len(name) > maxName:
			return nil, fmt.Errorf("line %d: the name of column %d has %d bytes, the limit is %d", line, i+1, len(name), maxName)
		case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
			return nil, fmt.Errorf("line %d: the name of column %d is not UTF-8; convert the file to UTF-8", line, i+1)
		}
		if seen[name] {
			return nil, fmt.Errorf("line %d: two columns have the name %q; give one of them another", line, name)
		}
		seen[name] = true
		c.columns = append(c.columns, column{name: name})
	}
	for _, name := range needed {
		if !seen[name] {
			return nil, c.missing(name)
		}
	}
	return c, nil
}

// missing is the error of a column that is not there.
func (c *csv) missing(name string) error {
	var names []string
	for _, col := range c.columns[:min(20, len(c.columns))] {
		names = append(names, fmt.Sprintf("%q", col.name))
	}
	if len(c.columns) > len(names) {
		names = append(names, "…")
	}
	hint := ""
	if len(c.columns) == 1 {
		for _, comma := range []string{";", "\t", ",", "|"} {
			if strings.Contains(c.columns[0].name, comma) {
				hint = fmt.Sprintf("; is %q between the fields?", comma)
				break
			}
		}
	}
	return fmt.Errorf("there is no column %q; there are %s%s", name, strings.Join(names, ", "), hint)
}

func (c *csv) next() ([]cell, int, error) {
	line, err := c.read()
	if err != nil {
		return nil, line, err
	}
	if len(c.ends) != len(c.columns) {
		return nil, line, c.bad(line, fmt.Errorf("it has %d fields, and the first line of the file %d", len(c.ends), len(c.columns)))
	}
	c.cells = c.cells[:0]
	start := 0
	for i, end := range c.ends {
		c.cells = append(c.cells, cell{column: &c.columns[i], text: c.text[start:end:end]})
		start = end
	}
	return c.cells, line, nil
}

// bad is the error of the record that begins at a line. When it has several lines only the first is passed over, since a quotation mark in it may be what is wrong.
func (c *csv) bad(line int, err error) error {
	if n := bytes.IndexByte(c.record, '\n'); n >= 0 && n+1 < len(c.record) {
		c.lines.back(c.record[n+1:])
	}
	return &LineError{Line: line, Err: err}
}

// read reads the next record that is not empty into text and ends, and gives the line where it begins.
func (c *csv) read() (int, error) {
	for {
		line, err := c.lines.next()
		start := c.lines.count
		if errors.Is(err, errTooLong) {
			return start, &LineError{Line: start, Err: err}
		}
		if err != nil {
			return start, err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			continue
		}
		c.record = append(c.record[:0], line...)
		if err := c.fields(); err != nil {
			return start, c.bad(start, err)
		}
		return start, nil
	}
}

// fields splits the record, and reads further lines while a quoted field has no end.
func (c *csv) fields() error {
	c.text, c.ends = c.text[:0], c.ends[:0]
	at := 0
	for {
		if at < len(c.record) && c.record[at] == '"' {
			next, err := c.quoted(at + 1)
			if err != nil {
				return err
			}
			at = next
		} else {
			start := at
			for at < len(c.record) && c.record[at] != c.comma && c.record[at] != '\n' {
				at++
			}
			field := c.record[start:at]
			if at == len(c.record) || c.record[at] == '\n' {
				field = bytes.TrimSuffix(field, []byte("\r"))
			}
			c.text = append(c.text, field...)
		}
		c.ends = append(c.ends, len(c.text))
		if at == len(c.record) || c.record[at] == '\n' {
			return nil
		}
		at++ // past the comma
	}
}

// quoted reads a field behind its opening quotation mark, and gives the place behind it: that of a comma, of the line's end or of the record's.
func (c *csv) quoted(at int) (int, error) {
	for {
		n := bytes.IndexByte(c.record[at:], '"')
		if n < 0 {
			c.text = append(c.text, c.record[at:]...)
			at = len(c.record)
			line, err := c.lines.continued()
			if err != nil && !errors.Is(err, io.EOF) {
				return 0, err
			}
			if err != nil || len(c.record)+len(line) > maxRecord {
				c.record = append(c.record, line...) // bad takes it back
				return 0, errUnclosed
			}
			c.record = append(c.record, line...)
			continue
		}
		c.text = append(c.text, c.record[at:at+n]...)
		at += n + 1
		rest := c.record[at:]
		switch {
		case len(rest) > 0 && rest[0] == '"':
			c.text = append(c.text, '"')
			at++
		case len(rest) == 0 || rest[0] == c.comma || rest[0] == '\n':
			return at, nil
		case rest[0] == '\r' && (len(rest) == 1 || rest[1] == '\n'):
			return at + 1, nil
		default:
			return 0, errQuote
		}
	}
}
