package load_test

import (
	"testing"

	"github.com/metalio/metalio/gen/load"
)

func TestProjectSpecsLoad(t *testing.T) {
	platforms, err := load.Dir("../../specs")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range platforms {
		if len(p.Calls) == 0 || len(p.Structs) == 0 || len(p.Groups) == 0 {
			t.Errorf("%s has %d calls, %d structs, %d groups of constants", p.Name(), len(p.Calls), len(p.Structs), len(p.Groups))
		}
	}
}
