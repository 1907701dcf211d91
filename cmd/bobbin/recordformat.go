package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bobbinstream/bobbin/internal/kafka"
	"github.com/bobbinstream/bobbin/internal/streams"
)

// recordFormat writes records as its pieces say: a text, or a field by the letter of its verb.
type recordFormat struct {
	pieces []formatPiece
	safe   bool // what is not printable is written in hex

	decoder streams.Decoder
}

type formatPiece struct {
	text []byte
	verb byte // 0 for text
}

// parseFormat reads a format of text, the escapes \n \t \r \0 \\, and the verbs %t (topic), %p (partition), %o (offset), %k (key),
// %v or %s (value), %d (a packet of a stream in short, the value of other records), %T (time in milliseconds since 1970), %h (headers) and %%.
func parseFormat(s string) (*recordFormat, error) {
	f := &recordFormat{}
	var text []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '%' && c != '\\' {
			text = append(text, c)
			continue
		}
		i++
		if i == len(s) {
			return nil, fmt.Errorf("format %.60q ends in the middle of %c", s, c)
		}
		if c == '\\' {
			b, ok := map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '0': 0, '\\': '\\'}[s[i]]
			if !ok {
				return nil, fmt.Errorf("format %.60q has the unknown escape \\%c; there are \\n \\t \\r \\0 \\\\", s, s[i])
			}
			text = append(text, b)
			continue
		}
		switch s[i] {
		case '%':
			text = append(text, '%')
		case 't', 'p', 'o', 'k', 'v', 's', 'd', 'T', 'h':
			if len(text) > 0 {
				f.pieces = append(f.pieces, formatPiece{text: text})
				text = nil
			}
			f.pieces = append(f.pieces, formatPiece{verb: s[i]})
		default:
			return nil, fmt.Errorf("format %.60q has the unknown verb %%%c; there are %%t %%p %%o %%k %%v %%d %%T %%h %%%%", s, s[i])
		}
	}
	if len(text) > 0 {
		f.pieces = append(f.pieces, formatPiece{text: text})
	}
	return f, nil
}

func (f *recordFormat) append(dst []byte, r *kafka.Record) []byte {
	for _, p := range f.pieces {
		switch p.verb {
		case 0:
			dst = append(dst, p.text...)
		case 't':
			dst = append(dst, r.Topic...)
		case 'p':
			dst = strconv.AppendInt(dst, int64(r.Partition), 10)
		case 'o':
			dst = strconv.AppendInt(dst, r.Offset, 10)
		case 'k':
			dst = f.appendBytes(dst, r.Key)
		case 'v', 's':
			dst = f.appendBytes(dst, r.Value)
		case 'd':
			short, ok := appendPacket(dst, &f.decoder, r)
			if dst = short; !ok {
				dst = f.appendBytes(dst, r.Value)
			}
		case 'T':
			dst = strconv.AppendInt(dst, r.Time.UnixMilli(), 10)
		case 'h':
			for i, h := range r.Headers {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = f.appendBytes(dst, []byte(h.Key))
				dst = append(dst, '=')
				dst = f.appendBytes(dst, h.Value)
			}
		}
	}
	return dst
}

// appendBytes keeps bytes that could command a terminal away from one.
func (f *recordFormat) appendBytes(dst, b []byte) []byte {
	if !f.safe || printable(b) {
		return append(dst, b...)
	}
	return fmt.Appendf(dst, "0x%x", b)
}

func printable(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 || unicode.IsControl(r) && r != '\t' && r != '\n' {
			return false
		}
		b = b[n:]
	}
	return true
}

// recordJSON is a record in JSON, as `consume` writes and `produce --format ndjson` reads it. Bytes that are no UTF-8 text stand in the
// fields that end in _base64.
type recordJSON struct {
	Topic       string          `json:"topic,omitempty"`
	Partition   *int32          `json:"partition,omitempty"`
	Offset      *int64          `json:"offset,omitempty"`
	Timestamp   *time.Time      `json:"timestamp,omitempty"`
	Key         *string         `json:"key,omitempty"`
	KeyBase64   []byte          `json:"key_base64,omitempty"`
	Value       json.RawMessage `json:"value,omitempty"`
	ValueBase64 []byte          `json:"value_base64,omitempty"`
	Headers     []headerJSON    `json:"headers,omitempty"`
	Packet      *packetJSON     `json:"packet,omitempty"` // what a packet of a stream says; the record is written without it
}

type headerJSON struct {
	Key         string  `json:"key"`
	Value       *string `json:"value,omitempty"`
	ValueBase64 []byte  `json:"value_base64,omitempty"`
}

func toJSON(r *kafka.Record) recordJSON {
	at := r.Time.UTC()
	j := recordJSON{Topic: r.Topic, Partition: &r.Partition, Offset: &r.Offset, Timestamp: &at}
	j.Key, j.KeyBase64 = textOrBytes(r.Key)
	text, raw := textOrBytes(r.Value)
	j.ValueBase64 = raw
	switch {
	case text != nil:
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(*text) // a text always has a form in JSON
		j.Value = bytes.TrimSpace(b.Bytes())
	case raw == nil:
		j.Value = json.RawMessage("null")
	}
	for _, h := range r.Headers {
		hj := headerJSON{Key: h.Key}
		hj.Value, hj.ValueBase64 = textOrBytes(h.Value)
		j.Headers = append(j.Headers, hj)
	}
	return j
}

func textOrBytes(b []byte) (*string, []byte) {
	if b == nil {
		return nil, nil
	}
	if utf8.Valid(b) {
		s := string(b)
		return &s, nil
	}
	return nil, b
}

// recordWriter writes records in one of the forms, one after the other.
type recordWriter struct {
	w      io.Writer
	form   string
	format *recordFormat
	buf    []byte
	n      int
	raw    bool // packets are not decoded

	decoder streams.Decoder
}

func (w *recordWriter) write(records []kafka.Record) error {
	w.buf = w.buf[:0]
	for i := range records {
		r := &records[i]
		switch w.form {
		case formJSON, formJSONL:
			b := bytes.NewBuffer(w.buf)
			if w.form == formJSON {
				b.WriteString(map[bool]string{true: "[\n  ", false: ",\n  "}[w.n == 0])
			}
			e := json.NewEncoder(b)
			e.SetEscapeHTML(false)
			j := toJSON(r)
			if !w.raw {
				j.Packet = packetOf(&w.decoder, r)
			}
			if err := e.Encode(j); err != nil {
				return err
			}
			w.buf = b.Bytes()
			if w.form == formJSON {
				w.buf = bytes.TrimSuffix(w.buf, []byte("\n"))
			}
		case formName:
			w.buf = fmt.Appendf(w.buf, "%s/%d/%d\n", r.Topic, r.Partition, r.Offset)
		default:
			w.buf = w.format.append(w.buf, r)
		}
		w.n++
	}
	_, err := w.w.Write(w.buf)
	return err
}

// end closes the array of JSON.
func (w *recordWriter) end() error {
	if w.form != formJSON {
		return nil
	}
	end := "\n]\n"
	if w.n == 0 {
		end = "[]\n"
	}
	_, err := io.WriteString(w.w, end)
	return err
}
