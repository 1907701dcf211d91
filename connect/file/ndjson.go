package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxDepth is how deep objects may be nested.
const maxDepth = 32

// ndjson is the source of NDJSON.
type ndjson struct {
	lines   *lines
	columns map[string]*column
	row     int
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
	if !utf8.Valid(b) { // which the decoder would mend without a word
		return errText
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if t, err := d.Token(); err != nil {
		return errJSON(err)
	} else if t != json.Delim('{') {
		return errObject
	}
	if len(j.columns) > maxColumns { // names that come once only are not kept for ever
		clear(j.columns)
	}
	j.row++
	j.path, j.cells = j.path[:0], j.cells[:0]
	if err := j.members(d, 1); err != nil {
		return errJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object; there is one a line")
	}
	return nil
}

// errJSON says that a line ends too early, where the decoder speaks of the end of the file.
func errJSON(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON is cut short")
	}
	return err
}

// members reads the members of an object up to its end, and adds a cell for each that has a value.
func (j *ndjson) members(d *json.Decoder, depth int) error {
	length := len(j.path)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		if depth > 1 {
			j.path = append(j.path, '.')
		}
		name, ok := key.(string)
		if !ok {
			return errObject
		}
		j.path = append(j.path, name...)
		v, err := d.Token()
		if err != nil {
			return err
		}
		switch v := v.(type) {
		case nil:
		case string:
			j.add(text, v, nil)
		case json.Number:
			j.add(number, v.String(), nil)
		case bool:
			j.add(word, map[bool]string{true: "true", false: "false"}[v], nil)
		case json.Delim:
			switch {
			case v == '[':
				j.add(text, "", errArray)
				err = pass(d)
			case depth == maxDepth:
				j.add(text, "", errDeep)
				err = pass(d)
			default:
				err = j.members(d, depth+1)
			}
		}
		if err != nil {
			return err
		}
		j.path = j.path[:length]
	}
	_, err := d.Token() // the end
	return err
}

// pass passes over the rest of an array or object that was opened.
func pass(d *json.Decoder) error {
	for depth := 1; depth > 0; {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
	return nil
}

// add adds a cell under the name that path is.
func (j *ndjson) add(kind cellKind, s string, err error) {
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
	j.cells = append(j.cells, cell{column: c, kind: kind, text: []byte(s), err: err})
}
