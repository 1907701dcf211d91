package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// maxLine bounds one line of input: what is longer is no record that a broker takes by default.
const maxLine = 16 << 20

// lines returns the lines of a text without their ends. The last one may have none. A line is valid until the next.
func lines(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		s := bufio.NewScanner(r)
		s.Buffer(make([]byte, 64<<10), maxLine)
		n := 0
		for s.Scan() {
			n++
			if !yield(s.Bytes(), nil) {
				return
			}
		}
		if err := s.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = fmt.Errorf("it is longer than %d MiB", maxLine>>20)
			}
			yield(nil, fmt.Errorf("line %d of the input: %w", n+1, err))
		}
	}
}

// parseRecord reads a record in JSON. A value that is not a text is taken as the JSON that it is. It reports whether the
// record names its partition.
func parseRecord(line []byte) (r kafka.Record, partition bool, err error) {
	var j recordJSON
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return r, false, fmt.Errorf("no record in JSON: %w", err)
	}
	if d.More() {
		return r, false, errors.New("no record in JSON: there is more than one value in the line")
	}
	if j.Partition != nil {
		r.Partition, partition = *j.Partition, true
	}
	if j.Timestamp != nil {
		r.Time = *j.Timestamp
	}
	if r.Key, err = bytesOf("key", j.Key, j.KeyBase64); err != nil {
		return r, false, err
	}
	value, err := valueOf(j.Value)
	if err != nil {
		return r, false, err
	}
	if value != nil && j.ValueBase64 != nil {
		return r, false, errors.New("both value and value_base64 are given")
	}
	if r.Value = value; value == nil {
		r.Value = j.ValueBase64
	}
	for _, h := range j.Headers {
		v, err := bytesOf("header "+h.Key, h.Value, h.ValueBase64)
		if err != nil {
			return r, false, err
		}
		r.Headers = append(r.Headers, kafka.Header{Key: h.Key, Value: v})
	}
	return r, partition, nil
}

func bytesOf(what string, text *string, raw []byte) ([]byte, error) {
	switch {
	case text != nil && raw != nil:
		return nil, fmt.Errorf("%s is given both as text and in base64", what)
	case text != nil:
		return []byte(*text), nil
	}
	return raw, nil
}

// valueOf returns a text's bytes, nil for null and nothing, and else the JSON without white space.
func valueOf(j json.RawMessage) ([]byte, error) {
	if len(j) == 0 || string(j) == "null" {
		return nil, nil
	}
	if j[0] == '"' {
		var s string
		err := json.Unmarshal(j, &s)
		return []byte(s), err
	}
	var b bytes.Buffer
	err := json.Compact(&b, j)
	return b.Bytes(), err
}
