package catalog

import "testing"

func TestADoubleIsShownAsItIsWritten(t *testing.T) {
	s := Setting{Type: Double}
	for given, want := range map[string]string{
		"5000000": "5000000", "5e6": "5000000", "0.25": "0.25", "0": "0", "1e9": "1E9", "2.5e-7": "2.5E-7", "1.7976931348623157E308": "1.7976931348623157E308",
	} {
		if got, fault := s.parse(given); got != want || fault != "" {
			t.Errorf("%s is shown as %q %s, want %s", given, got, fault, want)
		}
	}
	if _, fault := s.parse("NaN"); fault == "" {
		t.Error("NaN is taken for a number")
	}
}
