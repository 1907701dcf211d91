package kafka

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestAPlaceIsReadFromText(t *testing.T) {
	for text, want := range map[string]Place{
		"start": Start(), "earliest": Start(), "end": End(), "latest": End(), "0": At(0), "42": At(42),
		"@-1h30m":                    Since(noon.Add(-90 * time.Minute)),
		"@1795500000123":             Since(time.UnixMilli(1795500000123)),
		"@2026-11-24T08:00:00Z":      Since(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)),
		"@2026-11-24T09:00:00+01:00": Since(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)),
		"@2026-11-24":                Since(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)),
	} {
		got, err := ParsePlace(text, noon)
		if err != nil || got.kind != want.kind || got.offset != want.offset || !got.time.Equal(want.time) {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "-1", "@", "@yesterday", "1.5", "@-", "beginning"} {
		if p, err := ParsePlace(bad, noon); err == nil {
			t.Errorf("%q was taken as %+v", bad, p)
		}
	}
}

func FuzzParsePlace(f *testing.F) {
	for _, s := range []string{"start", "12", "@-1h", "@2026-11-24", "@17955"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) { _, _ = ParsePlace(s, noon) })
}
