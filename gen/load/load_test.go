package load_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/metalio/metalio/gen/load"
	"github.com/metalio/metalio/gen/model"
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

// specs writes files by name into a new folder and returns it. The file
// base/least.yaml, with what every platform needs, is always there.
func specs(t testing.TB, files map[string]string) string {
	dir := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("base/least.yaml", least)
	for name, text := range files {
		write(name, text)
	}
	return dir
}

const least = `families: [unix]
data_model: tiny
endian: little
convention: trap
data_models:
  tiny:
    {char: [1, 1], signed char: [1, 1], unsigned char: [1, 1], short: [2, 2], unsigned short: [2, 2], int: [4, 4], unsigned int: [4, 4],
     long: [4, 4], unsigned long: [4, 4], long long: [8, 8], unsigned long long: [8, 8], pointer: [8, 8]}
`

// one loads a folder that holds one platform.
func one(t *testing.T, files map[string]string) *model.Platform {
	t.Helper()
	platforms, err := load.Dir(specs(t, files))
	if err != nil {
		t.Fatal(err)
	}
	if len(platforms) != 1 {
		t.Fatalf("loaded %d platforms, want one", len(platforms))
	}
	return platforms[0]
}

func TestNumbers(t *testing.T) {
	p := one(t, map[string]string{"linux_amd64.yaml": `extends: [base/least.yaml]
constants:
  numbers:
    values:
      STATUS_CANCELLED: 0xC0000120
      INVALID: -1
      LEAST: -9223372036854775808
      MOST: 18446744073709551615
      TOP: 0x8000000000000000
      OCTAL: 0o17
      SPELLED: {value: 7, c: (1 + 6)}
`})
	want := []struct {
		name     string
		value    int64
		unsigned bool
		text, c  string
	}{
		{"STATUS_CANCELLED", 0xC0000120, false, "0xC0000120", ""},
		{"INVALID", -1, false, "-1", ""},
		{"LEAST", -1 << 63, false, "-9223372036854775808", ""},
		{"MOST", -1, true, "18446744073709551615", ""},
		{"TOP", -1 << 63, true, "0x8000000000000000", ""},
		{"OCTAL", 15, false, "0o17", ""},
		{"SPELLED", 7, false, "7", "(1 + 6)"},
	}
	got := p.Groups[0].Consts
	if len(got) != len(want) {
		t.Fatalf("%d constants, want %d", len(got), len(want))
	}
	for i, w := range want {
		c := got[i]
		if c.Name != w.name || c.Value != w.value || c.Unsigned != w.unsigned || c.Text != w.text || c.C != w.c {
			t.Errorf("constant %d is %+v, want %+v", i, *c, w)
		}
	}
}

func TestMergeByName(t *testing.T) {
	p := one(t, map[string]string{
		"base/middle.yaml": `extends: [least.yaml]
families: [unix, bsd]
headers: [a.h, b.h]
types: {off_t: {c: long, go: Off, doc: an offset}}
constants: {flags: {header: a.h, values: {A: 1, B: 2}}}
structs:
  Pair:
    c: struct pair
    fields: {First: {c: first, type: int}, Second: {c: second, type: int}}
    expect: {tiny: {size: 8, offsets: [0, 4]}}
calls:
  one: {go: One, blocking: never, params: {fd: int, p: void *}, returns: none}
  two: {go: Two, blocking: maybe, returns: int}
syscalls: {one: 1}
`,
		"freebsd_arm64.yaml": `extends: [base/middle.yaml]
families: [unix, bsd, freebsd]
headers: [b.h, c.h]
types: {off_t: long long}
constants: {flags: {values: {B: 0x20, C: 3}}, more: {values: {D: 4}}}
structs:
  Pair: {packed: true, fields: {Second: {type: short}}, expect: {tiny: {size: 6, offsets: [0, 4]}}}
calls:
  one: {returns: long, params: {p: {dir: out}}}
  three: {go: Three, blocking: never, returns: {type: int, fails: never}}
absent: [two]
syscalls: {three: {number: 3, macro: NR_three}}
`})
	if want := []string{"a.h", "b.h", "c.h"}; !reflect.DeepEqual(p.Headers, want) {
		t.Errorf("headers %v, want %v", p.Headers, want)
	}
	if want := []string{"unix", "bsd", "freebsd"}; !reflect.DeepEqual(p.Families, want) {
		t.Errorf("families %v, want %v", p.Families, want)
	}
	if td := p.Typedefs[0]; td.C != "long long" || td.Go != "Off" || td.Doc != "an offset" {
		t.Errorf("off_t is %+v", *td)
	}
	var consts []string
	for _, g := range p.Groups {
		for _, c := range g.Consts {
			consts = append(consts, g.Name+" "+c.Name+" "+c.Text)
		}
	}
	if want := []string{"flags A 1", "flags B 0x20", "flags C 3", "more D 4"}; !reflect.DeepEqual(consts, want) {
		t.Errorf("constants %q, want %q", consts, want)
	}
	s := p.Structs[0]
	if !s.Packed || s.C != "struct pair" || s.Fields[1].C != "second" || s.Fields[1].Type.Base != "short" || s.Fields[1].At != -1 || s.Expect["tiny"].Size != 6 {
		t.Errorf("Pair is %+v with second field %+v", *s, *s.Fields[1])
	}
	if file := filepath.Base(s.Pos.File); file != "freebsd_arm64.yaml" {
		t.Errorf("Pair is placed in %s, not in the file that last touched it", file)
	}
	call := func(i int) model.Call { return *p.Calls[i] }
	if c := call(0); c.Number != 1 || c.Returns.None || c.Returns.Type.Base != "long" || c.Returns.Fails != model.FailsErrno || c.Params[1].Dir != model.Out || c.Family != "bsd" {
		t.Errorf("one is %+v", c)
	}
	if c := call(1); !c.Absent || c.Number != -1 || c.Blocking != model.Maybe {
		t.Errorf("two is %+v", c)
	}
	if c := call(2); c.Number != 3 || c.NumberMacro != "NR_three" || c.Returns.Fails != model.FailsNever || c.Family != "freebsd" {
		t.Errorf("three is %+v", c)
	}
}

// TestOrder puts a parameter in front of another by naming all of them, and
// leaves the order alone otherwise.
func TestOrder(t *testing.T) {
	for over, want := range map[string]string{
		"{c: int}":                        "a b c",
		"{b: long}":                       "a b",
		"{a: int, mask: int, b: int}":     "a mask b",
		"{b: int, mask: int}":             "a b mask",
		"{mask: int, b: long, a: long *}": "mask b a",
	} {
		p := one(t, map[string]string{
			"base/calls.yaml":  "extends: [least.yaml]\ncalls: {one: {go: One, blocking: never, params: {a: int, b: int}, returns: none}}\n",
			"linux_amd64.yaml": "extends: [base/calls.yaml]\ncalls: {one: {params: " + over + "}}\n",
		})
		var got []string
		for _, param := range p.Calls[0].Params {
			got = append(got, param.Name)
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s over {a, b} gives %s, want %s", over, text, want)
		}
	}
}

// TestDiamond has two middle files that extend one: what the second middle
// file overrides must not be undone by reading the common one again.
func TestDiamond(t *testing.T) {
	p := one(t, map[string]string{
		"base/top.yaml":    "extends: [least.yaml]\nheaders: [top.h]\nconstants: {g: {values: {A: 1, B: 1, C: 1}}}\n",
		"base/left.yaml":   "extends: [top.yaml]\nheaders: [left.h]\nconstants: {g: {values: {A: 2, B: 2}}}\n",
		"base/right.yaml":  "extends: [top.yaml]\nheaders: [right.h]\nconstants: {g: {values: {B: 3}}}\n",
		"linux_amd64.yaml": "extends: [base/left.yaml, base/right.yaml]\n",
	})
	if want := []string{"top.h", "left.h", "right.h"}; !reflect.DeepEqual(p.Headers, want) {
		t.Errorf("headers %v, want %v", p.Headers, want)
	}
	for i, want := range []int64{2, 3, 1} {
		if c := p.Groups[0].Consts[i]; c.Value != want {
			t.Errorf("%s = %d, want %d", c.Name, c.Value, want)
		}
	}
}

// TestPlatformsShareNothing changes one platform's model and looks for it in
// another's: check fills in layouts that differ.
func TestPlatformsShareNothing(t *testing.T) {
	dir := specs(t, map[string]string{
		"base/shared.yaml": "extends: [least.yaml]\nstructs: {One: {fields: {A: int}, expect: {tiny: {size: 4, offsets: [0]}}}}\ncalls: {one: {go: One, blocking: never, params: {fd: int}, returns: none}}\n",
		"linux_amd64.yaml": "extends: [base/shared.yaml]\nsyscalls: {one: 1}\n",
		"linux_arm64.yaml": "extends: [base/shared.yaml]\nsyscalls: {one: 2}\n",
	})
	platforms, err := load.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, b := platforms[0], platforms[1]
	if a.Calls[0].Number != 1 || b.Calls[0].Number != 2 {
		t.Errorf("numbers %d and %d, want 1 and 2", a.Calls[0].Number, b.Calls[0].Number)
	}
	a.Structs[0].Fields[0].Offset = 99
	a.Structs[0].Expect["tiny"].Offsets[0] = 99
	a.Calls[0].Params[0].GoType = "changed"
	if b.Structs[0].Fields[0].Offset != 0 || b.Structs[0].Expect["tiny"].Offsets[0] != 0 || b.Calls[0].Params[0].GoType != "" {
		t.Error("two platforms share part of their model")
	}
}

// TestLineEnds proves that a spec checked out with another line ending is
// placed and printed as the same spec.
func TestLineEnds(t *testing.T) {
	const spec = "extends: [base/least.yaml]\n\ncalls:\n  one:\n    # what it does\n    go: One\n    blocking: somtimes\n"
	for _, end := range []string{"\n", "\r\n", "\r"} {
		dir := specs(t, map[string]string{"linux_amd64.yaml": strings.ReplaceAll(spec, "\n", end)})
		_, err := load.Dir(dir)
		const want = ":7:15: blocking of call one is \"somtimes\"\n        blocking: somtimes\n                  ^\n    expected one of never, maybe"
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("with line end %q: %v\nwant it to end with %s", end, err, want)
		}
	}
}

// TestUnreadableFile has what no spec can be where one should be. None of it may
// be passed over, which would drop a platform, and none may be read for ever.
func TestUnreadableFile(t *testing.T) {
	const name = "linux_arm64.yaml"
	for _, c := range []struct {
		what, want string
		make       func(name string) error
	}{
		{"a folder", "it is a folder", func(name string) error { return os.Mkdir(name, 0o755) }},
		{"a long file", "and a spec has at most 262144", func(name string) error {
			return os.WriteFile(name, bytes.Repeat([]byte("# a comment\n"), 30_000), 0o644)
		}},
		{"a link to nothing", "there is no such file", func(name string) error { return os.Symlink("nothing", name) }},
		{"a link to itself", "", func(name string) error { return os.Symlink(filepath.Base(name), name) }},
		{"a device without end", "it is no regular file", func(name string) error { return os.Symlink("/dev/zero", name) }},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := specs(t, map[string]string{"linux_amd64.yaml": "extends: [base/least.yaml]\n"})
			if err := c.make(filepath.Join(dir, name)); err != nil {
				t.Skip(err) // links, on Windows
			}
			if _, err := os.Stat("/dev/zero"); c.what == "a device without end" && err != nil {
				t.Skip(err)
			}
			_, err := load.Dir(dir)
			if list, ok := errors.AsType[model.Errors](err); !ok || len(list) != 1 || filepath.Base(list[0].File) != name {
				t.Fatalf("the error is %v", err)
			}
			if !strings.Contains(err.Error(), name+": cannot read ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), `mean "`+filepath.ToSlash(dir)+"/"+name) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// FuzzLoad feeds the loader any bytes as a platform file. It must not panic,
// and every error must name a place inside the file.
func FuzzLoad(f *testing.F) {
	seeds, err := filepath.Glob("../../testdata/badspecs/*/*.yaml")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds (%v)", err)
	}
	seeds = append(seeds, "../../testdata/badspecs/base/small.yaml", "../../specs/base/windows.yaml")
	for _, name := range seeds {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	dir := specs(f, nil)
	name := filepath.Join(dir, "linux_amd64.yaml")
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 256<<10 {
			t.Skip("refused without being read: TestUnreadableFile")
		}
		if err := os.WriteFile(name, src, 0o644); err != nil {
			t.Fatal(err)
		}
		platforms, err := load.Dir(dir)
		if err == nil {
			if len(platforms) != 1 {
				t.Errorf("no error and %d platforms", len(platforms))
			}
			return
		}
		list, ok := errors.AsType[model.Errors](err)
		if !ok || len(list) == 0 || platforms != nil {
			t.Fatalf("a bad spec gives %d platforms and the error %T: %v", len(platforms), err, err)
		}
		lines := strings.Split(model.Newlines(string(src)), "\n")
		for _, e := range list {
			if filepath.Base(e.File) != "linux_amd64.yaml" || e.Line < 1 || e.Col < 1 || e.Line > len(lines) || e.Msg == "" {
				t.Errorf("error without a place in the file: %v", e)
			}
			_ = e.Error() // must not panic on any place
		}
	})
}
