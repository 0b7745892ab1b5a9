package strace

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Path returns the path of strace. Where it cannot be used the test is skipped,
// or fails if METALIO_REQUIRE is "all" and it is not an emulator that is in the
// way.
func Path(t testing.TB) string {
	t.Helper()
	if os.Getenv("METALIO_EXEC") != "" {
		t.Skip("strace cannot look into an emulated program")
	}
	skip := t.Skipf
	if os.Getenv("METALIO_REQUIRE") == "all" {
		skip = t.Fatalf
	}
	path, err := exec.LookPath("strace")
	if err != nil {
		skip("needs strace: %v", err)
	}
	if out, err := exec.Command(path, "-qq", "-e", "trace=none", "true").CombinedOutput(); err != nil {
		skip("strace may not trace here: %v: %s", err, out)
	}
	return path
}

// Inject runs the tests of this program that the pattern names again, while
// system calls fail: calls and fault are as strace's option inject has them,
// "recvfrom,sendto" and "EINTR:when=1+3". The test fails unless they all pass and
// a call has failed. tracer is what Path has returned.
func Inject(t testing.TB, tracer, calls, fault, tests string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	again := exec.Command(tracer, "-f", "-qq", "-o", log,
		"-e", "trace="+calls, "-e", "inject="+calls+":error="+fault,
		os.Args[0], "-test.short", "-test.timeout=2m", "-test.run="+tests)
	// A program under the race detector else sleeps before it ends.
	again.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	if out, err := again.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	traced, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(traced), "(INJECTED)") {
		t.Fatal("no call failed: the tests do not make it")
	}
}

// callName finds the name in "1234 recvfrom(7, …" and not in "1234 <... recvfrom
// resumed>", which is the same call.
var callName = regexp.MustCompile(`(?m)^\d+ +([a-z0-9_]+)\(`)

// Calls returns how often each system call is in a log that strace has written
// with its options -f and -o.
func Calls(t testing.TB, log string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]int{}
	for _, m := range callName.FindAllSubmatch(text, -1) {
		calls[string(m[1])]++
	}
	return calls
}
