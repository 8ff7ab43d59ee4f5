package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// overLoopback measures those rows that ask for it behind servers of their own:
// some connections that stay open, each of which sends a request when it has read
// the answer to the last.
func overLoopback(w *world, o options, rows []*row) ([]*row, error) {
	var served []*row
	clients := map[*row]*client{}
	for _, of := range rows {
		if !of.loopback {
			continue
		}
		row := &row{contender: of.contender, app: of.app}
		c, err := newClient(w, of.app, o.connections)
		if err != nil {
			return nil, fmt.Errorf("%s over HTTP: %w", of.name, err)
		}
		clients[row], served = c, append(served, row)
		row.requests = o.connections
		for !o.quick {
			took, err := c.send(row.requests)
			if err != nil {
				return nil, fmt.Errorf("%s over HTTP: %w", row.name, err)
			}
			if took >= o.turn/4 {
				row.requests = max(row.requests, int(float64(row.requests)*float64(o.turn)/float64(took)))
				break
			}
			row.requests *= 2
		}
	}
	return served, rounds(w, o, served, func(row *row) error {
		runtime.GC()
		if _, err := clients[row].send(row.requests/20 + 1); err != nil {
			return err
		}
		took, err := clients[row].send(row.requests)
		row.ns = append(row.ns, float64(took)/float64(row.requests))
		return err
	})
}

// A client sends one request over and over, on connections that stay open. It
// makes nothing of an answer but to look at its status and to count its body: what
// is measured is to be the server.
type client struct {
	request []byte
	conns   []*conn
}

type conn struct {
	net.Conn
	in *bufio.Reader
}

// newClient starts a server for the app, and a client, which has seen that the
// server knows alice.
func newClient(w *world, a *app, connections int) (*client, error) {
	listener, err := new(net.ListenConfig).Listen(w.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: a.handler, ReadHeaderTimeout: time.Minute}
	over := make(chan error, 1)
	go func() { over <- server.Serve(listener) }()
	w.end(func() error {
		err := server.Close()
		if ended := <-over; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	})
	c := &client{request: wire(a.request, "")}
	for range connections {
		dialed, err := new(net.Dialer).DialContext(w.ctx, "tcp", listener.Addr().String())
		if err != nil {
			return nil, err
		}
		w.end(dialed.Close)
		c.conns = append(c.conns, &conn{dialed, bufio.NewReader(dialed)})
	}
	if _, err := c.conns[0].Write(wire(a.request, tell)); err != nil {
		return nil, err
	}
	if says, err := c.conns[0].read(); err != nil || says != a.says {
		return nil, fmt.Errorf("GET / = %q, %w; want %q", says, err, a.says)
	}
	return c, nil
}

// wire returns a request with this query as it is sent.
func wire(r *http.Request, query string) []byte {
	r = r.Clone(context.Background())
	r.URL.RawQuery = query
	var b bytes.Buffer
	_ = r.Write(&b) // a Buffer takes everything
	return b.Bytes()
}

// send sends n requests, about as many on each connection, and returns how long it
// took until all were answered.
func (c *client) send(n int) (time.Duration, error) {
	each := (n + len(c.conns) - 1) / len(c.conns)
	errs := make([]error, len(c.conns))
	var wg sync.WaitGroup
	start := time.Now()
	for i, conn := range c.conns {
		wg.Go(func() { errs[i] = conn.send(c.request, each) })
	}
	wg.Wait()
	took := time.Since(start)
	return took * time.Duration(n) / time.Duration(each*len(c.conns)), errors.Join(errs...)
}

func (c *conn) send(request []byte, n int) error {
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	for range n {
		if _, err := c.Write(request); err != nil {
			return err
		}
		if _, err := c.read(); err != nil {
			return err
		}
	}
	return nil
}

var (
	status200 = []byte("HTTP/1.1 200 ")
	length    = []byte("Content-Length: ")
)

// read reads an answer and returns its body. Any other status than 200 is an
// error.
func (c *conn) read() (string, error) {
	size := -1
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return "", err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first && !bytes.HasPrefix(line, status200) {
			return "", fmt.Errorf("the answer is %s; want 200", line)
		}
		if rest, ok := bytes.CutPrefix(line, length); ok {
			if size, err = strconv.Atoi(string(rest)); err != nil {
				return "", err
			}
		}
		if len(line) == 0 {
			break
		}
	}
	switch size {
	case -1:
		return "", errors.New("the answer does not say how long it is")
	case 0:
		return "", nil
	}
	body := make([]byte, size)
	_, err := io.ReadFull(c.in, body)
	return string(body), err
}
