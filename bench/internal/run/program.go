package run

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Program is a Contender's Run for a program that measures itself: it is given
// -duration (in seconds) and the args, runs pinned to the measured core, and
// prints lines of a metric's name and a value.
func Program(name string, args ...string) func(context.Context, Round) (Values, error) {
	return func(ctx context.Context, r Round) (Values, error) {
		return Measure(ctx, r, Pinned(r.Cores.System, r.Program(name), append(Duration(r), args...)...)...)
	}
}

// Unpinned is Program for one that needs more than one core.
func Unpinned(name string, args ...string) func(context.Context, Round) (Values, error) {
	return func(ctx context.Context, r Round) (Values, error) {
		return Measure(ctx, r, append(append([]string{r.Program(name)}, Duration(r)...), args...)...)
	}
}

// SelfPinned is Unpinned for one that is told with -core and -other which cores
// to use, and pins its threads itself. Go believes that a machine has as many
// cores as the process was pinned to from outside.
func SelfPinned(name string, args ...string) func(context.Context, Round) (Values, error) {
	return func(ctx context.Context, r Round) (Values, error) {
		line := append([]string{r.Program(name)}, Duration(r)...)
		line = append(line, "-core", strconv.Itoa(r.Cores.System), "-other", strconv.Itoa(r.Cores.Driver))
		return Measure(ctx, r, append(line, args...)...)
	}
}

// Duration is the flag that tells a program how long to measure.
func Duration(r Round) []string {
	return []string{"-duration", strconv.FormatFloat(r.Length.Seconds(), 'f', 3, 64)}
}

// Pinned is a command line that keeps a program on one core.
func Pinned(core int, program string, args ...string) []string {
	return append([]string{"taskset", "-c", strconv.Itoa(core), program}, args...)
}

// patience is how much longer than the measurement a program may take.
const patience = 60 * time.Second

// Measure runs a command to its end and parses what it prints.
func Measure(ctx context.Context, r Round, command ...string) (Values, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Length*4+patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, tail(complaints.String()))
	}
	return ParseValues(out.Bytes())
}

// ParseValues reads lines of a name and a number.
func ParseValues(out []byte) (Values, error) {
	values := Values{}
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		fields := strings.Fields(sc.Text())
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("not a name and a number: %q", sc.Text())
		}
		v, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return nil, fmt.Errorf("not a number: %q", sc.Text())
		}
		values[fields[0]] = v
	}
	return values, nil
}

// tail is the end of what a program complained about.
func tail(s string) string {
	const most = 500
	s = strings.TrimSpace(s)
	if len(s) > most {
		s = "…" + s[len(s)-most:]
	}
	return s
}
