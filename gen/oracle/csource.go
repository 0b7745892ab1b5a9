package oracle

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/metalio/metalio/gen/model"
)

// marker stands before the index of a fact in the name that a line directive
// gives its line, and so in whatever the compiler prints of it.
const marker = "metalio-fact-"

// A 32-bit constant may be signed in C and written unsigned in the spec, or
// the other way round: the bits decide, of the width that C gives it.
const preamble = `
#define METALIO_SAME(c, bits) ((unsigned long long)(c) == (bits) || \
	(sizeof(c) <= 4 && (unsigned int)(c) == (unsigned int)(bits) && \
	 ((bits) <= 0xffffffffULL || (bits) >= 0xffffffff80000000ULL)))
`

// CSource returns a C file with one assertion for each fact of p, to be
// compiled for p's c_target. Facts that the headers do not know, such as those
// marked unproved, fail to compile by themselves and leave the others alone.
func CSource(p *model.Platform) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Facts of %s, for the C compiler's target %s.\n", p.Name(), p.CTarget)
	for _, d := range p.Defines {
		name, value, _ := strings.Cut(d, "=")
		fmt.Fprintf(&b, "#define %s %s\n", name, value)
	}
	b.WriteByte('\n')
	for _, h := range p.Headers {
		fmt.Fprintf(&b, "#include <%s>\n", h)
	}
	b.WriteString(preamble)
	for i, f := range Facts(p) {
		if f.c != "" {
			fmt.Fprintf(&b, "\n#line 1 \"%s%d\"\n%s", marker, i, assertion(f))
		}
	}
	return b.Bytes()
}

// assertion is one line, because the line directive before it names the fact.
func assertion(f Fact) string {
	if f.Kind == Symbol {
		return fmt.Sprintf("extern __typeof__(&%s) metalio_%s; // %s\n", f.c, f.c, f.Pos)
	}
	return fmt.Sprintf("_Static_assert(METALIO_SAME(%s, 0x%xULL), %q);\n", f.c, f.bits, fmt.Sprintf("%s: %s", f.Pos, f))
}

// Headers compiles CSource(p) with the C cross compiler at path compiler (zig
// cc, or what takes the same arguments) and says what the headers know. An
// error is a fault that belongs to no fact: the compiler is missing, the
// target unknown, a header not there or broken.
func Headers(compiler string, p *model.Platform) (Verdict, error) {
	if p.CTarget == model.NoHeaders {
		return Verdict{Known: map[string]bool{}}, nil
	}
	if p.CTarget == "" {
		return Verdict{}, fmt.Errorf("%s: the spec names no c_target", p.Pos.File)
	}
	dir, err := os.MkdirTemp("", "metalio-oracle")
	if err != nil {
		return Verdict{}, err
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, p.Name()+".c")
	if err := os.WriteFile(source, CSource(p), 0o600); err != nil {
		return Verdict{}, err
	}
	cmd := exec.Command(compiler, "-target", p.CTarget, "-std=gnu11", "-w", "-ferror-limit=0", "-c", "-o", filepath.Join(dir, "facts.o"), source)
	output, err := cmd.CombinedOutput()
	v, explained := read(p, output)
	if err != nil && !explained {
		return Verdict{}, fmt.Errorf("compile the facts of %s: %w\n%s", p.Name(), err, output)
	}
	return v, nil
}

var (
	complaint = regexp.MustCompile(`(?m)^(.*): (?:fatal )?error: (.*)$`)
	noMember  = regexp.MustCompile(`^no member named (\S+) in`)
	ofFact    = regexp.MustCompile(`^` + marker + `(\d+):`)
)

// read takes in what the compiler said. A failed assertion is a contradiction,
// and so is a member that the structure does not have; any other error in a
// fact's line means that the headers do not know it.
// explained is whether there were errors, all in the lines of facts.
func read(p *model.Platform, output []byte) (v Verdict, explained bool) {
	facts := Facts(p)
	v.Known = map[string]bool{}
	for _, f := range facts {
		if f.c != "" {
			v.Known[f.Key()] = true
		}
	}
	errors := complaint.FindAllSubmatch(output, -1)
	for _, m := range errors {
		at := ofFact.FindSubmatch(m[1])
		if at == nil {
			return v, false
		}
		i, err := strconv.Atoi(string(at[1]))
		if err != nil || i >= len(facts) {
			return v, false
		}
		if bytes.HasPrefix(m[2], []byte("static assertion failed")) {
			v.Failures = append(v.Failures, Failure{Fact: facts[i], Reason: "the C headers of " + p.CTarget + " differ"})
			continue
		}
		if n := len(v.Failures); n > 0 && v.Failures[n-1].Key() == facts[i].Key() {
			continue // the assertion names the member more than once
		}
		if member := noMember.FindSubmatch(m[2]); member != nil && facts[i].Unproved == "" {
			v.Failures = append(v.Failures, Failure{Fact: facts[i], Reason: fmt.Sprintf("the C headers of %s have no member %s there", p.CTarget, member[1])})
			continue
		}
		delete(v.Known, facts[i].Key())
	}
	return v, len(errors) > 0
}
