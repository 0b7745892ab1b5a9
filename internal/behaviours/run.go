package behaviours

import (
	"os"
	"testing"
)

// tryExceptions makes Run run what the table excepts. The Log then names what
// passes: those exceptions are no longer needed.
var tryExceptions = os.Getenv("METALIO_TRY_EXCEPTIONS") != ""

// Run runs test as the subtest name of t, and skips it with the table's reason
// if the table has an exception for the backend it runs on. A name that is not
// in the table is an ordinary subtest, so that a list of cases may mix both.
func Run(t *testing.T, name string, test func(t *testing.T)) bool {
	t.Helper()
	return t.Run(name, func(t *testing.T) {
		if why := exceptedHere(name); why != "" && !tryExceptions {
			t.Skip(why)
		}
		test(t)
	})
}

func exceptedHere(name string) string {
	if b := find(name); b != nil {
		return b.exception(Here())
	}
	return ""
}

// Budget returns how often the behaviour name is to be tried on this backend:
// rounds, connections, whatever its test counts. With -short it is a hundredth
// of that, and at least one. A name without a budget fails the test.
func Budget(t testing.TB, name string) int {
	t.Helper()
	b := find(name)
	if b == nil || b.Budget.Native == 0 {
		t.Fatalf("the table of behaviours has no budget for %s", name)
	}
	n := b.Budget.on(Here(), raceEnabled)
	if testing.Short() {
		n = max(n/100, 1)
	}
	return n
}
