package load_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/metalio/metalio/gen/load"
)

func TestSchemaFileIsCurrent(t *testing.T) {
	want, err := load.Schema()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../specs/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
		t.Error("specs/schema.json is stale; write it anew with: go run ./gen -schema > specs/schema.json")
	}
}

// compiled returns the schema as an independent validator reads it.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := load.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(s *jsonschema.Schema, name string) error {
	src, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var doc any
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return err
	}
	return s.Validate(doc)
}

// TestSchemaAcceptsSpecs validates every spec that the loader accepts, and that
// each names the schema to editors.
func TestSchemaAcceptsSpecs(t *testing.T) {
	s := compiled(t)
	for folder, schema := range map[string]string{
		"../../specs":                      "schema.json",
		"../../specs/base":                 "../schema.json",
		"../../testdata/golden/specs":      "",
		"../../testdata/golden/specs/base": "",
		"../../testdata/badspecs/base":     "",
	} {
		names, err := filepath.Glob(folder + "/*.yaml")
		if err != nil || len(names) == 0 {
			t.Fatalf("no specs in %s (%v)", folder, err)
		}
		for _, name := range names {
			if err := validate(s, name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			src, _ := os.ReadFile(name)
			if first := "# yaml-language-server: $schema=" + schema; schema != "" && !strings.HasPrefix(string(src), first) {
				t.Errorf("%s does not begin with %q", name, first)
			}
		}
	}
}

// TestSchemaRefuses holds the schema to the loader's own judgement on what one
// file shows by itself.
func TestSchemaRefuses(t *testing.T) {
	s := compiled(t)
	for _, name := range []string{
		"bad-go-name", "bad-type-name", "empty-value", "misspelled-endian", "misspelled-family", "misspelled-key",
		"misspelled-param-key", "misspelled-top-key", "number-fraction", "number-negative", "number-too-large",
		"quoted-number", "several-faults", "unknown-blocking", "unknown-call-convention", "unknown-convention",
		"unknown-direction", "unknown-fail-mode", "wrong-kind-list", "wrong-kind-mapping", "wrong-kind-text", "wrong-kind-truth",
	} {
		if err := validate(s, "../../testdata/badspecs/"+name+"/linux_amd64.yaml"); err == nil {
			t.Errorf("the schema accepts %s", name)
		}
	}
}
