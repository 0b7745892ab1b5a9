package network

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/metalio/metalio/bench/internal/run"
)

// server is an echo server as it is measured.
type server struct {
	name    string
	program string
	args    []string // {port} and {buffer} are replaced
	place   run.Place
}

// process is a server that runs.
type process struct {
	cmd  *exec.Cmd
	port int
}

// start returns when the server is ready.
func (s *server) start(r run.Round, l load) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := append([]string{}, s.args...)
	for i := range args {
		args[i] = strings.NewReplacer("{port}", strconv.Itoa(port), "{buffer}", strconv.Itoa(l.buffer())).Replace(args[i])
	}
	if l.busy > 0 {
		args = append(args, "-busy", strconv.Itoa(l.busy))
	}
	line := append([]string{r.Program(s.program)}, args...)
	cmd := s.place.Command(r, line[0], line[1:]...)
	complaints := &bytes.Buffer{}
	cmd.Stderr = complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, port: port}
	if err := waitReady(bufio.NewScanner(out)); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(line, " "), err, complaints)
	}
	return p, nil
}

// waitReady reads until the server says "ready", or where it listens.
func waitReady(lines *bufio.Scanner) error {
	result := make(chan error, 1)
	go func() {
		for lines.Scan() {
			if lines.Text() == "ready" || strings.HasPrefix(lines.Text(), "listening on") {
				result <- nil
				return
			}
		}
		result <- errors.New("ended before it was ready")
	}()
	select {
	case err := <-result:
		return err
	case <-time.After(20 * time.Second):
		return errors.New("not ready after 20 s")
	}
}

func (p *process) stop() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// freePort returns a port that nobody has at the moment. The server may find it
// taken; the round is then tried again.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// measure returns the Run of a contender.
func (s *server) measure(l load) func(context.Context, run.Round) (run.Values, error) {
	return func(ctx context.Context, r run.Round) (run.Values, error) {
		p, err := s.start(r, l)
		if err != nil {
			return nil, err
		}
		defer p.stop()
		line := p.generator(r, l)
		return run.Measure(ctx, r, run.Pinned(r.Cores.Driver, line[0], line[1:]...)...)
	}
}

// generator is the command line that makes the load for the process.
func (p *process) generator(r run.Round, l load) []string {
	line := append([]string{r.Program(generator)}, l.args(r)...)
	return append(line, "-port", strconv.Itoa(p.port), "-pid", strconv.Itoa(p.cmd.Process.Pid))
}

// contender is the server under a load.
func (s *server) contender(l load) run.Contender {
	return run.Contender{Name: s.name, Needs: []string{s.program, generator}, Run: s.measure(l)}
}
