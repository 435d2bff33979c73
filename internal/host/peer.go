package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"mallbots/internal/client"
	"mallbots/internal/fault"
	"mallbots/internal/transfer"
)

// peer is the other process of a move, as its ops listener.
type peer struct{ ops, module string }

// peers calls other processes, with the credentials of the environment where
// they ask who this is.
var peers = sync.OnceValues(func() (*http.Client, error) {
	who, err := client.FromEnvironment()
	return who.HTTP(), err
})

// look asks where the module is.
func (p *peer) look(ctx context.Context) (Whereabouts, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var answer Whereabouts
	res, err := p.send(ctx, http.MethodGet, "", nil)
	if err != nil {
		return answer, err
	}
	defer func() { _ = res.Body.Close() }() // it was read
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return answer, errUnreachable.With("%s answered what is no ops listener's: %s", p.ops, err)
	}
	return answer, nil
}

// rows reads what the module has there.
func (p *peer) rows(ctx context.Context, c *transfer.Copy) error {
	res, err := p.send(ctx, http.MethodGet, "/rows", nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was read
	return c.Read(ctx, res.Body)
}

// post asks for a step of the move.
func (p *peer) post(ctx context.Context, step string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	res, err := p.send(ctx, http.MethodPost, "/"+step, bytes.NewReader(data))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	return closing(err, res.Body)
}

func closing(err error, body io.Closer) error {
	if closed := body.Close(); err == nil {
		return closed
	}
	return err
}

// send returns the answer to a request when it is a success.
func (p *peer) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	address := strings.TrimRight(p.ops, "/") + "/modules/" + p.module + path
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, errMoveMalformed.With("%q is not the URL of an ops listener: %s", p.ops, err)
	}
	req.Header.Set(headerAs, "move")
	caller, err := peers()
	if err != nil {
		return nil, err
	}
	res, err := caller.Do(req)
	if err != nil {
		return nil, errUnreachable.With("%s", err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }() // as much as is of interest was read
	var problem struct{ Error string }
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<12))
	if json.Unmarshal(text, &problem) != nil || problem.Error == "" {
		problem.Error = strings.TrimSpace(string(text))
	}
	kind := fault.Conflict
	if res.StatusCode >= http.StatusInternalServerError {
		kind = fault.Unavailable
	}
	if res.StatusCode == http.StatusNotFound {
		kind = fault.NotFound
	}
	return nil, fault.New(kind, "SOURCE_REFUSED", fmt.Sprintf("%s answered %d: %s", p.ops, res.StatusCode, problem.Error))
}
