package metalio_test

import (
	"fmt"
	"testing"

	"github.com/metalio/metalio"
)

func ExampleInterest() {
	fmt.Println(metalio.Readable | metalio.Priority)
	// Output: readable|priority
}

func TestInterestString(t *testing.T) {
	for _, c := range []struct {
		interest metalio.Interest
		want     string
	}{
		{0, "none"},
		{metalio.Writable, "writable"},
		{metalio.AllInterests, "readable|writable|priority"},
		{metalio.Readable | 0x80, "readable|unknown"},
	} {
		if got := c.interest.String(); got != c.want {
			t.Errorf("Interest(%#x).String() = %q, want %q", uint8(c.interest), got, c.want)
		}
	}
}

func TestZeroAllocsInterest(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _ = metalio.Interest(0).String() }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
