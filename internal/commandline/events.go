package commandline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"

	"mallbots/internal/broker"
	"mallbots/internal/host"
	"mallbots/internal/secret"
)

// eventsCommand looks at the streams.
type eventsCommand struct {
	Tail eventsTailCommand `cmd:"" help:"Print each event that passes, one JSON object a line, until interrupted."`
}

type eventsTailCommand struct {
	Ops     []string    `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URLs of the ops listeners of the processes whose modules publish."`
	NATSURL secret.Text `name:"nats-url" help:"Read the streams of the modules that are linked from this NATS server instead. The broker inside a process has no listener: use --ops for it."`
	Type    string      `env:"-" help:"Only events whose type ends so, such as OrderApproved."`
	Key     string      `env:"-" help:"Only events of this key, such as an order's id."`
}

// Run prints what passes.
func (e *eventsTailCommand) Run(ctx context.Context, c *Console, p *Program) error {
	var writing sync.Mutex
	show := func(passing host.Passing) {
		if (e.Type != "" && !strings.HasSuffix(passing.Type, e.Type)) || (e.Key != "" && passing.Key != e.Key) {
			return
		}
		writing.Lock()
		defer writing.Unlock()
		if err := json.NewEncoder(c.Out).Encode(passing); err != nil {
			c.Note("%s of %s can't be shown: %v", passing.Type, passing.Key, err)
		}
	}
	if e.NATSURL != "" {
		return tailBroker(ctx, c, p.Modules, e.NATSURL.Reveal(), show)
	}
	processes, err := operators(e.Ops)
	if err != nil {
		return err
	}
	return together(ctx, processes, func(ctx context.Context, o *operator) error { return tailOps(ctx, o, show) })
}

// tailBroker shows what passes on the streams of modules.
func tailBroker(ctx context.Context, c *Console, modules []host.Module, url string, show func(host.Passing)) error {
	log := slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	connect := func() (*broker.Broker, error) { return broker.Connect(ctx, url, log) }
	if password := os.Getenv(broker.PasswordVariable(broker.Onlooker)); password != "" {
		user := broker.User{Name: broker.Onlooker, Password: func() (string, error) { return password, nil }}
		connect = func() (*broker.Broker, error) { return broker.ConnectAs(ctx, url, user, log) }
	}
	b, err := connect()
	if err != nil {
		return err
	}
	defer func() { _ = b.Close(context.WithoutCancel(ctx)) }() // nothing was written
	return together(ctx, modules, func(ctx context.Context, module host.Module) error {
		return b.Tail(ctx, module.Name, func(m broker.Message) { show(host.Show(b.Stream(module.Name).Name(), m)) })
	})
}

// Tail shows what passes on the streams of the process whose ops listener is at
// url, until ctx ends.
func Tail(ctx context.Context, url string, show func(host.Passing)) error {
	o, err := operatorAt(url)
	if err != nil {
		return err
	}
	return tailOps(ctx, o, show)
}

// tailOps shows what passes on the streams of one process's modules.
func tailOps(ctx context.Context, o *operator, show func(host.Passing)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url+"/events", nil)
	if err != nil {
		return err
	}
	patient := *o.client
	patient.Timeout = 0 // it goes on until it is interrupted
	res, err := patient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the ops listener: %w; is the process running, and is this its --ops address?", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return fmt.Errorf("%s answered %d: %s", o.url, res.StatusCode, complaint(body))
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 2<<20) // a message has at most 1 MiB
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var p host.Passing
		if err := json.Unmarshal([]byte(data), &p); err != nil {
			return fmt.Errorf("%s sent what is no event: %w", o.url, err)
		}
		if p.Type == "" && p.Problem != "" {
			return fmt.Errorf("%s can't follow its streams: %s", o.url, p.Problem)
		}
		show(p)
	}
	if ctx.Err() == nil {
		return errors.Join(fmt.Errorf("%s has ended the tail; was the process stopped?", o.url), lines.Err())
	}
	return nil
}

// together does the same to each of several at the same time. The first that
// fails ends the others.
func together[T any](ctx context.Context, each []T, do func(context.Context, T) error) error {
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	for _, one := range each {
		wait.Go(func() {
			if err := do(ctx, one); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	if outer.Err() != nil {
		return nil // interrupted, as it is meant to end
	}
	return context.Cause(ctx)
}
