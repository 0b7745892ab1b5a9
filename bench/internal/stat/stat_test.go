package stat

import (
	"math"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-3 }

func TestSummarize(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    Summary
	}{
		{nil, Summary{}},
		{[]float64{3}, Summary{3, 3, 3, 1}},
		{[]float64{9, 1, 5}, Summary{5, 1, 9, 3}},
		{[]float64{4, 1, 2, 8}, Summary{3, 1, 8, 4}},
	} {
		if got := Summarize(c.samples); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.samples, got, c.want)
		}
	}
}

func TestSummarizeLeavesTheSamplesInOrder(t *testing.T) {
	samples := []float64{3, 1, 2}
	Summarize(samples)
	if samples[0] != 3 || samples[1] != 1 {
		t.Fatal(samples)
	}
}

func TestPairedCancelsTheDriftOfTheMachine(t *testing.T) {
	r, ok := Paired([]float64{50, 100, 200}, []float64{100, 200, 400})
	if !ok || r.Median != 0.5 || r.Min != 0.5 || r.Max != 0.5 || !near(r.Low, 0.5) || !near(r.High, 0.5) {
		t.Fatalf("%+v, %v", r, ok)
	}
}

func TestPairedSkipsFailedRounds(t *testing.T) {
	r, ok := Paired([]float64{math.NaN(), 4, 0, 9}, []float64{1, 2, 3, math.NaN()})
	if !ok || r.N != 1 || r.Median != 2 || !math.IsNaN(r.Low) || !math.IsNaN(r.High) {
		t.Fatalf("%+v, %v", r, ok)
	}
	if _, ok := Paired([]float64{0}, []float64{1}); ok {
		t.Fatal("a ratio of nothing")
	}
	if _, ok := Paired(nil, []float64{1}); ok {
		t.Fatal("a ratio of no samples")
	}
}

func TestIntervalOfKnownSamples(t *testing.T) {
	// Logarithms -0.1, 0, 0.1: mean 0, deviation 0.1, so 4.303 × 0.1 / √3.
	e := func(x float64) float64 { return math.Exp(x) }
	r, _ := Paired([]float64{e(-0.1), 1, e(0.1)}, []float64{1, 1, 1})
	if !near(math.Log(r.Low), -0.2484) || !near(math.Log(r.High), 0.2484) {
		t.Fatalf("%+v", r)
	}
}

func TestIntervalIsTheSameTurnedRound(t *testing.T) {
	a, b := []float64{1, 1.2, 1.1, 0.9}, []float64{1, 1, 1, 1}
	r, _ := Paired(a, b)
	turned, _ := Paired(b, a)
	if !near(r.Low*turned.High, 1) || !near(r.High*turned.Low, 1) {
		t.Fatalf("%+v %+v", r, turned)
	}
}

func TestStudentHasAValueForAnyNumberOfRounds(t *testing.T) {
	if student(1) != 12.706 || student(4) != 2.776 || student(1000) != 2.042 {
		t.Fatal(student(1), student(4), student(1000))
	}
}
