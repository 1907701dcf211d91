package catalog_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

// samples are changes of every kind.
func samples() []catalog.Change {
	return []catalog.Change{
		catalog.TopicCreated{Name: "a", ID: number(1), Partitions: 2},
		catalog.TopicCreated{Name: "b.c", ID: number(2), Partitions: 1, Configs: map[string]string{"retention.ms": "5", "segment.bytes": "1048576"}},
		catalog.ConfigsChanged{Name: "b.c", ID: number(2), Set: map[string]string{"cleanup.policy": ""}, Delete: []string{"retention.ms", "segment.ms"}},
		catalog.PartitionsAdded{Name: "a", ID: number(1), Partitions: 200},
		catalog.ProducerBlock{Next: 1000},
		catalog.UncleanStart{},
		catalog.BrokerChanged{Set: map[string]string{"log.retention.ms": "5", "max.connections": "7"}},
		catalog.BrokerChanged{All: true, Set: map[string]string{"log.segment.bytes": "1048576"}, Delete: []string{"log.retention.ms"}},
		catalog.TopicDeleted{Name: "a", ID: number(1)},
	}
}

func sampleCatalog(t testing.TB) *catalog.Catalog {
	c := &catalog.Catalog{}
	for _, ch := range samples() {
		if _, err := c.Apply(c.Version()+1, ch); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// The example in docs/formats/catalog.md.
func TestBytesOfAChange(t *testing.T) {
	want := "010101" + "0161" + "000102030405060708090a0b0c0d0e0f" + "02" + "01" + "0c726574656e74696f6e2e6d73" + "0135"
	got := hex.EncodeToString(catalog.AppendChange(nil, 1, catalog.TopicCreated{
		Name: "a", ID: catalog.ID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, Partitions: 2,
		Configs: map[string]string{"retention.ms": "5"},
	}))
	if got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestCutAnywhereIsRefused(t *testing.T) {
	for i, ch := range samples() {
		whole := catalog.AppendChange(nil, uint64(i)+200, ch)
		for n := range whole {
			if _, _, err := catalog.DecodeChange(whole[:n]); !errors.Is(err, catalog.ErrMalformed) {
				t.Fatalf("%T, first %d of %d bytes: %v", ch, n, len(whole), err)
			}
		}
		if _, _, err := catalog.DecodeChange(append(whole, 0)); !errors.Is(err, catalog.ErrMalformed) {
			t.Fatalf("%T, one byte more: %v", ch, err)
		}
	}
	whole := sampleCatalog(t).AppendSnapshot(nil)
	for n := range whole {
		if _, err := catalog.DecodeSnapshot(whole[:n]); !errors.Is(err, catalog.ErrMalformed) {
			t.Fatalf("snapshot, first %d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func TestNewerFormatsAreToldFromDamage(t *testing.T) {
	if _, _, err := catalog.DecodeChange([]byte{3, 6, 1}); !errors.Is(err, catalog.ErrNewer) {
		t.Errorf("change: %v", err)
	}
	if _, err := catalog.DecodeSnapshot([]byte{3, 0, 0, 0, 0}); !errors.Is(err, catalog.ErrNewer) {
		t.Errorf("snapshot: %v", err)
	}
}

// A name becomes a directory, and a value is worked with: what could do harm there is refused here.
func TestHarmfulContentIsRefused(t *testing.T) {
	for why, ch := range map[string]catalog.Change{
		"a path":                       catalog.TopicCreated{Name: "../../etc", ID: number(1), Partitions: 1},
		"a long name":                  catalog.TopicCreated{Name: strings.Repeat("x", 250), ID: number(1), Partitions: 1},
		"a reserved id":                catalog.TopicCreated{Name: "a", Partitions: 1},
		"no partitions":                catalog.TopicCreated{Name: "a", ID: number(1)},
		"negative partitions":          catalog.PartitionsAdded{Name: "a", ID: number(1), Partitions: -1},
		"a text for a number":          catalog.TopicCreated{Name: "a", ID: number(1), Partitions: 1, Configs: map[string]string{"retention.ms": "x"}},
		"a broker's text for a number": catalog.BrokerChanged{Set: map[string]string{"log.retention.ms": "x"}},
		"set and deleted":              catalog.ConfigsChanged{Name: "a", ID: number(1), Set: map[string]string{"retention.ms": "1"}, Delete: []string{"retention.ms"}},
		"names out of order":           catalog.ConfigsChanged{Name: "a", ID: number(1), Delete: []string{"b", "a"}},
		"negative producer ids":        catalog.ProducerBlock{Next: -1},
	} {
		if _, _, err := catalog.DecodeChange(catalog.AppendChange(nil, 1, ch)); !errors.Is(err, catalog.ErrMalformed) {
			t.Errorf("%s: %v, want %v", why, err, catalog.ErrMalformed)
		}
	}
}

// A change or a snapshot that needs nothing of the newer format has the bytes of the older one, which every version reads.
func TestOldFormatsAreWrittenWherePossible(t *testing.T) {
	c := &catalog.Catalog{}
	for _, ch := range samples() {
		want := byte(1)
		if _, ok := ch.(catalog.BrokerChanged); ok {
			want = 2
		}
		if got := catalog.AppendChange(nil, 1, ch)[0]; got != want {
			t.Errorf("%T has format %d, want %d", ch, got, want)
		}
	}
	if got := c.AppendSnapshot(nil)[0]; got != 1 {
		t.Errorf("a snapshot without settings of the broker has format %d", got)
	}
	if got := sampleCatalog(t).AppendSnapshot(nil)[0]; got != 2 {
		t.Errorf("a snapshot with settings of the broker has format %d", got)
	}
}

// FuzzDecodeChange: what is accepted is exactly what would be written again.
func FuzzDecodeChange(f *testing.F) {
	for i, ch := range samples() {
		f.Add(catalog.AppendChange(nil, uint64(i+1), ch))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		version, ch, err := catalog.DecodeChange(b)
		if err != nil {
			if !errors.Is(err, catalog.ErrMalformed) && !errors.Is(err, catalog.ErrNewer) {
				t.Fatalf("error without a reason: %v", err)
			}
			return
		}
		if again := catalog.AppendChange(nil, version, ch); string(again) != string(b) {
			t.Fatalf("accepted\n%x\nand writes\n%x", b, again)
		}
	})
}

// FuzzDecodeSnapshot: what is accepted is exactly what would be written again, and works.
func FuzzDecodeSnapshot(f *testing.F) {
	f.Add((&catalog.Catalog{}).AppendSnapshot(nil))
	f.Add(sampleCatalog(f).AppendSnapshot(nil))
	b, err := catalog.NewBroker(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		c, err := catalog.DecodeSnapshot(bytes)
		if err != nil {
			if !errors.Is(err, catalog.ErrMalformed) && !errors.Is(err, catalog.ErrNewer) {
				t.Fatalf("error without a reason: %v", err)
			}
			return
		}
		if again := c.AppendSnapshot(nil); string(again) != string(bytes) {
			t.Fatalf("accepted\n%x\nand writes\n%x", bytes, again)
		}
		for _, topic := range c.Topics() {
			topic.Settings(b)
		}
	})
}
