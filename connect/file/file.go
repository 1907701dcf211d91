package file

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"
)

// Format is how a file is written.
type Format string

// The formats.
const (
	CSV    Format = "csv"    // RFC 4180; the first line names the columns
	NDJSON Format = "ndjson" // one JSON object a line
)

const (
	maxRecord  = 1 << 20 // bytes of a line, and of a row of several lines
	maxColumns = 1 << 16
	maxName    = 255  // bytes of a value's name
	maxStream  = 1024 // bytes of a stream's id
)

// Options say what a file is. Time is needed, and either Format or Name.
type Options struct {
	Format Format // empty: by the ending of Name, .csv, .tsv, .ndjson or .jsonl
	Name   string // of the file
	Comma  rune   // between the fields of CSV, an ASCII character; 0: a comma, or a tab when Name ends in .tsv

	Time       string     // the column with the time
	TimeFormat TimeFormat // empty: as the first row suggests, see Auto
	Stream     string     // the column with the stream's id; empty: rows say no stream

	// Parameter and Value make the long form: a row has one value, that of the column Value, and the column Parameter has its name. Both or none are given.
	Parameter, Value string
}

// Kind is what a value is.
type Kind uint8

// The kinds of values.
const (
	Number Kind = iota
	Text
)

// Value is one named value of a row.
type Value struct {
	Name   string
	Kind   Kind
	Number float64 // of a Number
	Text   string  // of a Text, not empty
}

// Row is what one line says. No two of its values have the same name.
type Row struct {
	Line   int     // where it begins, from 1
	Stream string  // 1 to 1,024 bytes; empty without Options.Stream
	Time   int64   // nanoseconds since 1970-01-01 UTC
	Values []Value // in the order of the columns; overwritten by the next call of Next. There may be none
}

// Reader reads a file.
type Reader struct {
	source source
	o      Options
	values []Value
	format TimeFormat

	stream, parameter string // the last ones, to be used again
}

// source gives the cells of one record after the other, and the line where it begins. A cell lasts until the next call. An error is a *LineError, io.EOF or that of the
// io.Reader.
type source interface {
	next() (cells []cell, line int, err error)
}

// cell is one value before its meaning is looked at.
type cell struct {
	column *column
	kind   cellKind
	text   []byte
	err    error // why there is no value
}

type cellKind uint8

const (
	untyped cellKind = iota // a field of CSV
	number
	text
	word // true or false
)

// column is what is remembered of a name.
type column struct {
	name string
	last string // the last text, which the next row has too, often enough
	row  int    // the last record that had it
}

// Open begins to read. With CSV it reads the first line, and says when a column is not there. The reader is not closed.
func Open(r io.Reader, o Options) (*Reader, error) {
	ending := strings.ToLower(path.Ext(o.Name))
	if o.Format == "" {
		switch ending {
		case ".csv", ".tsv":
			o.Format = CSV
		case ".ndjson", ".jsonl":
			o.Format = NDJSON
		default:
			return nil, fmt.Errorf("open %q: the ending does not say the format; give it, csv or ndjson", o.Name)
		}
	}
	if o.Comma == 0 {
		o.Comma = ','
		if ending == ".tsv" {
			o.Comma = '\t'
		}
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("open %q: %w", o.Name, err)
	}
	f := &Reader{o: o, format: o.TimeFormat}
	switch o.Format {
	case CSV:
		c, err := openCSV(r, byte(o.Comma), o.columns())
		if err != nil {
			return nil, fmt.Errorf("open %q: %w", o.Name, err)
		}
		f.source = c
	case NDJSON:
		f.source = openNDJSON(r)
	}
	return f, nil
}

// columns are those that the options name.
func (o *Options) columns() []string {
	var all []string
	for _, c := range []string{o.Time, o.Stream, o.Parameter, o.Value} {
		if c != "" {
			all = append(all, c)
		}
	}
	return all
}

func (o *Options) check() error {
	switch {
	case o.Format != CSV && o.Format != NDJSON:
		return fmt.Errorf("there is no format %q, only csv and ndjson", o.Format)
	case !o.TimeFormat.known():
		return fmt.Errorf("there is no time format %q, only %s", o.TimeFormat, timeFormats)
	case o.Comma < ' ' && o.Comma != '\t' || o.Comma > '~' || o.Comma == '"':
		return fmt.Errorf("%q cannot stand between fields; a character of ASCII other than a quotation mark can", o.Comma)
	case o.Time == "":
		return errors.New("no column is named for the time; name it")
	case (o.Parameter == "") != (o.Value == ""):
		return errors.New("the columns for parameter and value are named together or not at all")
	}
	all := o.columns()
	for i, c := range all {
		for _, d := range all[:i] {
			if c == d {
				return fmt.Errorf("column %q is named for two purposes", c)
			}
		}
	}
	return nil
}

// TimeFormat returns how times are read: what Options say, otherwise what the first row with a time suggested, Auto before it.
func (r *Reader) TimeFormat() TimeFormat { return r.format }

// Next returns the next row. A *LineError is about one line, and the next call goes on behind it: when its Value is set the row is there without the bad values, otherwise it is
// empty but for its Line. io.EOF is the end. Any other error is that of the io.Reader, and stays.
func (r *Reader) Next() (Row, error) {
	cells, line, err := r.source.next()
	if err != nil {
		return Row{Line: line}, err
	}
	row := Row{Line: line, Values: r.values[:0]}
	var timeCell, streamCell, parameter *cell
	for i := range cells {
		c := &cells[i]
		switch name := c.column.name; {
		case name == "": // which is an error in itself, and none of those that are not named
		case name == r.o.Time:
			timeCell = c
		case name == r.o.Stream:
			streamCell = c
		case name == r.o.Parameter:
			parameter = c
		}
	}
	bad := func(column string, err error) (Row, error) {
		return Row{Line: line}, &LineError{Line: line, Column: column, Err: err}
	}
	if row.Time, err = r.time(timeCell); err != nil {
		return bad(r.o.Time, err)
	}
	if r.o.Stream != "" {
		if row.Stream, err = identifier(streamCell, maxStream, r.stream); err != nil {
			return bad(r.o.Stream, err)
		}
		r.stream = row.Stream
	}
	name := ""
	if r.o.Parameter != "" {
		if name, err = identifier(parameter, maxName, r.parameter); err != nil {
			return bad(r.o.Parameter, err)
		}
		r.parameter = name
	}
	var first error
	for i := range cells {
		c := &cells[i]
		if c == timeCell || c == streamCell || c == parameter {
			continue
		}
		n := c.column.name
		if r.o.Parameter != "" {
			below, ok := strings.CutPrefix(n, r.o.Value)
			if !ok || below != "" && below[0] != '.' {
				continue
			}
			n = name
			if below != "" { // the value is an object
				n += below
			}
		}
		v, ok, err := c.value(n)
		if ok && err == nil {
			row.Values = append(row.Values, v)
		}
		if err != nil && first == nil {
			first = &LineError{Line: line, Column: c.column.name, Value: true, Err: err}
		}
	}
	r.values = row.Values
	return row, first
}

var errMissing = errors.New("there is none")

// time reads the time of a row, and decides on the first one how they are written.
func (r *Reader) time(c *cell) (int64, error) {
	if c == nil {
		return 0, errMissing
	}
	if c.err != nil {
		return 0, c.err
	}
	s := trim(c.text)
	if len(s) == 0 {
		return 0, errMissing
	}
	f := r.format
	if f == Auto {
		f = guess(s)
	}
	t, err := f.parse(s)
	if err != nil {
		return 0, err
	}
	r.format = f
	return t, nil
}

// identifier reads the name of a stream or a parameter; last is used again when it is the same.
func identifier(c *cell, most int, last string) (string, error) {
	if c == nil {
		return "", errMissing
	}
	id := c.text
	if c.kind == untyped {
		id = trim(id)
	}
	switch {
	case c.err != nil:
		return "", c.err
	case len(id) == 0:
		return "", errMissing
	case len(id) > most:
		return "", fmt.Errorf("it has %d bytes, the limit is %d", len(id), most)
	case string(id) == last:
		return last, nil
	case !utf8.Valid(id):
		return "", errText
	}
	return string(id), nil
}
