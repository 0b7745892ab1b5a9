package sockets_test

import (
	"testing"

	"github.com/metalio/metalio/internal/strace"
)

// TestFaults runs tests of this package again while strace makes every few
// system calls fail as the kernel sometimes does: whoever uses a socket must
// not notice. (connect is left out: strace fails a call by leaving it out,
// whereas a connect that is interrupted goes on.)
func TestFaults(t *testing.T) {
	tracer := strace.Path(t)
	// 32-bit processors have some calls under names of their own; strace takes a
	// name after a question mark though it may be unknown here.
	for _, f := range []struct{ calls, fault, tests string }{
		{"recvfrom", "EINTR:when=1+3", "^(TestReadWriteWithNet|TestHalfClose|TestConnIsReusable)$"},
		{"sendto", "EINTR:when=1+3", "^(TestReadWriteWithNet|TestHalfClose)$"},
		{"recvmsg,sendmsg", "EINTR:when=1+3", "^(TestVectors|TestPassFDs)$"},
		{"recvmmsg,?recvmmsg_time64,sendmmsg", "EINTR:when=1+2", "^(TestBatch)$"},
		{"accept4", "EINTR:when=1+3", "^(TestAcceptGivesPeer|TestConnIsReusable)$"},
		{"accept4", "ECONNABORTED:when=1+3", "^(TestAcceptGivesPeer|TestConnIsReusable)$"},
		{"splice", "EINTR:when=1+2", "^(TestSpliceToTheEnd)$"},
		{"sendfile,?sendfile64", "EINTR:when=1+2", "^(TestSendfile)$"},
	} {
		t.Run(f.calls+" "+f.fault, func(t *testing.T) {
			strace.Inject(t, tracer, f.calls, f.fault, f.tests)
		})
	}
}
