package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// maxDepth is how deep objects may be nested.
const maxDepth = 32

// ndjson is the source of NDJSON.
type ndjson struct {
	lines   *lines
	columns map[string]*column
	row     int
	line    []byte // what is left of it
	path    []byte // the dotted name of the value that is being read
	long    column // stands for all whose names are too long to be remembered
	cells   []cell
}

var errObject = errors.New("it is no JSON object")

func openNDJSON(r io.Reader) *ndjson {
	return &ndjson{lines: newLines(r), columns: make(map[string]*column)}
}

func (j *ndjson) next() ([]cell, int, error) {
	for {
		b, err := j.lines.next()
		line := j.lines.count
		if err != nil && !errors.Is(err, errTooLong) {
			return nil, line, err
		}
		if err == nil {
			if b = bytes.TrimSpace(b); len(b) == 0 {
				continue
			}
			err = j.object(b)
		}
		if err != nil {
			return nil, line, &LineError{Line: line, Err: err}
		}
		return j.cells, line, nil
	}
}

// object reads the object that a line is.
func (j *ndjson) object(b []byte) error {
	switch {
	case !utf8.Valid(b): // which encoding/json would mend without a word
		return errText
	case !json.Valid(b): // from here on the line is known to be JSON
		var nothing struct{}
		if err := json.Unmarshal(b, &nothing); err != nil {
			return fmt.Errorf("it is no JSON: %w", err)
		}
		return errors.New("it is no JSON")
	case b[0] != '{':
		return errObject
	}
	if len(j.columns) > maxColumns { // names that come once only are not kept for ever
		clear(j.columns)
	}
	j.row++
	j.line, j.path, j.cells = b[1:], j.path[:0], j.cells[:0]
	return j.members(1)
}

// members reads the members of an object that was opened, up to its end, and adds a cell for each that has a value.
func (j *ndjson) members(depth int) error {
	length := len(j.path)
	for {
		switch c := j.take(); c {
		case '}':
			return nil
		case ',':
			continue
		}
		name, err := j.text()
		if err != nil {
			return err
		}
		if depth > 1 {
			j.path = append(j.path, '.')
		}
		j.path = append(j.path, name...)
		j.take() // the colon
		switch c := j.take(); c {
		case '"':
			v, err := j.text()
			if err != nil {
				return err
			}
			j.add(text, v, nil)
		case '{':
			if depth < maxDepth {
				if err := j.members(depth + 1); err != nil {
					return err
				}
				break
			}
			j.pass()
			j.add(text, nil, errDeep)
		case '[':
			j.pass()
			j.add(text, nil, errArray)
		case 'n':
			j.literal()
		case 't', 'f':
			j.add(word, j.literal(), nil)
		default:
			j.add(number, j.literal(), nil)
		}
		j.path = j.path[:length]
	}
}

// take passes over white space, and gives the byte behind it, which is taken from the line unless it begins a literal.
func (j *ndjson) take() byte {
	for {
		c := j.line[0]
		switch c {
		case ' ', '\t', '\r', '\n':
		case '{', '}', '[', ']', ',', ':', '"':
			j.line = j.line[1:]
			return c
		default:
			return c
		}
		j.line = j.line[1:]
	}
}

// literal takes a number or a word.
func (j *ndjson) literal() []byte {
	n := 0
	for n < len(j.line) {
		if c := j.line[n]; c <= ' ' || c == ',' || c == '}' || c == ']' {
			break
		}
		n++
	}
	v := j.line[:n]
	j.line = j.line[n:]
	return v
}

// text takes the rest of a text behind its opening quotation mark.
func (j *ndjson) text() ([]byte, error) {
	n := j.quoted()
	v := j.line[:n]
	j.line = j.line[n+1:]
	if bytes.IndexByte(v, '\\') < 0 {
		return v, nil
	}
	var s string
	if err := json.Unmarshal(slices.Concat([]byte{'"'}, v, []byte{'"'}), &s); err != nil {
		return nil, err
	}
	return []byte(s), nil
}

// quoted gives the place of the quotation mark that closes a text.
func (j *ndjson) quoted() int {
	for n := 0; ; n++ {
		switch j.line[n] {
		case '"':
			return n
		case '\\':
			n++
		}
	}
}

// pass passes over the rest of an array or object that was opened.
func (j *ndjson) pass() {
	for depth := 1; depth > 0; {
		switch j.take() {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '"':
			j.line = j.line[j.quoted()+1:]
		case ',', ':':
		default:
			j.literal()
		}
	}
}

// add adds a cell under the name that path is.
func (j *ndjson) add(kind cellKind, s []byte, err error) {
	if len(j.path) > maxName {
		j.long.name = string(j.path[:100]) + "…" // nobody asked for it
		err = fmt.Errorf("the name has %d bytes, the limit is %d", len(j.path), maxName)
		j.cells = append(j.cells, cell{column: &j.long, err: err})
		return
	}
	c := j.columns[string(j.path)]
	if c == nil {
		c = &column{name: string(j.path)}
		j.columns[c.name] = c
	}
	switch {
	case c.name == "":
		err = errors.New("the name is empty")
	case c.row == j.row && err == nil:
		err = errTwice
	}
	c.row = j.row
	j.cells = append(j.cells, cell{column: c, kind: kind, text: s, err: err})
}
