package codec_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// goldenRows are the rows of testdata and of docs/formats/packet.md.
func goldenRows() *codec.Block {
	return &codec.Block{
		Times: []int64{1767225600000000000, 1767225600100000000, 1767225600050000000},
		Columns: []codec.Column{
			{Kind: codec.Number, Name: "speed", Present: []byte{0b101}, Numbers: []float64{200.5, 0, 201}},
			{Kind: codec.Number, Name: "rpm", Numbers: []float64{11000, math.Float64frombits(0x7ff8000000000000), 1e-7}},
			{Kind: codec.Text, Name: "gear", Present: []byte{0b101}, Texts: []string{"3", "", ""}},
			{Kind: codec.Bytes, Name: "image", Present: []byte{0b101}, Bytes: [][]byte{{1, 2, 3}, nil, {}}},
			{Kind: codec.Tag, Name: "driver", Texts: []string{"Ada", "Ada", "Zoë"}},
		},
	}
}

var goldenEvent = codec.Event{Time: 1767225600000000000, ID: "pit-in", Value: "box", Tags: map[string]string{"lap": "3", "driver": "Ada"}}

var goldenContext = codec.Context{
	Properties: codec.Properties{
		Name: "Car 44", Location: "/team-a", Metadata: map[string]string{"driver": "Ada", "class": "GT"}, Parents: []string{"race-7"}, Recorded: 1767225600000000000,
	},
	Parameters: []codec.Definition{
		{ID: "speed", Name: "Vehicle speed", Description: "by the wheels", Unit: "km/h", Format: "%.1f", Location: "/engine", Max: 400},
		{ID: "gear", Kind: codec.Text},
	},
	Events: []codec.EventDefinition{{ID: "pit-in", Name: "Pit stop", Description: "the car is in its box", Location: "/race", Level: 4}},
}

// unhex reads a dump: bytes in hexadecimal digits, and what stands behind # says what they are.
func unhex(t interface{ Fatal(...any) }, dump string) []byte {
	var digits strings.Builder
	for line := range strings.Lines(dump) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// golden reads a file of testdata, which stands in the document word by word, and gives the bytes of the packet that it shows.
func golden(t *testing.T, name string) (shown, packet []byte) {
	t.Helper()
	shown, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/formats/packet.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(document, shown) {
		t.Errorf("docs/formats/packet.md does not show %s as it is", name)
	}
	if strings.HasSuffix(name, ".hex") {
		packet = unhex(t, string(shown))
		return packet, packet
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, shown); err != nil {
		t.Fatal(err)
	}
	return shown, compact.Bytes()
}

// The packets of the document are what is written, byte by byte, and are read, also with white space.
func TestPacketsAreAsDocumented(t *testing.T) {
	for name, f := range map[string]codec.Format{"rows.json": codec.JSON, "rows.hex": codec.Binary} {
		shown, packet := golden(t, name)
		if got := encode(t, f, goldenRows()); !bytes.Equal(got, packet) {
			t.Errorf("%s: %s", name, cmp.Diff(hex.Dump(packet), hex.Dump(got)))
		}
		var b codec.Block
		if err := codec.DecodeRows(f, shown, &b); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(describe(goldenRows(), true), describe(&b, true)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	for name, f := range map[string]codec.Format{"event.json": codec.JSON, "event.hex": codec.Binary} {
		shown, packet := golden(t, name)
		if got, err := codec.AppendEvent(nil, f, &goldenEvent); err != nil || !bytes.Equal(got, packet) {
			t.Errorf("%s: %v %s", name, err, cmp.Diff(hex.Dump(packet), hex.Dump(got)))
		}
		if got, err := codec.DecodeEvent(f, shown); err != nil || cmp.Diff(goldenEvent, got) != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	shown, packet := golden(t, "context.json")
	if got, err := codec.AppendContext(nil, &goldenContext); err != nil || !bytes.Equal(got, packet) {
		t.Errorf("context: %s, %v", got, err)
	}
	if got, err := codec.DecodeContext(shown); err != nil || cmp.Diff(goldenContext, got) != "" {
		t.Errorf("context: %+v, %v", got, err)
	}
	shown, packet = golden(t, "end.json")
	if got := codec.AppendEnd(nil, codec.Closed); !bytes.Equal(got, packet) {
		t.Errorf("end: %s", got)
	}
	if got, err := codec.DecodeEnd(shown); err != nil || got != codec.Closed {
		t.Errorf("end: %v, %v", got, err)
	}
}
