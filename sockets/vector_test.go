package sockets

import "testing"

func TestPassOver(t *testing.T) {
	bufs := [][]byte{nil, []byte("ab"), {}, []byte("cde"), []byte("f"), nil}
	for _, c := range []struct{ n, left, skip int }{
		{0, 5, 0}, // an empty buffer is passed at once
		{1, 5, 1},
		{2, 3, 0},
		{3, 3, 1},
		{4, 3, 2},
		{5, 2, 0},
		{6, 0, 0},
	} {
		rest, skip := passOver(bufs, c.n)
		if len(rest) != c.left || skip != c.skip {
			t.Errorf("passOver(%d) leaves %d buffers and %d bytes, want %d and %d", c.n, len(rest), skip, c.left, c.skip)
		}
	}
}
