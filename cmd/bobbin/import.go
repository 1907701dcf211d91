package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/connect/file"
	"github.com/bobbinstream/bobbin/internal/kafka"
	"github.com/bobbinstream/bobbin/internal/streams"
)

// badShown is how many bad lines are named one by one.
const badShown = 10

// importResult is what `import` prints.
type importResult struct {
	File        string     `json:"file"`
	Topic       string     `json:"topic"`
	Streams     int        `json:"streams"`
	Rows        int64      `json:"rows"`
	Values      int64      `json:"values"`
	BadLines    int64      `json:"bad_lines"`  // passed over
	BadValues   int64      `json:"bad_values"` // that rows do not have for it
	First       *time.Time `json:"first_time"`
	Last        *time.Time `json:"last_time"`
	TimeFormat  string     `json:"time_format"`
	Guessed     bool       `json:"time_format_guessed"`
	Packets     int64      `json:"packets"`
	Acked       int64      `json:"acknowledged"`
	Seconds     float64    `json:"seconds"`
	Interrupted bool       `json:"interrupted"`
}

func (r importResult) name() string { return r.Topic }

// importFlags are the flags of `import`.
type importFlags struct {
	streams.LoadOptions
	path, format, timeFormat, comma, speed string
	units                                  []string
	binary                                 bool
	create                                 int32
}

func (a *app) importFile() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE --topic TOPIC --time COLUMN",
		Short: "Write the rows of a CSV or NDJSON file to streams of a topic",
		Long: `Write the rows of a CSV or NDJSON file, or of standard input when FILE is -, to streams of a topic, and close these at the end. The first line of a CSV file names its columns; members of objects in NDJSON have dotted
names, such as position.lat.

Each row goes to the stream that the column --stream names or, without it, to one stream with the id --stream-id, the file's name by default. Every other column is a parameter: a number where it is one, a text otherwise.
With --parameter and --value a row has one value: these columns say of what, and which. Columns given with --tag say to what a row belongs.

The time's form is guessed from the first row, which the result says: a date, or seconds, milliseconds, microseconds or nanoseconds since 1970; --time-format says it. Rows are written as fast as it goes or, with --speed, so many
times as fast as they were recorded. A line that is wrong is named on standard error and passed over; --strict ends at the first one with exit code 1.

Exit code 6 says that the cluster did not acknowledge all that was written.`,
		Example: `  bobbin import racing-car.csv --topic cars --time Timestamp --stream SessionId --tag LapNumber --create 3
  bobbin import machine-temperature.csv --topic machines --time timestamp --unit value=°F --create 1
  bobbin import connected-car.ndjson --topic cars --time timestamp --parameter name --value value --stream-id ford --speed 1
  zcat log.csv.gz | bobbin import - --topic logs --format csv --time at --stream-id log`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.path = args[0]
			if err := f.check(cmd.Flags().Changed("stream-id")); err != nil {
				return usagef(cmd, "%w", err)
			}
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				if f.path == "-" {
					return a.load(ctx, c, f, newInput(ctx, a.stdin), 0)
				}
				in, err := os.Open(filepath.Clean(f.path))
				if err != nil {
					return err
				}
				defer in.Close()
				var size int64
				if st, err := in.Stat(); err == nil && st.Mode().IsRegular() {
					size = st.Size()
				}
				return a.load(ctx, c, f, in, size)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.Topic, "topic", "t", "", "the topic that is written")
	flags.StringVar(&f.File.Time, "time", "", "the column with the time")
	flags.StringVar(&f.timeFormat, "time-format", "", "form of the time: datetime, s, ms, us, ns; guessed when empty")
	flags.StringVar(&f.File.Stream, "stream", "", "the column with the stream's id")
	flags.StringVar(&f.Stream, "stream-id", "", "id of the stream of all rows; the file's name without its ending when empty")
	flags.StringVar(&f.File.Parameter, "parameter", "", "the column with a parameter's name, for files with one value in a row")
	flags.StringVar(&f.File.Value, "value", "", "the column with its value")
	flags.StringArrayVar(&f.Tags, "tag", nil, "a column that is a tag; repeat it for more")
	flags.StringArrayVar(&f.units, "unit", nil, "unit of a parameter with numbers, as NAME=UNIT; repeat it for more")
	flags.StringVar(&f.format, "format", "", "form of the file: csv, ndjson; by its ending when empty")
	flags.StringVar(&f.comma, "comma", "", "what stands between the fields of a CSV file; a comma, or a tab when its ending is tsv")
	flags.StringVar(&f.speed, "speed", "max", "how many times as fast as it was recorded, or max")
	flags.BoolVar(&f.Strict, "strict", false, "end at the first line that is wrong")
	flags.BoolVar(&f.binary, "binary", false, "write compact binary packets instead of readable JSON")
	flags.Int32Var(&f.create, "create", 0, "make the topic with so many partitions when it is not there")
	a.complete(cmd, "format", string(file.CSV), string(file.NDJSON))
	a.complete(cmd, "time-format", string(file.DateTime), string(file.Seconds), string(file.Milliseconds), string(file.Microseconds), string(file.Nanoseconds))
	a.complete(cmd, "speed", "max", "1", "60")
	return a.onCluster(cmd)
}

// check finds what makes no sense together, and fills in the options.
func (f *importFlags) check(hasID bool) error {
	var err error
	if f.LoadOptions.Speed, err = speedOf(f.speed); err != nil {
		return err
	}
	switch {
	case f.Topic == "":
		return errors.New("--topic is missing: the topic that is written")
	case f.File.Time == "":
		return errors.New("--time is missing: the column with the time")
	case f.create < 0:
		return errors.New("--create must not be negative")
	case hasID && f.File.Stream != "":
		return errors.New("--stream names a column with the stream of each row, --stream-id one for all: give one of them")
	case hasID && f.LoadOptions.Stream == "":
		return errors.New("--stream-id is empty")
	case f.path == "-" && f.File.Stream == "" && !hasID:
		return errors.New("standard input has no name to call its stream by: give --stream or --stream-id")
	case f.path == "-" && f.format == "":
		return errors.New("standard input has no ending that says its form: give --format csv or --format ndjson")
	case (f.File.Parameter == "") != (f.File.Value == ""):
		return errors.New("--parameter and --value go together: the column that names the parameter, and that of its value")
	case f.File.Parameter != "" && len(f.Tags) > 0:
		return errors.New("--tag does not go with --parameter and --value, with which other columns are left out")
	}
	f.File.Format, f.File.TimeFormat = file.Format(f.format), file.TimeFormat(f.timeFormat)
	if f.path != "-" {
		f.File.Name = filepath.Base(f.path)
		if f.format == "" {
			switch strings.ToLower(filepath.Ext(f.path)) {
			case ".csv", ".tsv", ".ndjson", ".jsonl":
			default:
				return fmt.Errorf("the ending of %s does not say the file's form: give --format csv or --format ndjson", f.File.Name)
			}
		}
	}
	if f.format != "" && f.File.Format != file.CSV && f.File.Format != file.NDJSON {
		return fmt.Errorf("--format %.20q is none of csv and ndjson", f.format)
	}
	switch f.File.TimeFormat {
	case file.Auto, file.DateTime, file.Seconds, file.Milliseconds, file.Microseconds, file.Nanoseconds:
	default:
		return fmt.Errorf("--time-format %.20q is none of datetime, s, ms, us and ns", f.timeFormat)
	}
	if comma := []rune(strings.ReplaceAll(f.comma, `\t`, "\t")); len(comma) == 1 {
		f.File.Comma = comma[0]
	} else if len(comma) > 1 {
		return fmt.Errorf("--comma %.20q is more than one character", f.comma)
	}
	if f.Units, err = keyValues("--unit", f.units); err != nil {
		return err
	}
	if f.File.Stream == "" && !hasID {
		f.LoadOptions.Stream = strings.TrimSuffix(f.File.Name, filepath.Ext(f.File.Name))
	}
	if f.binary {
		f.LoadOptions.Format = bobbin.Binary
	}
	return nil
}

// counted counts the bytes that are read.
type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// load loads a file of so many bytes, 0 when that is not known.
func (a *app) load(ctx context.Context, c *kafka.Client, f importFlags, r io.Reader, size int64) error {
	if _, err := c.Topic(ctx, f.Topic); err != nil {
		switch {
		case kafka.KindOf(err) != kafka.NotFound:
			return err
		case f.create == 0:
			return withHint(err, "--create PARTITIONS makes it")
		}
		if err := c.CreateTopic(ctx, kafka.NewTopic{Name: f.Topic, Partitions: f.create}); err != nil && kafka.KindOf(err) != kafka.Exists {
			return err
		}
	}
	library, err := a.library(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	in := &counted{r: r}
	p := a.progress()
	o := f.LoadOptions
	shown := 0
	o.Bad = func(bad *file.LineError) {
		if shown++; shown <= badShown {
			p.end()
			what := "passed over"
			if bad.Value {
				what = "the row is written without the value"
			}
			fmt.Fprintf(a.stderr, "%s: %v; %s\n", f.path, bad, what)
		}
		if shown == badShown {
			fmt.Fprintln(a.stderr, "further ones are only counted")
		}
	}
	o.Progress = func(d streams.Loaded) {
		p.show(func(elapsed time.Duration) string {
			text := fmt.Sprintf("%d rows (%s), at %s", d.Rows, perSecond(d.Rows, elapsed), moment(d.Last))
			if size > 0 {
				text += fmt.Sprintf(", %d %% of the file, %s left", 100*in.n.Load()/size, left(elapsed, in.n.Load(), size))
			}
			return text
		})
	}
	d, err := streams.Load(ctx, in, library, o)
	p.end()
	if closing := library.Close(); err == nil {
		err = closing
	}
	res := importResult{
		File: f.path, Topic: f.Topic, Streams: d.Streams, Rows: d.Rows, Values: d.Values, BadLines: d.BadLines, BadValues: d.BadValues, First: instant(d.Timed, d.First), Last: instant(d.Timed, d.Last),
		TimeFormat: string(d.TimeFormat), Guessed: f.File.TimeFormat == file.Auto && d.TimeFormat != file.Auto, Packets: d.Written, Acked: d.Acked, Seconds: time.Since(began).Seconds(), Interrupted: ctx.Err() != nil,
	}
	for _, tag := range f.Tags {
		if d.Rows > 0 && d.Tagged[tag] == 0 {
			fmt.Fprintf(a.stderr, "no row had a value in the column %q that --tag names\n", tag)
		}
	}
	if err == nil || d.Written > 0 {
		err = unfinished(err, d.Rows, d.Written, d.Acked)
		err = errors.Join(a.printOne(res, res.text), err)
	}
	return err
}

// timeForms say what a form of times is.
var timeForms = map[string]string{
	string(file.DateTime): "dates", string(file.Seconds): "seconds since 1970", string(file.Milliseconds): "milliseconds since 1970", string(file.Microseconds): "microseconds since 1970", string(file.Nanoseconds): "nanoseconds since 1970",
}

func (r importResult) text(w io.Writer) {
	fmt.Fprintf(w, "wrote %s with %s of %s to %s in %.1f s (%s); %d of %s acknowledged\n", count(r.Rows, "row"), count(r.Values, "value"), count(r.Streams, "stream"), r.Topic, r.Seconds,
		perSecond(r.Rows, time.Duration(r.Seconds*float64(time.Second))), r.Acked, count(r.Packets, "packet"))
	if r.First != nil {
		guess := ""
		if r.Guessed {
			guess = " (guessed from the first row; --time-format says otherwise)"
		}
		fmt.Fprintf(w, "from %s to %s; times are %s%s\n", momentOrDash(r.First), momentOrDash(r.Last), timeForms[r.TimeFormat], guess)
	}
	if r.BadLines > 0 || r.BadValues > 0 {
		fmt.Fprintf(w, "%s passed over, %s left out\n", count(r.BadLines, "bad line"), count(r.BadValues, "bad value"))
	}
}
