package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalio/metalio/gen/check"
	"github.com/metalio/metalio/gen/load"
	"github.com/metalio/metalio/gen/model"
)

var update = flag.Bool("update", false, "write the expected files anew, for review with git diff")

// TestBadSpecs loads and checks every folder of testdata/badspecs and compares
// the whole message with the .txt file beside the folder.
func TestBadSpecs(t *testing.T) {
	t.Chdir(filepath.Join("..", "testdata", "badspecs"))
	for _, name := range badSpecs(t) {
		t.Run(name, func(t *testing.T) {
			err := loadAndCheck(name)
			if err == nil {
				t.Fatal("the spec was accepted")
			}
			if list, ok := errors.AsType[model.Errors](err); !ok || len(list) == 0 {
				t.Errorf("the error is a %T without a place", err)
			}
			compareWithFile(t, name+".txt", []byte(err.Error()+"\n"))
		})
	}
}

// badSpecs lists the folders of the current directory that hold a bad spec.
func badSpecs(t *testing.T) []string {
	found, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range found {
		if f.IsDir() && f.Name() != "base" {
			names = append(names, f.Name())
		}
	}
	if len(names) < 30 {
		t.Fatalf("only %d bad specs found", len(names))
	}
	return names
}

func loadAndCheck(dir string) error {
	platforms, err := load.Dir(dir)
	if err != nil {
		return err
	}
	return check.All(platforms)
}

func compareWithFile(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ReplaceAll(string(want), "\r\n", "\n"); text != string(got) {
		t.Errorf("%s differs\n--- got\n%s--- want\n%s", name, got, text)
	}
}
