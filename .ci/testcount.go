// Testcount reads the output of `go test -json`, prints each package's result
// with the output of the tests that failed and the reason of those that were
// skipped, and appends "passed failed skipped" to the file that METALIO_COUNTS
// names.
//
// It is run as a file: a folder with a leading dot cannot hold a package.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
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
	if err := c.save(os.Getenv("METALIO_COUNTS")); err != nil {
		fmt.Fprintln(os.Stderr, "testcount:", err)
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

func (c *counter) save(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, c.passed, c.failed, c.skipped); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
