package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// latencyFigures are the count and the quantiles of how long things took, of which there must be some. It sorts them.
func latencyFigures(took []time.Duration) figures {
	slices.Sort(took)
	sorted := make([]float64, len(took))
	for i, d := range took {
		sorted[i] = ms(d)
	}
	return figures{
		"n": float64(len(took)), "p50_ms": quantile(sorted, .5), "p99_ms": quantile(sorted, .99), "p999_ms": quantile(sorted, .999), "max_ms": quantile(sorted, 1),
	}
}

// median returns the middle of values, NaN when there are none. It leaves values as they are.
func median(values []float64) float64 {
	return quantile(slices.Sorted(slices.Values(values)), 0.5)
}

// quantile returns the q-quantile of sorted values, interpolated, NaN when there are none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// resamples is how many medians the interval is taken from.
const resamples = 2000

// interval returns the bootstrap 95 % interval of the median. The same values always give the same interval.
func interval(values []float64) (low, high float64) {
	random := rand.New(rand.NewPCG(1, uint64(len(values))))
	medians := make([]float64, resamples)
	drawn := make([]float64, len(values))
	for i := range medians {
		for j := range drawn {
			drawn[j] = values[random.IntN(len(values))]
		}
		medians[i] = median(drawn)
	}
	slices.Sort(medians)
	return quantile(medians, 0.025), quantile(medians, 0.975)
}

// apart returns how far two positive numbers are from each other, as a share of the smaller one.
func apart(a, b float64) float64 {
	small, large := min(a, b), max(a, b)
	if small <= 0 {
		return math.Inf(1)
	}
	return large/small - 1
}
