package oracle

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/metalio/metalio/gen/check"
	"github.com/metalio/metalio/gen/load"
	"github.com/metalio/metalio/gen/model"
)

func TestMain(m *testing.M) {
	// Positions then name the specs as a user at the module's root does.
	if err := os.Chdir(filepath.Join("..", "..")); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// platforms reads the specs and completes them. Each call gives a copy of its
// own, which a test may spoil.
func platforms(t *testing.T) []*model.Platform {
	t.Helper()
	if os.Getenv("METALIO_EXEC") != "" {
		t.Skip("the oracles judge every platform from any host: they run natively")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the oracles need the go command, which is not there for an emulated program")
	}
	all, err := load.Dir("specs")
	if err != nil {
		t.Fatal(err)
	}
	if err := check.All(all); err != nil {
		t.Fatal(err)
	}
	return all
}

// compiler returns the path of the C cross compiler, or skips the test.
func compiler(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("testdata/emulators/zigcc")
	if err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(path, "--version").CombinedOutput(); err != nil {
		reason := fmt.Sprintf("no C cross compiler: %v: %s", err, output)
		if os.Getenv("METALIO_REQUIRE") == "all" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	return path
}

// headers compiles the facts of p.
func headers(t *testing.T, p *model.Platform) Verdict {
	t.Helper()
	v, err := Headers(compiler(t), p)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// xsysCache holds x/sys by platform: reading it takes seconds, and it does not
// depend on the specs.
var xsysCache sync.Map

func xsys(t *testing.T, p *model.Platform) Verdict {
	t.Helper()
	if x, ok := xsysCache.Load(p.Name()); ok {
		return x.(*XSys).Compare(p)
	}
	x, err := LoadXSys(p)
	if err != nil {
		t.Fatal(err)
	}
	xsysCache.Store(p.Name(), x)
	return x.Compare(p)
}

type judge struct {
	name  string // as the tests print it
	judge func(*testing.T, *model.Platform) Verdict
}

var oracles = []judge{{"headers", headers}, {"xsys", xsys}}

var verdicts sync.Map

// verdict is what o says of p as the specs have it, asked for once.
func verdict(t *testing.T, o judge, p *model.Platform) Verdict {
	t.Helper()
	key := o.name + "/" + p.Name()
	if v, ok := verdicts.Load(key); ok {
		return v.(Verdict)
	}
	v := o.judge(t, p)
	verdicts.Store(key, v)
	return v
}

func TestSpecsHold(t *testing.T) {
	for _, o := range oracles {
		for _, p := range platforms(t) {
			t.Run(o.name+"/"+p.Name(), func(t *testing.T) {
				v := verdict(t, o, p)
				for _, f := range v.Failures {
					t.Error(f)
				}
				t.Logf("%s: %s known of %d facts", o.name, counts(Facts(p), v), len(Facts(p)))
			})
		}
	}
}

// counts says how many facts of each kind the verdict knows.
func counts(facts []Fact, v Verdict) string {
	var parts []string
	for _, k := range Kinds {
		n := 0
		for _, f := range facts {
			if f.Kind == k && v.Known[f.Key()] {
				n++
			}
		}
		parts = append(parts, fmt.Sprintf("%d %ss", n, k))
	}
	return strings.Join(parts, ", ")
}

// Every fact is proved by an oracle, or says why none knows it.
func TestEveryFactIsProvedOrSaysWhyNot(t *testing.T) {
	for _, p := range platforms(t) {
		t.Run(p.Name(), func(t *testing.T) {
			byHeaders, byXSys := verdict(t, oracles[0], p), verdict(t, oracles[1], p)
			both, neither := 0, 0
			for _, f := range Facts(p) {
				inHeaders, inXSys := byHeaders.Known[f.Key()], byXSys.Known[f.Key()]
				switch {
				case !inHeaders && !inXSys && f.Unproved == "":
					t.Errorf("%s: %s: no oracle knows it; name its header under headers, or say under unproved what proves it", f.Pos, f)
				case (inHeaders || inXSys) && f.Unproved != "":
					t.Errorf("%s: %s is marked unproved, but an oracle knows it (headers %t, xsys %t)", f.Pos, f, inHeaders, inXSys)
				case inHeaders && inXSys:
					both++
				case f.Unproved != "":
					neither++
				}
			}
			t.Logf("%d facts: headers prove %d, xsys %d, both %d; %d unproved with a reason",
				len(Facts(p)), len(byHeaders.Known), len(byXSys.Known), both, neither)
		})
	}
}

// spoil makes every constant, size, offset and number of p wrong.
func spoil(p *model.Platform) {
	for _, g := range p.Groups {
		for _, c := range g.Consts {
			c.Value++
		}
	}
	for _, s := range p.Structs {
		s.Size += 4
		for _, f := range s.Fields {
			f.Offset += 4
		}
	}
	for _, c := range p.Calls {
		c.Number++
	}
}

// An oracle that agreed to everything would be worth nothing: each must refuse
// every fact that it knows once it is wrong, by name and place.
func TestOraclesRefuseWrongFacts(t *testing.T) {
	for _, o := range oracles {
		for _, p := range platforms(t) {
			t.Run(o.name+"/"+p.Name(), func(t *testing.T) {
				known := verdict(t, o, p).Known
				var want []string
				for _, f := range Facts(p) {
					if f.Kind != Symbol && known[f.Key()] {
						want = append(want, f.Key())
					}
				}
				spoil(p)
				var got []string
				for _, f := range o.judge(t, p).Failures {
					got = append(got, f.Key())
					if f.Pos.Line == 0 || !strings.HasPrefix(f.Error(), f.Pos.String()) {
						t.Errorf("%v does not name the spec's line", f)
					}
				}
				if o.name == "headers" && p.CTarget == model.NoHeaders {
					t.Skip("the C cross compiler has no headers of this system")
				}
				if len(want) < 100 {
					t.Errorf("only %d facts are known", len(want))
				}
				if !slices.Equal(got, want) {
					t.Errorf("refused %q\nwant %q", got, want)
				}
			})
		}
	}
}

// One wrong fact is refused alone.
func TestOraclesRefuseOneWrongFactAlone(t *testing.T) {
	for _, o := range oracles {
		for _, kind := range []Kind{Constant, Size, Offset, Number} {
			t.Run(o.name+"/"+string(kind), func(t *testing.T) {
				p := linux(t)
				want := spoilOne(t, p, kind)
				failures := o.judge(t, p).Failures
				if len(failures) != 1 || failures[0].Key() != want {
					t.Errorf("refused %v, want %s alone", failures, want)
				}
			})
		}
	}
}

func spoilOne(t *testing.T, p *model.Platform, kind Kind) string {
	switch kind {
	case Constant:
		i := slices.IndexFunc(p.Groups, func(g *model.Group) bool { return g.Name == "epoll events" })
		p.Groups[i].Consts[2].Value = 0x40
		return "constant EPOLLOUT"
	case Number:
		i := slices.IndexFunc(p.Calls, func(c *model.Call) bool { return c.Name == "epoll_ctl" })
		p.Calls[i].Number = 500
		return "number epoll_ctl"
	}
	i := slices.IndexFunc(p.Structs, func(s *model.Struct) bool { return s.Name == "Msghdr" })
	if kind == Size {
		p.Structs[i].Size = 48
		return "size Msghdr"
	}
	p.Structs[i].Fields[3].Offset = 28
	return "offset Msghdr.Iovlen"
}

func linux(t *testing.T) *model.Platform {
	t.Helper()
	for _, p := range platforms(t) {
		if p.Name() == "linux_amd64" {
			return p
		}
	}
	t.Fatal("no linux_amd64")
	return nil
}

// A member that C's structure does not have is a mistake, also where x/sys knows
// the offset.
func TestHeadersRefuseAMisspeltMember(t *testing.T) {
	p := linux(t)
	i := slices.IndexFunc(p.Structs, func(s *model.Struct) bool { return s.Name == "Msghdr" })
	p.Structs[i].Fields[3].C = "msg_iovlne"
	failures := headers(t, p).Failures
	if len(failures) != 1 || failures[0].Key() != "offset Msghdr.Iovlen" || !strings.Contains(failures[0].Error(), "no member 'msg_iovlne'") {
		t.Errorf("refused %v", failures)
	}
}

func TestHeadersDoNotKnowAMisspeltSymbol(t *testing.T) {
	for _, p := range platforms(t) {
		for _, c := range p.Calls {
			if c.Convention == model.Trap || c.Stub || c.Unproved != "" {
				continue
			}
			t.Run(p.Name(), func(t *testing.T) {
				f := symbol(c)
				if !verdict(t, oracles[0], p).Known[f.Key()] {
					t.Errorf("%s is not known", f)
				}
				c.Symbol += "x"
				if headers(t, p).Known[f.Key()] {
					t.Errorf("%s is known as %s too", f, c.Symbol)
				}
			})
			break
		}
	}
}

func TestHeadersTellAFaultThatIsNoFacts(t *testing.T) {
	p := platforms(t)[0]
	tool := compiler(t)
	p.Headers = append(p.Headers, "metalio/no_such_header.h")
	if _, err := Headers(tool, p); err == nil || !strings.Contains(err.Error(), "no_such_header.h") {
		t.Errorf("a missing header: %v", err)
	}
	p.CTarget = ""
	if _, err := Headers(tool, p); err == nil || !strings.Contains(err.Error(), "c_target") {
		t.Errorf("no target: %v", err)
	}
	if _, err := Headers("/no/such/compiler", platforms(t)[0]); err == nil {
		t.Error("a missing compiler was not noticed")
	}
}

// The same bits may be written with and without a sign where C gives them 32
// bits, and nowhere else.
func TestSame32(t *testing.T) {
	for _, c := range []struct {
		a, b uint64
		want bool
	}{
		{0xc0000120, 0xffffffffc0000120, true},
		{0xffffffff, 0xffffffffffffffff, true},
		{0x100000001, 1, false},
		{0xc0000120, 0x40000120, false},
	} {
		if got := same32(c.a, c.b); got != c.want {
			t.Errorf("same32(%#x, %#x) = %t", c.a, c.b, got)
		}
	}
}
