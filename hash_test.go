package bobbin

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"testing"
)

// The values are those of Kafka's own test of Utils.murmur2.
func TestPartitionsAreKafkas(t *testing.T) {
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, Kafka has %d", key, got, want)
		}
	}
}

// The limits are the values of the chi-square distribution with n-1 degrees of freedom that chance exceeds once in 1,000.
func TestStreamsSpreadEvenly(t *testing.T) {
	limits := map[int]float64{3: 13.816, 6: 20.515, 16: 37.697}
	random := func(int) string {
		var b [16]byte
		rand.Read(b[:])
		return hex.EncodeToString(b[:])
	}
	// Random ids exceed the limit once in 1,000 by chance: so it must be exceeded twice in a row.
	for name, ids := range map[string]func(int) string{"random": random, "car-1 to car-10000": func(i int) string { return fmt.Sprintf("car-%d", i+1) }} {
		for n, limit := range limits {
			again := 0
			for ; again < 2; again++ {
				counts := make([]float64, n)
				for i := range 10_000 {
					counts[partitionOf(ids(i), n)]++
				}
				chi := 0.0
				for _, c := range counts {
					want := 10_000 / float64(n)
					chi += (c - want) * (c - want) / want
				}
				if chi < limit {
					break
				}
				t.Logf("%s over %d partitions: chi-square %.1f, the limit is %.1f", name, n, chi, limit)
			}
			if again == 2 {
				t.Errorf("%s over %d partitions: not even", name, n)
			}
		}
	}
}
