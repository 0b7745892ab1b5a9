// Package build makes the programs that the benchmarks run: compiled from C,
// Rust and Go sources in this module, or installed by Debian.
package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Program is something to run, found under its name in the folder of programs.
type Program struct {
	Name  string
	Needs []Need
	// Make writes the program to the file out.
	Make func(ctx context.Context, out string) error
}

// Lacks returns the Debian packages without which the program cannot be made.
func (p *Program) Lacks() []string { return unmet(p.Needs) }

// Need is a command, or the Debian package that brings it. A library has no
// command.
type Need struct{ Command, Package string }

var (
	gcc   = []Need{{"gcc", "gcc"}, {"", "libc6-dev"}}
	cargo = []Need{{"cargo", "cargo"}, {"rustc", "rustc"}}
)

// C is a program of one C source; args are added to gcc's, and needs are the
// packages of its libraries.
func C(name, source string, args []string, packages ...string) Program {
	return Program{Name: name, Needs: append(libraries(packages), gcc...), Make: func(ctx context.Context, out string) error {
		flags := []string{"-O2", "-g", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", out, source}
		return command(ctx, "gcc", append(flags, args...)...)
	}}
}

// Go is a program of this module's package dir, such as "./servers".
func Go(name, dir string) Program {
	return Program{Name: name, Needs: []Need{{"go", "golang"}}, Make: func(ctx context.Context, out string) error {
		return command(ctx, "go", "build", "-o", out, dir)
	}}
}

// debianCrates is where Debian's librust packages keep their sources: a
// directory source for cargo.
const debianCrates = "/usr/share/cargo/registry"

// Cargo is a Rust program: the binary called name of the crate in dir, whose
// dependencies come from Debian's packages alone.
func Cargo(name, dir string, packages ...string) Program {
	return Program{Name: name, Needs: append(libraries(packages), cargo...), Make: func(ctx context.Context, out string) error {
		target := out + ".target"
		err := command(ctx, "cargo", "build", "--quiet", "--release", "--offline",
			"--config", `source.crates-io.replace-with="debian"`,
			"--config", fmt.Sprintf("source.debian.directory=%q", debianCrates),
			"--manifest-path", filepath.Join(dir, "Cargo.toml"), "--target-dir", target)
		if err != nil {
			return err
		}
		return command(ctx, "cp", filepath.Join(target, "release", name), out)
	}}
}

// Installed is a program that a Debian package brings ready to run.
func Installed(name, pkg string) Program {
	return Program{Name: name, Needs: []Need{{name, pkg}}, Make: func(_ context.Context, out string) error {
		path, err := look(name)
		if err != nil {
			return err
		}
		os.Remove(out)
		return os.Symlink(path, out)
	}}
}

func libraries(packages []string) (needs []Need) {
	for _, p := range packages {
		needs = append(needs, Need{"", p})
	}
	return needs
}

func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, firstLines(string(out)))
	}
	return nil
}

func firstLines(s string) string {
	const most = 600
	s = strings.TrimSpace(s)
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}

// look also looks where Debian keeps the programs of administrators, which not
// everyone has in the PATH.
func look(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", name))
}

// All installs what the programs need, if that is missing and this process may
// install it, and makes them in the folder bin. It returns why programs are
// missing, by name; err is that of the folder.
func All(ctx context.Context, programs []Program, bin string, progress io.Writer) (missing map[string]string, err error) {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return nil, err
	}
	install(ctx, wanted(programs), progress)
	missing = map[string]string{}
	for _, p := range programs {
		if lacks := unmet(p.Needs); len(lacks) > 0 {
			missing[p.Name] = strings.Join(lacks, ", ") + " not installed"
			fmt.Fprintf(progress, "leaving out %s: %s\n", p.Name, missing[p.Name])
			continue
		}
		fmt.Fprintf(progress, "building %s\n", p.Name)
		if err := p.Make(ctx, filepath.Join(bin, p.Name)); err != nil {
			missing[p.Name] = err.Error()
			fmt.Fprintf(progress, "leaving out %s: %v\n", p.Name, err)
		}
	}
	return missing, ctx.Err()
}

func wanted(programs []Program) (packages []string) {
	for _, p := range programs {
		packages = append(packages, unmet(p.Needs)...)
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}

// unmet returns the packages that are still needed.
func unmet(needs []Need) (packages []string) {
	for _, n := range needs {
		if n.Command != "" {
			if _, err := look(n.Command); err == nil {
				continue
			}
		}
		if !installed(n.Package) {
			packages = append(packages, n.Package)
		}
	}
	return packages
}

func installed(pkg string) bool {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status}", pkg).Output()
	return err == nil && string(out) == "installed"
}

// install tries; what is still missing afterwards is left out, and said to be.
// One package that cannot be had does not keep the others away.
func install(ctx context.Context, packages []string, progress io.Writer) {
	if len(packages) == 0 {
		return
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
		fmt.Fprintf(progress, "not root on a Debian system, so these are not installed: %s\n", strings.Join(packages, " "))
		return
	}
	fmt.Fprintf(progress, "installing %s\n", strings.Join(packages, " "))
	apt(ctx, progress, "update", "-qq")
	if apt(ctx, progress, append(aptInstall, packages...)...) {
		return
	}
	for _, p := range packages {
		apt(ctx, progress, append(aptInstall, p)...)
	}
}

var aptInstall = []string{"install", "-y", "-qq", "--no-install-recommends"}

func apt(ctx context.Context, progress io.Writer, args ...string) bool {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err != nil {
		fmt.Fprintf(progress, "apt-get %s: %v: %s\n", strings.Join(args, " "), err, firstLines(string(out)))
	}
	return err == nil
}
