package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/broker"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

func walk(cmd *cobra.Command, fn func(*cobra.Command)) {
	fn(cmd)
	for _, c := range cmd.Commands() {
		walk(c, fn)
	}
}

func TestEveryCommandHasTheOutputFlagAndHelp(t *testing.T) {
	n := 0
	walk((&app{}).root(), func(cmd *cobra.Command) {
		n++
		flag := cmd.Flag("output")
		if flag == nil {
			flag = cmd.InheritedFlags().Lookup("output")
		}
		if flag == nil || flag.Shorthand != "o" {
			t.Errorf("%s has no -o", cmd.CommandPath())
		}
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s lacks a short text, a long text or an example", cmd.CommandPath())
		}
		if cmd.Runnable() && cmd.HasParent() && cmd.Args == nil {
			t.Errorf("%s does not say which arguments it takes", cmd.CommandPath())
		}
	})
	if n < 10 {
		t.Fatalf("only %d commands were found", n)
	}
}

func TestHelpIsAsItWas(t *testing.T) {
	var all bytes.Buffer
	walk((&app{}).root(), func(cmd *cobra.Command) {
		_, text, _ := run(t, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
		fmt.Fprintf(&all, "== %s\n%s\n", cmd.CommandPath(), text)
	})
	const golden = "testdata/help.txt"
	if os.Getenv("BOBBIN_UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, all.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), all.String()); d != "" {
		t.Errorf("help changed; run with BOBBIN_UPDATE_GOLDEN=1 when that was meant:\n%s", d)
	}
}

func TestExitCodes(t *testing.T) {
	why := errors.New("why")
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("anything"), 1},
		{&usageError{"bobbin topic", errors.New("too few")}, 2},
		{&kafka.Error{Kind: kafka.Invalid, Err: why}, 2},
		{&kafka.Error{Kind: kafka.TooLarge, Err: why}, 2},
		{&kafka.Error{Kind: kafka.NotFound, Err: why}, 3},
		{&bobbin.Error{Err: bobbin.ErrTooLarge}, 2},
		{&bobbin.Error{Err: bobbin.ErrDenied}, 4},
		{fmt.Errorf("3 records acknowledged, then: %w", &kafka.Error{Kind: kafka.NotFound, Err: why}), 3},
		{&kafka.Error{Kind: kafka.Unauthorized, Err: why}, 4},
		{&kafka.Error{Kind: kafka.Unreachable, Err: why}, 5},
		{&kafka.Error{Kind: kafka.Timeout, Err: why}, 5},
		{&checkError{errors.New("lost")}, 6},
		{&broker.Error{Kind: broker.Invalid, Err: why}, 2},
		{&broker.Error{Kind: broker.InUse, Err: why}, 7},
		{&broker.Error{Kind: broker.Unsafe, Err: why}, 8},
		{&broker.Error{Kind: broker.Newer, Err: why}, 9},
		{&broker.Error{Kind: broker.Corrupt, Err: why}, 10},
		{&broker.Error{Kind: broker.Disk, Err: why}, 11},
		{&broker.Error{Kind: broker.NotFound, Err: why}, 3},
		{&fs.PathError{Op: "open", Path: "lines", Err: fs.ErrNotExist}, 3},
		{&fs.PathError{Op: "read", Path: "lines", Err: syscall.EIO}, 11},
		{&kafka.Error{Kind: kafka.Interrupted, Err: why}, 130},
	} {
		t.Run(fmt.Sprintf("%T %d", c.err, c.want), func(t *testing.T) {
			if got := explain(c.err).Exit; got != c.want {
				t.Errorf("code %d, not %d", got, c.want)
			}
		})
	}
}

func TestAWrongUseSaysWhereToLook(t *testing.T) {
	for _, args := range [][]string{
		{"nonsense"}, {"topic"}, {"topic", "create"}, {"topic", "list", "--nonsense"}, {"version", "-o", "xml"}, {"version", "more"},
		{"completion", "tcsh"}, {"consume", "t", "--from", "yesterday"}, {"consume", "t", "-f", "%q"}, {"produce", "t", "--format", "xml"},
		{"topic", "create", "t", "--config", "x"}, {"topic", "alter", "t"}, {"topic", "alter", "t", "--config", "x"}, {"topic", "add-partitions", "t"},
		{"topic", "delete-records", "t", "--partition", "0"}, {"topic", "delete-records", "t", "--before", "3"}, {"group"}, {"group", "describe"}, {"group", "delete"},
		{"group", "reset-offsets", "g", "--topic", "t"}, {"group", "reset-offsets", "g", "--topic", "t", "--to", "soon"}, {"errors", "1", "2"}, {"doctor", "x"},
		{"consume", "t", "--group", "g", "--until-end"}, {"consume", "t", "--group", "g", "--partition", "1"}, {"serve", "-X", "x"}, {"produce", "t", "--header", "x"},
		{"stream"}, {"stream", "list"}, {"stream", "describe", "t"}, {"stream", "tail", "t", "--from", "soon"}, {"stream", "tail", "t", "--count", "-1"},
		{"stream", "tail", "t", "--events", "--parameter", "x"}, {"stream", "replay", "t"}, {"stream", "replay", "t", "--to", "t"}, {"stream", "replay", "t", "--to", "u", "--speed", "fast"},
		{"stream", "replay", "t", "--to", "u", "--from", "soon"}, {"import", "f.csv", "--time", "at"}, {"import", "f.csv", "--topic", "t"}, {"import", "f.txt", "--topic", "t", "--time", "at"},
		{"import", "-", "--topic", "t", "--time", "at", "--format", "csv"}, {"import", "-", "--topic", "t", "--time", "at", "--stream", "s"},
		{"import", "f.csv", "--topic", "t", "--time", "at", "--parameter", "p"}, {"import", "f.csv", "--topic", "t", "--time", "at", "--stream", "s", "--stream-id", "x"},
		{"import", "f.csv", "--topic", "t", "--time", "at", "--speed", "0"}, {"import", "f.csv", "--topic", "t", "--time", "at", "--time-format", "days"},
		{"import", "f.csv", "--topic", "t", "--time", "at", "--unit", "km/h"}, {"import", "f.csv", "--topic", "t", "--time", "at", "--parameter", "p", "--value", "v", "--tag", "x"},
	} {
		code, out, msg := run(t, args...)
		if code != exitUsage || out != "" || !strings.Contains(msg, "try: see `bobbin") {
			t.Errorf("%v: code %d, output %q, message %q", args, code, out, msg)
		}
	}
}

func TestAnErrorIsAnObjectInJSON(t *testing.T) {
	code, _, msg := run(t, "topic", "list", "-o", "json", "-B", "127.0.0.1:1")
	var f failure
	if err := json.Unmarshal([]byte(msg), &f); err != nil {
		t.Fatalf("%v in %q", err, msg)
	}
	if code != exitUnreachable || f.Exit != code || !strings.Contains(f.Error, "127.0.0.1:1") || !strings.Contains(f.Hint, "bobbin serve") {
		t.Errorf("code %d, %+v", code, f)
	}
}

func TestAnEmptyListIsAnArray(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, output: formJSON}
	if err := printList(a, []topicResult(nil), "NAME", nil); err != nil || out.String() != "[]\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestFlagsGoBeforeTheEnvironment(t *testing.T) {
	env := map[string]string{"BOBBIN_OUTPUT": "json", "BOBBIN_BOOTSTRAP_SERVERS": "a:1,b:2", "KAFKA_BOOTSTRAP_SERVERS": "c:3"}
	a := &app{env: func(k string) string { return env[k] }}
	list, _, err := a.root().Find([]string{"topic", "list"})
	if err != nil {
		t.Fatal(err)
	}
	if err := list.ParseFlags([]string{"-o", "name"}); err != nil {
		t.Fatal(err)
	}
	if err := a.fromEnvironment(list.Flags()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a:1", "b:2"}, a.brokers); d != "" || a.output != "name" {
		t.Errorf("output %s, brokers %s", a.output, d)
	}
}
