package behaviours

// Backend is a mechanism and where it runs. The tests find out themselves
// which one they run on: see [Here].
type Backend string

const (
	Linux     Backend = "linux"        // epoll, natively
	QEMU      Backend = "linux-qemu"   // epoll, another processor's program under QEMU
	Wine      Backend = "windows-wine" // IOCP and AFD under Wine
	KqueueSim Backend = "kqueue-sim"   // kqueue over the simulated kernel on Linux

	// These are run by the public workflow only.
	Windows Backend = "windows" // IOCP and AFD
	Darwin  Backend = "darwin"  // kqueue
	FreeBSD Backend = "freebsd" // kqueue; stands for the other BSDs too
)

// Backends are all of them, in the order in which they are shown.
var Backends = []Backend{Linux, QEMU, Wine, KqueueSim, Windows, Darwin, FreeBSD}

// Lists of backends, for the table.
var (
	everywhere = Backends
	onAFD      = []Backend{Wine, Windows}
	onKqueue   = []Backend{KqueueSim, Darwin, FreeBSD}
	onUnix     = []Backend{Linux, QEMU, KqueueSim, Darwin, FreeBSD}
)

// Here returns the backend that this process runs on.
func Here() Backend { return here() }
