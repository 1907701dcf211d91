package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/broker"
)

// The recordings that people bring are imported as the examples of the command say.
func TestRecordingsAreImported(t *testing.T) {
	s, err := startService(t.Context(), broker.Options{Memory: true}, endpoints{kafka: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(nil); err != nil {
			t.Error(err)
		}
	}()
	for name, x := range map[string]struct {
		args                  []string
		streams, rows, values int64
		format                string
	}{
		"racing-car.csv":          {[]string{"--time", "Timestamp", "--stream", "SessionId", "--tag", "LapNumber"}, 1, 3492, 49017, "ms"},
		"machine-temperature.csv": {[]string{"--time", "timestamp", "--unit", "value=°F"}, 1, 22695, 22695, "datetime"},
		"connected-car.ndjson":    {[]string{"--time", "timestamp", "--parameter", "name", "--value", "value", "--stream-id", "ford"}, 1, 1000, 1000, "s"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("..", "..", "..", "shared", "data", name)
			if _, err := os.Stat(path); err != nil {
				t.Skipf("%s is not there: the folder shared/data beside the repository has it", name)
			}
			code, out, msg := run(t, append([]string{"import", path, "--topic", "t", "--create", "3", "-o", "json", "-B", s.kafka.Addr().String()}, x.args...)...)
			var r importResult
			if err := json.Unmarshal([]byte(out), &r); code != exitOK || err != nil {
				t.Fatalf("code %d, %v, %s", code, err, msg)
			}
			if int64(r.Streams) != x.streams || r.Rows != x.rows || r.Values != x.values || r.BadLines+r.BadValues != 0 || r.TimeFormat != x.format || !r.Guessed || r.Acked != r.Packets || msg != "" {
				t.Errorf("%+v, %q", r, msg)
			}
		})
	}
}

func TestWhatWasWrittenIsSaidWithWhyItEnded(t *testing.T) {
	why := errors.New("line 3 is wrong")
	for _, x := range []struct {
		err            error
		written, acked int64
		exit           int
		text           string
	}{
		{nil, 7, 7, exitOK, ""},
		{nil, 7, 5, exitCheckFailed, "2 of 7 packets were not acknowledged"},
		{why, 7, 7, exitFailure, "9 rows written and acknowledged, then: line 3 is wrong"},
		{why, 7, 6, exitCheckFailed, "1 of 7 packets were not acknowledged: line 3 is wrong"},
		{context.Canceled, 7, 7, exitInterrupted, "9 rows written and acknowledged, then: context canceled"},
		{context.Canceled, 7, 6, exitInterrupted, "context canceled\n1 of 7 packets were not acknowledged"},
		{&bobbin.Error{Op: "write", Err: bobbin.ErrUnknownTopic}, 7, 7, exitNotFound, "9 rows written and acknowledged, then: bobbin: write: there is no such topic"},
		{&bobbin.Error{Op: "write", Err: bobbin.ErrUnreachable, Hint: "look"}, 7, 7, exitUnreachable, "9 rows written and acknowledged, then: bobbin: write: the cluster does not answer (look)"},
	} {
		err := unfinished(x.err, 9, x.written, x.acked)
		if err == nil {
			if x.exit != exitOK {
				t.Errorf("no error, not %q", x.text)
			}
			continue
		}
		if f := explain(err); f.Exit != x.exit || f.Error != x.text {
			t.Errorf("code %d, %q, not %d, %q", f.Exit, f.Error, x.exit, x.text)
		}
	}
}
