package run

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// fixed is a contender that always measures the same.
func fixed(name string, calls *[]string, value float64) Contender {
	return Contender{Name: name, Run: func(_ context.Context, r Round) (Values, error) {
		*calls = append(*calls, name)
		return Values{"rate": value}, nil
	}}
}

func row(contenders ...Contender) Row {
	return Row{
		Name: "echo/64x1", Reference: contenders[0].Name,
		Metrics:    []Metric{{Name: "rate", Unit: "msgs/s", Better: More}},
		Contenders: contenders,
	}
}

func options() Options { return Options{Rounds: 3, Length: time.Millisecond} }

func TestContendersTakeTurns(t *testing.T) {
	var calls []string
	r := row(fixed("a", &calls, 1), fixed("b", &calls, 2))
	results, err := Run(context.Background(), []Row{r}, options())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(calls, ""); got != "ababab" {
		t.Fatalf("order %s", got)
	}
	if s := results[0].Series("b", "rate"); !slices.Equal(s, []float64{2, 2, 2}) {
		t.Fatal(s)
	}
}

func TestRoundKnowsWhatItIs(t *testing.T) {
	var got []Round
	c := Contender{Name: "a", Run: func(_ context.Context, r Round) (Values, error) {
		got = append(got, r)
		return Values{"rate": 1}, nil
	}}
	r := row(c)
	r.Rounds, r.Length = 2, 1.5
	opt := options()
	opt.Bin, opt.Cores, opt.Length = "/bin", Cores{2, 3}, 2*time.Second
	if _, err := Run(context.Background(), []Row{r}, opt); err != nil {
		t.Fatal(err)
	}
	want := Round{Number: 1, Length: 3 * time.Second, Bin: "/bin", Cores: Cores{2, 3}}
	if len(got) != 2 || got[1] != want {
		t.Fatalf("%+v", got)
	}
}

func TestAFailureIsTriedAgainAndThenReported(t *testing.T) {
	var calls []string
	tries := 0
	flaky := Contender{Name: "flaky", Run: func(context.Context, Round) (Values, error) {
		if tries++; tries == 1 {
			return nil, errors.New("once")
		}
		return Values{"rate": 7}, nil
	}}
	broken := Contender{Name: "broken", Run: func(context.Context, Round) (Values, error) {
		return nil, errors.New("other bytes came back")
	}}
	silent := Contender{Name: "silent", Run: func(context.Context, Round) (Values, error) {
		return Values{}, nil
	}}
	var progress strings.Builder
	opt := options()
	opt.Progress = &progress
	results, err := Run(context.Background(), []Row{row(fixed("a", &calls, 1), flaky, broken, silent)}, opt)
	if err != nil {
		t.Fatal(err)
	}
	res := results[0]
	if s := res.Series("flaky", "rate"); !slices.Equal(s, []float64{7, 7, 7}) || res.Failed["flaky"] != "" {
		t.Error(s, res.Failed)
	}
	if s := res.Series("broken", "rate"); len(s) != 3 || !math.IsNaN(s[0]) {
		t.Error(s)
	}
	if res.Failed["broken"] != "other bytes came back" || !strings.Contains(res.Failed["silent"], "rate") {
		t.Error(res.Failed)
	}
	if !strings.Contains(progress.String(), "broken FAILED: other bytes came back") {
		t.Error(progress.String())
	}
}

func TestWhatIsNotInstalledIsLeftOut(t *testing.T) {
	var calls []string
	c := fixed("b", &calls, 1)
	c.Needs = []string{"echo-libuv"}
	opt := options()
	opt.Missing = map[string]string{"echo-libuv": "libuv1-dev is not installed"}
	results, err := Run(context.Background(), []Row{row(fixed("a", &calls, 1), c)}, opt)
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Left["b"] != "libuv1-dev is not installed" || slices.Contains(calls, "b") {
		t.Fatalf("%+v %v", results[0].Left, calls)
	}
}

func TestCancelEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := Contender{Name: "a", Run: func(context.Context, Round) (Values, error) {
		cancel()
		return nil, context.Canceled
	}}
	if _, err := Run(ctx, []Row{row(c)}, options()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestProgressComparesWithTheReference(t *testing.T) {
	var calls []string
	var out strings.Builder
	opt := options()
	opt.Rounds, opt.Progress = 1, &out
	if _, err := Run(context.Background(), []Row{row(fixed("a", &calls, 4), fixed("b", &calls, 2))}, opt); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, "echo/64x1 1/1 (rate):  a 1.00  b 0.50\n") {
		t.Fatalf("%q", s)
	}
}

func TestCheck(t *testing.T) {
	var calls []string
	good := func() Row { return row(fixed("a", &calls, 1), fixed("b", &calls, 1)) }
	for want, spoil := range map[string]func(*Row){
		"the reference":     func(r *Row) { r.Reference = "c" },
		"no good name":      func(r *Row) { r.Name = "echo 64" },
		"there twice":       func(r *Row) { r.Contenders[1].Name = "a" },
		"nothing to run":    func(r *Row) { r.Contenders[1].Run = nil },
		"no metric":         func(r *Row) { r.Metrics = nil },
		"which is no metri": func(r *Row) { r.Targets = []Target{{Metric: "p99", Who: "a"}} },
		"no contender":      func(r *Row) { r.Targets = []Target{{Metric: "rate", Who: "a", Against: []string{"z"}}} },
	} {
		r := good()
		spoil(&r)
		if err := Check([]Row{r}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if err := Check([]Row{good(), good()}); err == nil || !strings.Contains(err.Error(), "is there twice") {
		t.Error(err)
	}
	if err := Check([]Row{good()}); err != nil {
		t.Error(err)
	}
}

func TestParseValues(t *testing.T) {
	v, err := ParseValues([]byte("rate 12.5\n\np99 3e3\n"))
	if err != nil || v["rate"] != 12.5 || v["p99"] != 3000 {
		t.Fatal(v, err)
	}
	for _, bad := range []string{"rate", "rate 1 2", "rate x"} {
		if _, err := ParseValues([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestMeasureReportsWhatAProgramComplainsAbout(t *testing.T) {
	r := Round{Length: time.Millisecond}
	if _, err := Measure(context.Background(), r, "sh", "-c", "echo no room >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Fatal(err)
	}
	v, err := Measure(context.Background(), r, "sh", "-c", "echo rate 5")
	if err != nil || v["rate"] != 5 {
		t.Fatal(v, err)
	}
}
