package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/metalio/metalio/bench/internal/stat"
)

// quantity writes a value in a unit that a person reads easily.
func quantity(v float64, unit string) string {
	switch unit {
	case "ns":
		return scaled(v, 1000, "ns", "µs", "ms", "s")
	case "B":
		return scaled(v, 1024, "B", "KiB", "MiB", "GiB")
	case "":
		return digits(v)
	case "%":
		return digits(v) + " %"
	}
	return scaled(v, 1000, unit, "k "+unit, "M "+unit, "G "+unit)
}

func scaled(v, step float64, names ...string) string {
	i := 0
	for math.Abs(v) >= step && i < len(names)-1 {
		v /= step
		i++
	}
	return digits(v) + " " + names[i]
}

// digits keeps three significant digits, and all of those before the point.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "–"
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return trimZeros(fmt.Sprintf("%.1f", v))
	case a >= 1 || a == 0:
		return trimZeros(fmt.Sprintf("%.2f", v))
	}
	return fmt.Sprintf("%.3g", v)
}

func trimZeros(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }

// ratio keeps two places, and more for what would be nothing with two.
func ratio(v float64) string {
	if v > 0 && v < 0.095 {
		return fmt.Sprintf("%.2g", v)
	}
	if v >= 10 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func spread(s stat.Summary) string { return ratio(s.Min) + "–" + ratio(s.Max) }

func confidence(r stat.Ratio) string {
	if math.IsNaN(r.Low) {
		return "–"
	}
	return ratio(r.Low) + "–" + ratio(r.High)
}
