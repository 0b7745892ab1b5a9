package main

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

func TestTour(t *testing.T) {
	var out strings.Builder
	err := tour(&out)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no backend for " + runtime.GOOS + " yet")
	}
	if err != nil {
		t.Fatalf("%v, after\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "came back: metal I/O for Go") {
		t.Errorf("the last stop is missing:\n%s", &out)
	}
}
