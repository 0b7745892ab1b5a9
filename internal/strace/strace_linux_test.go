package strace

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

func TestCalls(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	text := "12 recvfrom(7,  <unfinished ...>\n" +
		"345  read(3, \"x\", 1) = 1\n" +
		"12 <... recvfrom resumed>\"y\", 1, 0, NULL, NULL) = 1\n" +
		"12 recvfrom(7, 0x0, 1, 0, NULL, NULL) = -1 EAGAIN (Resource temporarily unavailable)\n" +
		"12 --- SIGURG {si_signo=SIGURG} ---\n" +
		"12 +++ exited with 0 +++\n"
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := Calls(t, log), map[string]int{"recvfrom": 2, "read": 1}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
