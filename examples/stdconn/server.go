package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	maxRequest     = 1 << 20          // bytes of one request, its headers included
	requestTimeout = 10 * time.Second // for reading a request and writing its response
)

// server is an HTTP/1.1 server as one writes them with package net: Accept, and
// goroutines that block in Read. The lot is the only part that does not.
type server struct {
	listener net.Listener
	lot      *lot
	handle   func(*http.Request) (status int, body string)
	readers  sync.Pool // of *reader: a parked connection has none
	running  sync.WaitGroup
}

// reader bounds what one request may read.
type reader struct {
	limit io.LimitedReader
	buf   *bufio.Reader
}

func newServer(l net.Listener, idle time.Duration, handle func(*http.Request) (int, string)) (*server, error) {
	s := &server{listener: l, handle: handle}
	s.readers.New = func() any {
		r := &reader{}
		r.buf = bufio.NewReader(&r.limit)
		return r
	}
	var err error
	s.lot, err = newLot(idle, s.serve)
	return s, err
}

// start returns at once; close ends what it starts.
func (s *server) start(failed func(error)) {
	s.running.Go(func() {
		if err := s.lot.run(); err != nil {
			failed(err)
		}
	})
	s.running.Go(func() { s.accept(failed) })
}

func (s *server) close() {
	s.listener.Close()
	s.lot.stop()
	s.running.Wait()
	s.lot.close()
}

func (s *server) accept(failed func(error)) {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			failed(err)
			time.Sleep(100 * time.Millisecond) // out of descriptors, say
			continue
		}
		if err := s.lot.add(conn.(*net.TCPConn)); err != nil {
			conn.Close()
		}
	}
}

// serve answers requests until there is none left to read, and reports whether
// the connection is worth keeping.
func (s *server) serve(conn *net.TCPConn) (keep bool) {
	r := s.readers.Get().(*reader)
	r.limit.R = conn
	r.buf.Reset(&r.limit)
	defer func() {
		r.limit.R = nil
		s.readers.Put(r)
	}()
	for {
		if !s.serveOne(conn, r) {
			return false
		}
		// A request that is in the buffer already will not make the
		// descriptor readable again: parking it now would lose it.
		if r.buf.Buffered() == 0 {
			return conn.SetDeadline(time.Time{}) == nil
		}
	}
}

func (s *server) serveOne(conn *net.TCPConn, r *reader) (keep bool) {
	if conn.SetDeadline(time.Now().Add(requestTimeout)) != nil {
		return false
	}
	r.limit.N = maxRequest
	req, err := http.ReadRequest(r.buf)
	if err != nil {
		return false // most often io.EOF: the client has closed
	}
	status, body := s.handle(req)
	_, err = io.Copy(io.Discard, req.Body) // the next request begins after it
	keep = err == nil && !req.Close && req.ProtoAtLeast(1, 1)
	resp := http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: req, Close: !keep,
		Header:        http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}
	return resp.Write(conn) == nil && keep
}

// hello is what the server says.
func hello(req *http.Request) (int, string) {
	n, err := io.Copy(io.Discard, req.Body)
	if err != nil {
		return http.StatusBadRequest, err.Error() + "\n"
	}
	return http.StatusOK, fmt.Sprintf("%s %s, %d bytes\n", req.Method, req.URL.Path, n)
}
