//go:build unix

package reactor_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"syscall"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/sockets"
)

// What another package has opened may be in blocking mode, in which a read
// would stop the whole loop. Edge refuses it.
func ExampleSetNonblock() {
	poll, err := reactor.NewPoll(reactor.PollConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer poll.Close()
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		log.Fatal(err)
	}
	defer syscall.Close(fds[0])
	defer syscall.Close(fds[1])

	fd := reactor.FD(fds[0])
	err = poll.Register(fd, 1, reactor.Readable, reactor.Edge)
	fmt.Println(errors.Is(err, reactor.ErrBlocking))
	if err := reactor.SetNonblock(fd); err != nil {
		log.Fatal(err)
	}
	fmt.Println(poll.Register(fd, 1, reactor.Readable, reactor.Edge))
	// Output:
	// true
	// <nil>
}

// The errors of calls about one descriptor have its number, and the system's
// reason.
func ExampleOpError() {
	poll, err := reactor.NewPoll(reactor.PollConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer poll.Close()
	r, w, err := sockets.NewPipe()
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	defer w.Close()

	err = poll.Deregister(r.FD())
	var op *reactor.OpError
	if errors.As(err, &op) {
		fmt.Println(op.Op, op.FD == r.FD(), op.Err)
	}
	fmt.Println(errors.Is(err, syscall.ENOENT))
	// Output:
	// deregister true no such file or directory
	// true
}

// nurse waits for the exits of child processes.
type nurse struct {
	reactor.Unhandled[struct{}]
	children map[reactor.Token]*exec.Cmd
}

func (n *nurse) Readable(l *reactor.Loop[struct{}], token reactor.Token, ready reactor.Ready) {
	if !ready.IsExited() {
		return
	}
	child := n.children[token]
	child.Wait() // it does not block: the loop reports, and the parent reaps
	fmt.Println(token, child.ProcessState)
	if err := l.DeregisterProcess(child.ProcessState.Pid()); err != nil {
		log.Fatal(err)
	}
	l.Stop()
}

func ExampleLoop_RegisterProcess() {
	loop, err := reactor.NewLoop[struct{}](reactor.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()
	child := exec.Command("sh", "-c", "exit 3")
	if err := child.Start(); err != nil {
		log.Fatal(err)
	}
	if err := loop.RegisterProcess(child.Process.Pid, 7); err != nil {
		log.Fatal(err)
	}
	if err := loop.Run(&nurse{children: map[reactor.Token]*exec.Cmd{7: child}}); err != nil {
		log.Fatal(err)
	}
	// Output: 7 exit status 3
}

func ExamplePoll_RegisterProcess() {
	poll, err := reactor.NewPoll(reactor.PollConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer poll.Close()
	child := exec.Command("sh", "-c", "exit 3")
	if err := child.Start(); err != nil {
		log.Fatal(err)
	}
	defer child.Wait()
	if err := poll.RegisterProcess(child.Process.Pid, 7); err != nil {
		log.Fatal(err)
	}
	events := make([]reactor.Event, 1)
	if _, err := poll.Wait(events, -1); err != nil {
		log.Fatal(err)
	}
	fmt.Println(events[0].Token(), events[0].Ready())
	fmt.Println(poll.DeregisterProcess(child.Process.Pid))
	// Output:
	// 7 exited
	// <nil>
}

// stopper stops its loop at the first signal.
type stopper struct{ reactor.Unhandled[struct{}] }

func (stopper) Signal(l *reactor.Loop[struct{}], sig os.Signal) {
	fmt.Println(sig)
	l.Stop()
}

func ExampleLoop_Notify() {
	loop, err := reactor.NewLoop[struct{}](reactor.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()
	if err := loop.Notify(os.Interrupt, syscall.SIGTERM); err != nil {
		log.Fatal(err)
	}
	syscall.Kill(os.Getpid(), syscall.SIGTERM) // somebody wants us to end
	if err := loop.Run(stopper{}); err != nil {
		log.Fatal(err)
	}
	// From here on the signals have their usual effect again.
	fmt.Println(loop.Unnotify(os.Interrupt, syscall.SIGTERM))
	// Output:
	// terminated
	// <nil>
}
