// Package stat summarizes the few samples that a benchmark has.
package stat

import (
	"math"
	"slices"
)

// Summary describes a handful of samples.
type Summary struct {
	Median, Min, Max float64
	N                int
}

// Summarize returns the zero Summary for no samples.
func Summarize(samples []float64) Summary {
	if len(samples) == 0 {
		return Summary{}
	}
	s := slices.Sorted(slices.Values(samples))
	return Summary{Median: median(s), Min: s[0], Max: s[len(s)-1], N: len(s)}
}

func median(sorted []float64) float64 {
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Ratio compares two systems that were measured in the same rounds.
type Ratio struct {
	Summary
	// Low and High bound the mean ratio with 95 % confidence. Both are NaN
	// for fewer than two rounds.
	Low, High float64
}

// Paired divides sample by sample, round by round, so that what slows a whole
// round down cancels out. A round counts only if both values are positive: NaN
// stands for a round that failed. ok is false when none counts.
func Paired(values, reference []float64) (r Ratio, ok bool) {
	var ratios []float64
	for i := range min(len(values), len(reference)) {
		if values[i] > 0 && reference[i] > 0 {
			ratios = append(ratios, values[i]/reference[i])
		}
	}
	if len(ratios) == 0 {
		return Ratio{}, false
	}
	low, high := interval(ratios)
	return Ratio{Summary: Summarize(ratios), Low: low, High: high}, true
}

// interval is Student's interval for the mean of the logarithms, which are
// closer to a normal distribution than ratios: those of a pair and of the pair
// turned round are equally far from 1.
func interval(ratios []float64) (low, high float64) {
	n := float64(len(ratios))
	if n < 2 {
		return math.NaN(), math.NaN()
	}
	var sum, squares float64
	for _, r := range ratios {
		sum += math.Log(r)
	}
	mean := sum / n
	for _, r := range ratios {
		d := math.Log(r) - mean
		squares += d * d
	}
	half := student(len(ratios)-1) * math.Sqrt(squares/(n-1)/n)
	return math.Exp(mean - half), math.Exp(mean + half)
}

// student95 holds the 97.5 % quantiles of Student's distribution for 1 … 30
// degrees of freedom.
var student95 = [...]float64{
	12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
	2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
	2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
}

func student(freedom int) float64 {
	return student95[min(freedom, len(student95))-1]
}
