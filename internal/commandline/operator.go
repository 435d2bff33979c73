package commandline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mallbots/internal/client"
)

// operator speaks to the operations listener of one process.
type operator struct {
	url    string
	as     string // who speaks, for what is recorded
	client *http.Client
}

// operatorTime bounds a request. An audit may wait for five minutes, and must
// then read every book.
const operatorTime = 10 * time.Minute

// operatorAt returns the operations listener at a URL such as http://127.0.0.1:8081.
func operatorAt(address string) (*operator, error) {
	base, err := client.URL(strings.TrimSpace(address))
	if err != nil {
		return nil, err
	}
	who, err := client.FromEnvironment()
	if err != nil {
		return nil, err
	}
	caller := who.HTTP()
	caller.Timeout = operatorTime
	return &operator{url: base, client: caller}, nil
}

// operators returns each of several listeners.
func operators(addresses []string) ([]*operator, error) {
	var all []*operator
	for _, a := range addresses {
		o, err := operatorAt(a)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no ops listener is named; want --ops=http://127.0.0.1:8081")
	}
	return all, nil
}

// get decodes what GET path answers into result.
func (o *operator) get(ctx context.Context, path string, query url.Values, result any) error {
	return o.do(ctx, http.MethodGet, path, query, nil, result)
}

// post decodes what POST path with body, if any, answers into result.
func (o *operator) post(ctx context.Context, path string, query url.Values, body, result any) error {
	return o.do(ctx, http.MethodPost, path, query, body, result)
}

func (o *operator) do(ctx context.Context, verb, path string, query url.Values, body, result any) error {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(encoded)
	}
	address := o.url + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, verb, address, content)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if o.as != "" {
		req.Header.Set("Mallbots-As", o.as)
	}
	res, err := o.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the ops listener: %w; is the process running, and is this its --ops address?", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", address, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d: %s", o.url, res.StatusCode, complaint(answer))
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("%s answered what is no ops listener's: %w", address, err)
	}
	return nil
}

// complaint is the sentence in an answer that is no success.
func complaint(body []byte) string {
	var problem struct{ Error, Detail string }
	if json.Unmarshal(body, &problem) == nil && problem.Error+problem.Detail != "" {
		return problem.Error + problem.Detail
	}
	return strings.TrimSpace(string(body[:min(len(body), 500)]))
}
