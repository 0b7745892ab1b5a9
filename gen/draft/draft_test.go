package draft

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/metalio/metalio/gen/check"
	"github.com/metalio/metalio/gen/load"
	"github.com/metalio/metalio/gen/model"
	"github.com/metalio/metalio/gen/oracle"
)

const specs = "../../specs"

// drafter has no compiler: these tests hold what a user without one gets.
func drafter() Drafter { return Drafter{Specs: specs} }

func TestDraft(t *testing.T) {
	tests := []struct {
		target  string
		extends string
		lines   []string // that the draft must have, among others
		absent  []string // beginnings of lines that it must not have
	}{
		{
			target: "linux/riscv64", extends: "base/linux_generic.yaml",
			lines:  []string{"c_target: riscv64-linux-gnu"},
			absent: []string{"syscalls:", "constants:", "structs:", "data_model:", "endian:"},
		},
		{
			target: "linux/loong64", extends: "base/linux_generic.yaml",
			absent: []string{"syscalls:", "constants:", "structs:"},
		},
		{
			target: "linux/386", extends: "base/linux.yaml",
			lines: []string{
				"data_model: ilp32-i386",
				"  epoll_ctl: 255",
				"  fcntl: {number: 221, macro: SYS_fcntl64}",
				"  sendfile: {number: 239, macro: SYS_sendfile64}",
				"  ppoll: {number: 414, macro: SYS_ppoll_time64}",
				"  clock_gettime: {number: 403, macro: SYS_clock_gettime64}",
				"  timerfd_settime: {number: 411, macro: SYS_timerfd_settime64}",
				"  timerfd_gettime: {number: 410, macro: SYS_timerfd_gettime64}",
				"  recvmmsg: {number: 417, macro: SYS_recvmmsg_time64}",
			},
			absent: []string{"structs:", "constants:"},
		},
		{
			target: "linux/arm", extends: "base/linux.yaml",
			lines:  []string{"data_model: ilp32", "  epoll_ctl: 251", "  ppoll: {number: 414, macro: SYS_ppoll_time64}"},
			absent: []string{"structs:", "endian:"},
		},
		{
			target: "linux/mips", extends: "base/linux.yaml",
			lines: []string{
				"data_model: ilp32", "endian: big", "  socket options:", "      SOL_SOCKET: 0xffff", "      O_NONBLOCK: 0x80",
				"      SOCK_STREAM: 2", "      SOCK_DGRAM: 1", "      EPIOCSPARAMS: 0x80088a01", "  epoll_ctl: 4249",
				"      Bits: {type: \"uint64_t[2]\"}",
			},
		},
		{
			target: "linux/s390x", extends: "base/linux.yaml",
			lines:  []string{"endian: big", "  epoll_ctl: 250", "  clock_gettime: 260"},
			absent: []string{"data_model:", "constants:"},
		},
		{
			target: "freebsd/arm64", extends: "base/freebsd.yaml",
			lines:  []string{"c_target: aarch64-freebsd"},
			absent: []string{"syscalls:", "constants:", "structs:", "families:"},
		},
		{
			target: "freebsd/386", extends: "base/freebsd.yaml",
			lines: []string{"data_model: ilp32-i386", "      Udata: {opaque: uintptr}", "      ilp32-i386: {size: 56, offsets: [0, 4, 6, 8, 12, 20, 24]}"},
		},
		{
			target: "darwin/amd64", extends: "base/darwin.yaml",
			lines:  []string{"c_target: x86_64-macos"},
			absent: []string{"constants:", "structs:", "absent:"},
		},
		{
			target: "windows/arm64", extends: "base/windows.yaml",
			lines:  []string{"c_target: aarch64-windows-gnu"},
			absent: []string{"structs:", "data_model:"},
		},
		{
			target: "netbsd/arm64", extends: "base/netbsd.yaml",
			lines:  []string{"c_target: aarch64-netbsd"},
			absent: []string{"syscalls:", "constants:", "structs:", "families:"},
		},
		{
			target: "netbsd/386", extends: "base/netbsd.yaml",
			lines: []string{"data_model: ilp32-i386", "      Udata: {opaque: uintptr}", "      ilp32-i386: {size: 28, offsets: [0, 4, 8, 12, 16, 24]}"},
		},
		{
			target: "openbsd/arm64", extends: "base/openbsd.yaml",
			lines:  []string{"c_target: aarch64-openbsd"},
			absent: []string{"constants:", "structs:", "families:", "absent:"},
		},
		{
			target: "dragonfly/amd64", extends: "base/bsd.yaml",
			lines:  []string{"c_target: none", "convention: trap", "  kevent: 363", "      O_CLOEXEC: 0x20000", "  accept4: 541"},
			absent: []string{"  KeventT:"},
		},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			t.Parallel()
			goos, goarch, _ := strings.Cut(test.target, "/")
			d, err := drafter().New(goos, goarch)
			if err != nil {
				t.Fatal(err)
			}
			if d.Extends != test.extends {
				t.Errorf("extends %s, want %s", d.Extends, test.extends)
			}
			if d.Refused != nil {
				t.Errorf("the generator refuses it: %v", d.Refused)
			}
			lines := strings.Split(d.Text, "\n")
			for _, want := range test.lines {
				if !slices.Contains(lines, want) {
					t.Errorf("no line %q in\n%s", want, d.Text)
				}
			}
			for _, unwanted := range test.absent {
				if strings.Contains("\n"+d.Text, "\n"+unwanted) {
					t.Errorf("a line %q in\n%s", unwanted, d.Text)
				}
			}
			if d.ToCheckCount() > 0 != strings.Contains(d.Text, "# TO CHECK: ") {
				t.Errorf("%d facts to check, but the draft says\n%s", d.ToCheckCount(), d.Text)
			}
		})
	}
}

// wanted is the least share of a spec's facts that its draft must have without
// hand work, in percent, and wantedAlone without the C headers: of Windows,
// golang.org/x/sys knows few facts.
const (
	wanted      = 90
	wantedAlone = 75
)

func least(compiler string) int {
	if compiler == "" {
		return wantedAlone
	}
	return wanted
}

// A draft of a platform that has a spec must state the same facts: what it
// lacks or has otherwise is the hand work that was left.
func TestDraftReproducesSpecs(t *testing.T) {
	for _, want := range committed(t) {
		withAndWithoutCompiler(t, want.Name(), func(t *testing.T, compiler string) {
			d, err := Drafter{Specs: specs, Compiler: compiler}.New(want.GOOS, want.GOARCH)
			if err != nil {
				t.Fatal(err)
			}
			same, all := reproduced(t, d, want)
			if same != all {
				t.Errorf("%d facts differ from the spec's", all-same)
			}
			// Of the facts that come out right, those to check were taken on trust.
			drafted := 100 * (same - d.ToCheckCount()) / all
			t.Logf("%d of %d facts right, %d of them to check: %d%% drafted without hand work", same, all, d.ToCheckCount(), drafted)
			if drafted < least(compiler) {
				t.Errorf("%d%% drafted without hand work, want %d%%", drafted, least(compiler))
			}
		})
	}
}

// Without the system's own base, a draft starts from what the kqueue systems
// share: the test of how much of a new system needs no hand work.
func TestDraftOfNewSystem(t *testing.T) {
	lines := map[string][]string{
		"netbsd_amd64": {
			"families: [unix, bsd, netbsd]", "convention: trap",
			"      EVFILT_READ: 0", "      EVFILT_WRITE: 1", "      O_CLOEXEC: 0x400000",
			"      Filter: {type: uint32_t}", "      Flags: {type: uint32_t}",
			"      lp64: {size: 40, offsets: [0, 8, 12, 16, 24, 32]}",
			"  kevent: {number: 435, macro: SYS___kevent50}", "  socket: {number: 394, macro: SYS___socket30}", "  pipe2: 453",
		},
		"openbsd_amd64": {
			"families: [unix, bsd, openbsd]", "convention: libc", "library: libc.so", "      AF_INET6: 24",
			"      EVFILT_DEVICE: -8", "      Iovlen: {type: uint32_t}",
		},
	}
	for _, want := range committed(t) {
		if !slices.Contains(want.Families, "bsd") {
			continue
		}
		dir := withoutSystem(t, want.GOOS)
		withAndWithoutCompiler(t, want.Name(), func(t *testing.T, compiler string) {
			d, err := Drafter{Specs: dir, Compiler: compiler}.New(want.GOOS, want.GOARCH)
			if err != nil {
				t.Fatal(err)
			}
			if d.Extends != "base/bsd.yaml" || d.Refused != nil {
				t.Errorf("extends %s; refused: %v", d.Extends, d.Refused)
			}
			for _, line := range lines[want.Name()] {
				if !strings.Contains(d.Text, "\n"+line+"\n") {
					t.Errorf("no line %q in\n%s", line, d.Text)
				}
			}
			// NetBSD's call of that number returns the descriptors in registers.
			if strings.Contains(d.Text, "\n  pipe: 42\n") {
				t.Error("pipe has the number of another call")
			}
			same, all := reproduced(t, d, want)
			drafted := 100 * same / all
			t.Logf("%d of %d facts, %d%% drafted without hand work", same, all, drafted)
			if drafted < least(compiler) {
				t.Errorf("%d%% drafted without hand work, want %d%%", drafted, least(compiler))
			}
		})
	}
}

// withAndWithoutCompiler runs test with the C cross compiler, if it is there,
// and without.
func withAndWithoutCompiler(t *testing.T, name string, test func(t *testing.T, compiler string)) {
	t.Run(name+"/x_sys_alone", func(t *testing.T) { test(t, "") })
	t.Run(name+"/with_headers", func(t *testing.T) { test(t, compilerOrSkip(t)) })
}

func compilerOrSkip(t *testing.T) string {
	t.Helper()
	compiler := FindCompiler("../..")
	if compiler != "" {
		return compiler
	}
	if os.Getenv("METALIO_REQUIRE") == "all" {
		t.Fatal("the C cross compiler is missing; run 'make emulators'")
	}
	t.Skip("needs the C cross compiler: make emulators")
	return ""
}

// withoutSystem returns a copy of the specs as if goos had none yet.
func withoutSystem(t *testing.T, goos string) string {
	t.Helper()
	dir := copySpecs(t)
	own, err := filepath.Glob(filepath.Join(dir, goos+"_*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(own, filepath.Join(dir, "base", goos+".yaml")) {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// committed returns the platforms that have specs.
func committed(t *testing.T) []*model.Platform {
	t.Helper()
	platforms, err := load.Dir(specs)
	if err != nil {
		t.Fatal(err)
	}
	if err := check.All(platforms); err != nil {
		t.Fatal(err)
	}
	return platforms
}

// reproduced counts the facts of want, and those that d states alike.
func reproduced(t *testing.T, d *Draft, want *model.Platform) (same, all int) {
	t.Helper()
	got, spec := facts(load1(t, d)), facts(want)
	for _, key := range slices.Sorted(maps.Keys(spec)) {
		if got[key] == spec[key] {
			same++
			continue
		}
		t.Logf("by hand: %s: spec %q, draft %q", key, spec[key], got[key])
	}
	return same, len(spec)
}

// The C headers know what x/sys lacks: values, constants that a system does
// not have, and layouts.
func TestDraftWithHeaders(t *testing.T) {
	compiler := compilerOrSkip(t)
	tests := []struct {
		goos, goarch string
		lines        []string
	}{
		{"linux", "loong64", nil},
		{"windows", "arm64", nil},
		{"netbsd", "arm64", nil},
		{"openbsd", "386", nil},
	}
	for _, test := range tests {
		t.Run(test.goos+"_"+test.goarch, func(t *testing.T) {
			d, err := Drafter{Specs: specs, Compiler: compiler}.New(test.goos, test.goarch)
			if err != nil {
				t.Fatal(err)
			}
			if d.ToCheckCount() != 0 || d.FromHeaders == 0 || d.Refused != nil {
				t.Errorf("%d from the headers; to check: %q; refused: %v", d.FromHeaders, d.ToCheck, d.Refused)
			}
			lines := strings.Split(d.Text, "\n")
			for _, want := range test.lines {
				if !slices.Contains(lines, want) {
					t.Errorf("no line %q in\n%s", want, d.Text)
				}
			}
		})
	}
}

// load1 loads and checks d by itself.
func load1(t *testing.T, d *Draft) *model.Platform {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(specs)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, d.File()), []byte(d.Text), 0o644); err != nil {
		t.Fatal(err)
	}
	platforms, err := load.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := check.All(platforms); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(platforms, func(p *model.Platform) bool { return p.GOOS == d.GOOS && p.GOARCH == d.GOARCH })
	return platforms[i]
}

func facts(p *model.Platform) map[string]string {
	out := map[string]string{"c_target": p.CTarget, "data model": p.DataModel.Name, "convention": string(p.Convention), "library": p.Library}
	for _, f := range oracle.Facts(p) {
		out[f.Key()] = f.Want
	}
	return out
}

func TestRunWritesDraft(t *testing.T) {
	dir := copySpecs(t)
	var out bytes.Buffer
	dr := Drafter{Specs: dir}
	if err := dr.Run("linux/loong64", &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"extends base/linux_generic.yaml", "facts from the base", "to check: layout of struct EpollParams", "the generator accepts it"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the report\n%s", want, out.String())
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "linux_loong64.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "# TO CHECK: layout of struct EpollParams") {
		t.Errorf("the draft does not list what to check:\n%s", text)
	}

	if err := dr.Run("linux/loong64", &out); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second run: %v, want %v", err, fs.ErrExist)
	}
	again, err := os.ReadFile(filepath.Join(dir, "linux_loong64.yaml"))
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("the second run changed the draft (%v)", err)
	}
}

// TestReadmeFigures compares the walk-through of the README with what is drafted.
func TestReadmeFigures(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for goarch, says := range map[string]func(*Draft) string{
		"loong64": func(d *Draft) string {
			return fmt.Sprintf("\n%d facts from the base, %d from golang.org/x/sys, ", d.FromBase, d.FromXSys)
		},
		"mips": func(d *Draft) string { return fmt.Sprintf("linux/mips has %d such facts", d.FromXSys) },
	} {
		d, err := (Drafter{Specs: "../../specs"}).New("linux", goarch)
		if err != nil {
			t.Fatal(err)
		}
		if want := says(d); !strings.Contains(string(page), want) {
			t.Errorf("README.md does not have %q", want)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	tests := []struct{ target, want string }{
		{"linux", `-new "linux": expected GOOS/GOARCH, such as linux/riscv64`},
		{"linux/amd46", `-new linux/amd46: Go has no such port; did you mean "linux/amd64"?`},
		{"../x/y", `-new ../x/y: Go has no such port`},
		{"plan9/amd64", "-new plan9/amd64: no base spec fits plan9; expected one of darwin, dragonfly, freebsd, linux, netbsd, openbsd, windows"},
		{"windows/386", "-new windows/386: base/windows.yaml describes 64-bit Windows alone"},
		{"linux/amd64", "linux_amd64.yaml is there already: file already exists; edit it, or remove it first"},
	}
	dir := copySpecs(t)
	before := names(t, dir)
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.target, "/", "_"), func(t *testing.T) {
			err := Drafter{Specs: dir}.Run(test.target, new(bytes.Buffer))
			if err == nil || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
	if after := names(t, dir); !slices.Equal(before, after) {
		t.Errorf("a refused run left files: %v, before %v", after, before)
	}
}

// A fact that x/sys lacks and a base that gives it no value stay refused, and
// the message names the user's own files.
func TestRefusedDraftNamesTheSpecs(t *testing.T) {
	dir := copySpecs(t)
	base := filepath.Join(dir, "base", "linux.yaml")
	text, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, []byte("\n  invented_call:\n    go: InventedCall\n    doc: does nothing.\n    source: none\n    blocking: never\n    returns: none\n")...)
	if err := os.WriteFile(base, text, 0o644); err != nil {
		t.Fatal(err)
	}
	// The specs that are there must stay valid, or nothing can be judged.
	others, err := filepath.Glob(filepath.Join(dir, "linux_*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range others {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("\nabsent: [invented_call]\n"); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Drafter{Specs: dir}.New("linux", "s390x")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(d.ToCheck, "call invented_call: no number found; give one under syscalls, or name it under absent") {
		t.Errorf("to check: %q", d.ToCheck)
	}
	own := filepath.ToSlash(filepath.Join(dir, d.File()))
	if d.Refused == nil || !strings.HasPrefix(d.Refused.Error(), own+":") || !strings.Contains(d.Refused.Error(), "invented_call") {
		t.Errorf("refused: %v\nwant a fault in %s", d.Refused, own)
	}
}

func copySpecs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(specs)); err != nil {
		t.Fatal(err)
	}
	// Platforms that the tests draft must not have a spec yet.
	for _, name := range []string{"linux_loong64.yaml", "linux_s390x.yaml"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return dir
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
