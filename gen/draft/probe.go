package draft

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/metalio/metalio/gen/model"
	"github.com/metalio/metalio/gen/oracle"
)

// probe asks the platform's C headers for what x/sys does not know. Each
// answer is a run of letters in the object file, one for every four bits, so
// that no object format has to be understood.
func (w *work) probe() {
	if w.target() == "" {
		w.toCheck(0, "the C cross compiler has no headers of %s: everything that is taken from golang.org/x/sys alone", systems[w.draft.GOOS])
	}
	if w.drafter.Compiler == "" || w.target() == "" {
		return
	}
	w.probeConstants()
	w.probeRelatives()
	w.probeNumbers()
}

func (w *work) probeConstants() {
	answers, ok := w.askConstants(w.unknown.consts)
	if !ok {
		return
	}
	var left []unknownConst
	for i, u := range w.unknown.consts {
		v, defined := answers[i]
		switch {
		case u.c.C != "", !defined && w.ownBase:
			left = append(left, u)
			continue
		case !defined: // the system does not have what its relatives have
			w.set(u.group, u.c.Name, "")
		case !v.equals(number{u.c.Value, u.c.Unsigned}):
			w.set(u.group, u.c.Name, v.format(u.c.Text))
		}
		w.draft.FromHeaders++
	}
	w.unknown.consts = left
}

// probeRelatives adds the constants that only the headers have here.
func (w *work) probeRelatives() {
	answers, ok := w.askConstants(w.unknown.relatives)
	if !ok {
		return
	}
	for i, u := range w.unknown.relatives {
		if v, defined := answers[i]; defined {
			w.set(u.group, u.c.Name, v.format(u.c.Text))
			w.draft.FromHeaders++
		}
	}
	w.unknown.relatives = nil
}

func (w *work) askConstants(consts []unknownConst) (map[int]number, bool) {
	var questions []question
	for _, u := range consts {
		questions = append(questions, question{macro: u.c.Name, header: u.group.Header})
	}
	answers, err := w.ask(questions)
	if err != nil {
		w.toCheck(0, "the C headers could not be asked for constants: %v", err)
	}
	return answers, err == nil
}

func (w *work) probeNumbers() {
	var questions []question
	for _, c := range w.unknown.calls {
		questions = append(questions, question{macro: "SYS_" + c.Name, header: "sys/syscall.h"})
	}
	answers, err := w.ask(questions)
	if err != nil {
		w.toCheck(0, "the C headers could not be asked for call numbers: %v", err)
		return
	}
	var left []*model.Call
	for i, c := range w.unknown.calls {
		v, defined := answers[i]
		if !defined || c.Convention != model.Trap {
			left = append(left, c)
			continue
		}
		w.numbers = append(w.numbers, numberChange{name: c.Name, number: v.bits})
		w.draft.FromHeaders++
	}
	w.unknown.calls = left
}

// confirm lets the header oracle judge the finished draft p, which it can for
// more than values: layouts, symbols, and constants that are C expressions.
func (w *work) confirm(p *model.Platform) {
	if w.drafter.Compiler == "" || w.target() == "" {
		return
	}
	verdict, err := oracle.Headers(w.drafter.Compiler, p)
	if err != nil {
		w.toCheck(0, "the C headers could not judge the draft: %v", err)
		return
	}
	for _, f := range verdict.Failures {
		delete(verdict.Known, f.Key())
		w.toCheck(1, "%s: %s", f.Fact, f.Reason)
	}
	agrees := func(kind oracle.Kind, name string) bool {
		known := verdict.Known[oracle.Fact{Kind: kind, Name: name}.Key()]
		if known {
			w.draft.FromHeaders++
		}
		return known
	}
	w.unknown.consts = slices.DeleteFunc(w.unknown.consts, func(u unknownConst) bool { return agrees(oracle.Constant, u.c.Name) })
	w.unknown.calls = slices.DeleteFunc(w.unknown.calls, func(c *model.Call) bool { return agrees(oracle.Symbol, c.Name) })
	w.unknown.structs = slices.DeleteFunc(w.unknown.structs, func(s *model.Struct) bool {
		for _, f := range s.Fields {
			if !verdict.Known[oracle.Fact{Kind: oracle.Offset, Name: s.Name + "." + f.Name}.Key()] {
				return false
			}
		}
		return agrees(oracle.Size, s.Name)
	})
}

// question asks for a macro's value.
type question struct {
	macro  string
	header string // besides the platform's own
}

var answerForm = regexp.MustCompile(`metalio:(\d{4}):([a-p]{16});`)

// ask returns the answers by the questions' places. A macro that is not defined
// has none.
func (w *work) ask(questions []question) (map[int]number, error) {
	if len(questions) == 0 {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	source, object := filepath.Join(dir, "probe.c"), filepath.Join(dir, "probe.o")
	if err := os.WriteFile(source, []byte(w.program(questions)), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command(w.drafter.Compiler, "-target", w.target(), "-w", "-g0", "-c", "-o", object, source)
	if out, err := cmd.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return nil, fmt.Errorf("%w: %s", err, first)
	}
	contents, err := os.ReadFile(object)
	if err != nil {
		return nil, err
	}
	answers := map[int]number{}
	for _, m := range answerForm.FindAllSubmatch(contents, -1) {
		i, err := strconv.Atoi(string(m[1]))
		if err != nil {
			return nil, err
		}
		var bits uint64
		for _, letter := range m[2] {
			bits = bits<<4 | uint64(letter-'a')
		}
		answers[i] = number{bits: int64(bits)}
	}
	return answers, nil
}

func (w *work) program(questions []question) string {
	var b strings.Builder
	for _, d := range w.base.Defines {
		name, value, _ := strings.Cut(d, "=")
		fmt.Fprintf(&b, "#define %s %s\n", name, value)
	}
	headers := slices.Clone(w.base.Headers)
	for _, q := range questions {
		if q.header != "" && !slices.Contains(headers, q.header) {
			headers = append(headers, q.header)
		}
	}
	for _, h := range headers {
		fmt.Fprintf(&b, "#if __has_include(<%s>)\n#include <%s>\n#endif\n", h, h)
	}
	b.WriteString("#define N(v, shift) (char)('a' + (((unsigned long long)(v) >> shift) & 15))\n")
	for i, q := range questions {
		fmt.Fprintf(&b, "#ifdef %s\n", q.macro)
		fmt.Fprintf(&b, "const char metalio_probe_%d[] = {'m','e','t','a','l','i','o',':'", i)
		for _, digit := range fmt.Sprintf("%04d:", i) {
			fmt.Fprintf(&b, ",%q", digit)
		}
		for shift := 60; shift >= 0; shift -= 4 {
			fmt.Fprintf(&b, ",N(%s,%d)", q.macro, shift)
		}
		b.WriteString(",';'};\n#endif\n")
	}
	return b.String()
}

// cArch and cSystem spell Go's names as the C compiler's -target does.
var (
	cArch = map[string]string{
		"386": "x86", "amd64": "x86_64", "arm64": "aarch64", "loong64": "loongarch64", "mips64": "mips64", "mipsle": "mipsel",
		"mips64le": "mips64el", "ppc64": "powerpc64", "ppc64le": "powerpc64le",
	}
	cSystem = map[string]string{
		"darwin": "macos", "freebsd": "freebsd", "linux": "linux-gnu", "netbsd": "netbsd", "openbsd": "openbsd", "windows": "windows-gnu",
	}
	// cABI replaces linux-gnu where a processor has more than one.
	cABI = map[string]string{
		"arm": "linux-gnueabihf", "mips": "linux-gnueabihf", "mipsle": "linux-gnueabihf", "mips64": "linux-gnuabi64", "mips64le": "linux-gnuabi64",
	}
)

// FindCompiler returns the C cross compiler of the module at root, or nothing
// if it is not installed.
func FindCompiler(root string) string {
	name := filepath.Join(root, "testdata", "emulators", "zigcc")
	if exec.Command(name, "--version").Run() != nil {
		return ""
	}
	absolute, err := filepath.Abs(name)
	if err != nil {
		return ""
	}
	return absolute
}

// target is the C compiler's name of the platform; empty if it has no headers
// for the system.
func (w *work) target() string {
	system := cSystem[w.draft.GOOS]
	if system == "" {
		return ""
	}
	arch := w.draft.GOARCH
	if abi := cABI[arch]; abi != "" && w.draft.GOOS == "linux" {
		system = abi
	}
	if name := cArch[arch]; name != "" {
		arch = name
	}
	return arch + "-" + system
}
