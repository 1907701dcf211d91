package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
	"github.com/bobbinstream/bobbin/internal/streams"
)

// tailFlags are the flags of `stream tail`.
type tailFlags struct {
	from       string
	count      int64
	untilEnd   bool
	parameters []string
	events     bool
}

func (a *app) streamTail() *cobra.Command {
	var f tailFlags
	cmd := &cobra.Command{
		Use:   "tail TOPIC [STREAM]",
		Short: "Follow the rows and events of streams",
		Long: `Write the rows and events of a topic's streams, or of one of them, as they come, until --count, --until-end or Ctrl-C. Each is a line: its time, the stream, and of a row the values with their units, then
the tags in braces. Streams that begin, change what they say about themselves, and end are lines too.

The place to start is as for ` + "`bobbin consume`" + `: start, end, an OFFSET of each partition, or @TIME when it was written. With --parameter only these are shown, and rows without any of them are left out. -o jsonl
writes an object a line, bytes in base64; -o name the id of each stream when it is first met.`,
		Example: `  bobbin stream tail cars
  bobbin stream tail cars car-44 --parameter Speed --parameter Gear
  bobbin stream tail cars --events --from @-1h
  bobbin stream tail cars --until-end -o jsonl`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.untilEnd && !cmd.Flags().Changed("from") {
				f.from = "start"
			}
			from, err := kafka.ParsePlace(f.from, time.Now())
			if err != nil {
				return usagef(cmd, "--from: %w", err)
			}
			if f.count < 0 {
				return usagef(cmd, "--count must not be negative")
			}
			if f.events && len(f.parameters) > 0 {
				return usagef(cmd, "--events shows no rows, so there are no parameters to choose")
			}
			o := streams.FollowOptions{Topic: args[0], From: from, UntilEnd: f.untilEnd, Contexts: a.output == formTable && !f.events}
			if len(args) == 2 {
				o.Stream = args[1]
			}
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				t := &tail{w: bufio.NewWriter(a.stdout), form: a.output, flags: f, seen: make(map[string]bool), told: make(map[string]uint64), hash: maphash.MakeSeed()}
				foreign, err := streams.Follow(ctx, c, o, t.packet)
				err = errors.Join(err, t.end())
				if o.Stream == "" {
					a.sayLeftOut(o.Topic, foreign, 0, nil)
				}
				if f.untilEnd && o.Stream != "" && t.packets == 0 && err == nil {
					fmt.Fprintf(a.stderr, "there is nothing of a stream %s; `bobbin stream list %s` shows which there are\n", word(o.Stream), o.Topic)
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&f.from, "from", "end", "where to start: start, end, OFFSET or @TIME")
	cmd.Flags().Int64VarP(&f.count, "count", "n", 0, "end after so many rows and events; never when 0")
	cmd.Flags().BoolVar(&f.untilEnd, "until-end", false, "end at what is the end of the topic now; starts at its start without --from")
	cmd.Flags().StringArrayVar(&f.parameters, "parameter", nil, "show this parameter only; repeat it for more")
	cmd.Flags().BoolVar(&f.events, "events", false, "show events only")
	a.complete(cmd, "from", "start", "end")
	return a.onCluster(cmd)
}

// tail writes what Follow gives.
type tail struct {
	w       *bufio.Writer
	form    string
	flags   tailFlags
	seen    map[string]bool // streams, for the form name
	packets int64
	told    map[string]uint64 // what streams said about themselves last, as a hash
	hash    maphash.Seed
	n       int64 // rows and events
	objects int64
	buf     []byte
}

func (t *tail) packet(p *streams.Packet, about *codec.Context) error {
	t.packets++
	if err := t.show(p, about); err != nil {
		return err
	}
	if err := t.w.Flush(); err != nil {
		return err
	}
	if t.flags.count > 0 && t.n >= t.flags.count {
		return streams.ErrEnough
	}
	return nil
}

func (t *tail) show(p *streams.Packet, about *codec.Context) error {
	if t.form == formName {
		if !t.seen[p.Stream] && len(t.seen) < streams.MaxStreams {
			t.seen[p.Stream] = true
			fmt.Fprintln(t.w, p.Stream)
		}
		if p.Err == nil && p.Rows != nil {
			t.n += int64(len(p.Rows.Times))
		} else if p.Err == nil && p.Event != nil {
			t.n++
		}
		return nil
	}
	switch {
	case p.Err != nil:
		return t.write(sampleJSON{Kind: "broken", Error: p.Err.Error()}, p, "cannot be read: "+p.Err.Error())
	case t.flags.events && p.Header.Kind != codec.KindEvent:
		return nil
	case p.Header.Kind == codec.KindContext:
		return t.context(p)
	case p.Header.Kind == codec.KindEnd:
		delete(t.told, p.Stream)
		return t.write(sampleJSON{Kind: "end", End: p.End.String()}, p, p.End.String())
	case p.Header.Kind == codec.KindEvent:
		if len(t.flags.parameters) > 0 {
			return nil
		}
		t.n++
		return t.write(sampleJSON{Kind: "event", Time: instant(true, p.Event.Time), ID: p.Event.ID, Value: p.Event.Value, Tags: p.Event.Tags}, p, string(appendEvent(nil, p.Event, false)))
	}
	return t.rows(p, about)
}

func (t *tail) rows(p *streams.Packet, about *codec.Context) error {
	units := make(map[string]string, len(about.Parameters))
	for _, d := range about.Parameters {
		if d.Unit != "" && printable([]byte(d.Unit)) {
			units[d.ID] = d.Unit
		}
	}
	for row := range p.Rows.Times {
		if t.flags.count > 0 && t.n >= t.flags.count {
			return nil
		}
		j := sampleJSON{Kind: "row", Time: instant(true, p.Rows.Times[row])}
		text := t.buf[:0]
		found := len(t.flags.parameters) == 0
		for i := range p.Rows.Columns {
			c := &p.Rows.Columns[i]
			if !c.Has(row) || c.Kind != codec.Tag && len(t.flags.parameters) > 0 && !slices.Contains(t.flags.parameters, c.Name) {
				continue
			}
			found = found || c.Kind != codec.Tag
			switch {
			case t.form == formTable:
				if len(text) > 0 {
					text = append(text, "  "...)
				}
				unit := ""
				if c.Kind != codec.Tag {
					unit = units[c.Name]
				}
				text = appendCell(text, c, row, unit, false)
			case c.Kind == codec.Tag:
				if j.Tags == nil {
					j.Tags = make(map[string]string)
				}
				j.Tags[c.Name] = c.Texts[row]
			default:
				if j.Values == nil {
					j.Values = make(map[string]any)
				}
				j.Values[c.Name] = valueJSON(c, row)
			}
		}
		t.buf = text
		if !found {
			continue
		}
		t.n++
		if err := t.write(j, p, string(text)); err != nil {
			return err
		}
	}
	return nil
}

// context shows what a stream says about itself, once as long as it does not change.
func (t *tail) context(p *streams.Packet) error {
	c := p.Context
	raw, err := codec.AppendContext(nil, c)
	if err != nil {
		raw = nil // a reader takes more than a writer
	}
	said := maphash.Bytes(t.hash, raw)
	if before, ok := t.told[p.Stream]; ok && before == said {
		return nil
	}
	if len(t.told) >= streams.MaxStreams {
		clear(t.told)
	}
	t.told[p.Stream] = said
	if t.form == formTable && string(raw) == "{}" {
		return nil // it says nothing
	}
	return t.write(sampleJSON{Kind: "context", Properties: raw}, p, string(appendContext(nil, c)))
}

// write writes a line, or an object.
func (t *tail) write(j sampleJSON, p *streams.Packet, text string) error {
	if t.form == formTable {
		at := "-"
		if j.Time != nil {
			at = moment(j.Time.UnixNano())
		}
		_, err := fmt.Fprintf(t.w, "%-24s  %s  %s\n", at, word(p.Stream), text)
		return err
	}
	j.Stream, j.Partition, j.Offset = p.Stream, p.Partition, p.Offset
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(j); err != nil {
		return err
	}
	line := b.Bytes()
	if t.form == formJSON {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if _, err := io.WriteString(t.w, map[bool]string{true: "[\n  ", false: ",\n  "}[t.objects == 0]); err != nil {
			return err
		}
	}
	t.objects++
	_, err := t.w.Write(line)
	return err
}

// end closes the array of JSON.
func (t *tail) end() error {
	if t.form == formJSON {
		end := "\n]\n"
		if t.objects == 0 {
			end = "[]\n"
		}
		if _, err := io.WriteString(t.w, end); err != nil {
			return err
		}
	}
	return t.w.Flush()
}
