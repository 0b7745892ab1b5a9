// Testcount reads the output of `go test -json`, prints each package's result
// with the output of the tests that failed and the reason of those that were
// skipped, and appends "passed failed skipped" to the file that METALIO_COUNTS
// names.
//
// It also holds the run against the table of behaviours, prints what they
// disagree about, fails if there is anything, and appends a line for each group
// of the table to the file that METALIO_BEHAVIOURS names: the run, the group and
// what is held, with tabs between.
//
// It is run as a file: a folder with a leading dot cannot hold a package.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/metalio/metalio/internal/behaviours"
)

// event is a line of `go doc test2json` or of `go help buildjson`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

type name struct{ pkg, test string }

type counter struct {
	output                  map[name]*strings.Builder
	failedIn                map[string]bool
	passed, failed, skipped int
	behaviours              behaviours.Log
}

func main() {
	c := counter{output: map[name]*strings.Builder{}, failedIn: map[string]bool{}}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			c.line(line)
		}
		if err != nil {
			break
		}
	}
	fmt.Printf("tests: %d passed, %d failed, %d skipped\n", c.passed, c.failed, c.skipped)
	held := c.heldBehaviours()
	for variable, write := range map[string]func(io.Writer) error{
		"METALIO_COUNTS":     c.writeCounts,
		"METALIO_BEHAVIOURS": c.writeBehaviours,
	} {
		if err := appendTo(os.Getenv(variable), write); err != nil {
			fmt.Fprintln(os.Stderr, "testcount:", err)
			os.Exit(1)
		}
	}
	if !held {
		os.Exit(1)
	}
}

func (c *counter) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		os.Stdout.Write(line) // go's own messages are not JSON
		return
	}
	key := name{e.Package, e.Test}
	switch e.Action {
	case "output":
		if c.output[key] == nil {
			c.output[key] = new(strings.Builder)
		}
		c.output[key].WriteString(e.Output)
	case "build-output":
		fmt.Print(e.Output)
	case "pass", "fail", "skip":
		c.result(e.Action, key)
	}
}

func (c *counter) result(action string, key name) {
	output := ""
	if b := c.output[key]; b != nil {
		output = b.String()
		delete(c.output, key)
	}
	if key.test == "" {
		c.packageResult(action, key.pkg, output)
		return
	}
	c.behaviours.Add(key.pkg, key.test, action)
	switch action {
	case "pass":
		c.passed++
	case "skip":
		c.skipped++
		fmt.Print(skipReason(output))
	case "fail":
		c.failed++
		c.failedIn[key.pkg] = true
		fmt.Print(output)
	}
}

// packageResult counts a package that did not build, or died outside its
// tests, as one failure, and shows the output of tests that never ended.
func (c *counter) packageResult(action, pkg, output string) {
	if action == "fail" {
		if !c.failedIn[pkg] {
			c.failed++
		}
		for key, b := range c.output {
			if key.pkg == pkg {
				fmt.Print(b)
				delete(c.output, key)
			}
		}
	}
	fmt.Print(strings.TrimPrefix(output, "PASS\n"))
}

// skipReason drops the lines that only say that a test began.
func skipReason(output string) string {
	var reason strings.Builder
	for line := range strings.Lines(output) {
		if !strings.HasPrefix(line, "=== ") {
			reason.WriteString(line)
		}
	}
	return reason.String()
}

// heldBehaviours compares the run with the table of behaviours, unless it is
// a run of a part of the tests.
func (c *counter) heldBehaviours() bool {
	if c.behaviours.Run() == "" {
		return true
	}
	problems := c.behaviours.Problems()
	for _, p := range problems {
		fmt.Println("behaviours:", p)
	}
	var sum behaviours.Count
	for _, n := range c.behaviours.Counts() {
		sum.Add(n)
	}
	fmt.Printf("behaviours on %s: %v\n", c.behaviours.Run(), sum)
	return len(problems) == 0
}

func (c *counter) writeCounts(w io.Writer) error {
	_, err := fmt.Fprintln(w, c.passed, c.failed, c.skipped)
	return err
}

func (c *counter) writeBehaviours(w io.Writer) error {
	run := c.behaviours.Run()
	if run == "" {
		return nil
	}
	for i, n := range c.behaviours.Counts() {
		if _, err := fmt.Fprintf(w, "%s\t%s\t%v\n", run, behaviours.Table[i].Name, n); err != nil {
			return err
		}
	}
	return nil
}

func appendTo(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
