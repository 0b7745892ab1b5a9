package sockets

// MaxBuffers is how many buffers one system call of a vectored operation takes.
const MaxBuffers = 32

// maxTransfer bounds the bytes of one call: macOS and Windows refuse lengths
// beyond an int.
const maxTransfer = 1 << 30

// vector describes bufs without their first skip bytes; empty buffers take no
// place. It returns the array by value because a pointer stored through a
// parameter would move every buffer to the heap. Callers keep it on their
// stack: its pointers are typed, so a moving stack corrects them.
func vector(bufs [][]byte, skip int) (vec [MaxBuffers]iovec, count int) {
	room := maxTransfer
	for _, b := range bufs {
		if len(b) <= skip {
			skip -= len(b)
			continue
		}
		if count == len(vec) || room == 0 {
			break
		}
		b = b[skip:]
		b = b[:min(len(b), room)]
		skip = 0
		room -= len(b)
		vec[count] = iovecOf(b)
		count++
	}
	return vec, count
}

// passOver is bufs without those that lie in their first n bytes, and how many of
// these bytes are left, in the first buffer. Starting over at the first buffer for
// each call would cost the square of their number.
func passOver(bufs [][]byte, n int) ([][]byte, int) {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	return bufs, n
}

func totalLen(bufs [][]byte) int {
	total := 0
	for _, b := range bufs {
		total += len(b)
	}
	return total
}
