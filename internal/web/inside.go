package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Inside returns a client whose requests are answered by handler within the
// process: no port, and nobody in between. Answers are streamed as they are
// written.
func Inside(handler http.Handler) *http.Client {
	return &http.Client{Transport: inside{handler}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type inside struct{ handler http.Handler }

// bare is a context without its values: a request over a network would not have
// brought along how the one before it was routed.
type bare struct{ context.Context }

func (bare) Value(any) any { return nil }

// errNoAnswer is the end of an answer that its handler broke off.
var errNoAnswer = errors.New("the handler broke off")

// RoundTrip answers r by the handler.
func (t inside) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(bare{r.Context()})
	body, sink := io.Pipe()
	a := &answer{header: http.Header{}, sink: sink, begun: make(chan struct{})}
	served := r.Clone(ctx)
	served.RequestURI, served.Host = r.URL.RequestURI(), r.URL.Host
	served.RemoteAddr = callerFrom(r.Context()).Address
	if served.Body == nil {
		served.Body = http.NoBody
	}
	go func() {
		defer cancel()
		defer func() {
			if value := recover(); value != nil {
				a.WriteHeader(http.StatusInternalServerError)
				_ = sink.CloseWithError(fmt.Errorf("%w: %v", errNoAnswer, value))
			}
		}()
		t.handler.ServeHTTP(a, served)
		a.WriteHeader(http.StatusOK)
		_ = sink.Close()
	}()
	select {
	case <-a.begun:
	case <-r.Context().Done():
		cancel()
		_ = body.Close()
		return nil, r.Context().Err()
	}
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.sent, Body: reading{body, cancel}, ContentLength: -1, Request: r,
	}, nil
}

// reading ends the handler when the reader has had enough.
type reading struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (r reading) Close() error {
	r.cancel()
	return r.PipeReader.Close()
}

// answer is where the handler writes.
type answer struct {
	header, sent http.Header
	status       int
	sink         *io.PipeWriter
	once         sync.Once
	begun        chan struct{}
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	a.once.Do(func() {
		a.status, a.sent = status, a.header.Clone()
		close(a.begun)
	})
}

func (a *answer) Write(data []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.sink.Write(data)
}

// Flush begins the answer; what is written is handed over at once anyway.
func (a *answer) Flush() { a.WriteHeader(http.StatusOK) }
