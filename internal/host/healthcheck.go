package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Alive asks the operations listener at url whether its process is alive, ready
// or not: whoever ends a process that is not ready, because its database is
// away, has helped nobody.
func Alive(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/healthz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the ops listener: %w; is the process running, and is this its --ops address?", err)
	}
	defer func() { _ = res.Body.Close() }() // nobody reads it
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("not alive (%d)", res.StatusCode)
	}
	return nil
}

// Healthcheck asks the operations listener at url whether its process is
// ready, and names what is not. It is for containers, which have no other way.
func Healthcheck(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the ops listener: %w; is the process running, and is this its --ops address?", err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	var answer struct {
		Ready bool   `json:"ready"`
		Parts []Part `json:"parts"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s answered %d, and what is no ops listener's: %w", url, res.StatusCode, err)
	}
	if res.StatusCode == http.StatusOK {
		return nil
	}
	problems := []error{fmt.Errorf("not ready (%d)", res.StatusCode)}
	for _, p := range answer.Parts {
		if !p.OK {
			problems = append(problems, fmt.Errorf("%s: %s", p.Name, p.Detail))
		}
	}
	return errors.Join(problems...)
}
