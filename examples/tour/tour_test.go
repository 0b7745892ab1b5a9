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
	for _, want := range []string{
		"came back: metal I/O for Go",
		"clients of package net that came: 1000\n",
		"registrations when all had left: 1\n",
		"handled: writable, readable, message from another goroutine, timer",
		"threads that handled them: 1,",
		"goroutines of the process",
		"threads of the process",
		"objects allocated during 100000 events: 0\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, want := range []string{"timer, signal interrupt\n", "\n   signals: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}
