package commandline

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"time"

	"mallbots/internal/host"
)

// moveCommand takes a module from one running process to another.
type moveCommand struct {
	Module   string        `arg:"" help:"The module to move."`
	From     string        `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URL of the ops listener of the process that runs it, as the other one reaches it."`
	To       string        `required:"" env:"-" help:"URL of the ops listener of the process that is to run it, started with --standby."`
	API      string        `name:"api" env:"-" help:"URL of the API of the process that is to run it, as the other one reaches it. Empty: what that process says."`
	Rollback bool          `env:"-" help:"The way back: from --to to --from."`
	Pause    time.Duration `default:"2s" env:"-" help:"How long the module may pause at most; else all stays as it is."`
	JSON     bool          `name:"json" env:"-" help:"Print the result as one JSON object."`
}

// Help shows an example.
func (moveCommand) Help() string {
	return `The module's rows are copied while it works, and what changed meanwhile in a short
pause, in which its requests wait. From then on the other process runs it, and this one
sends it the requests that it still gets. Whatever fails before that leaves the module
where it was. For example, from a mall whose NATS server is at nats://127.0.0.1:4222:

  $ depot serve --standby --http=127.0.0.1:8090 --ops=127.0.0.1:8091 \
      --nats-url=nats://127.0.0.1:4222 --database-url=postgres://127.0.0.1/depot
  $ mallbots move depot --to=http://127.0.0.1:8091
  $ mallbots move depot --to=http://127.0.0.1:8091 --rollback`
}

// Run asks the process that is to have the module to take it.
func (m *moveCommand) Run(ctx context.Context, c *Console) error {
	from, to := m.From, m.To
	if m.Rollback {
		from, to = to, from
	}
	there, err := operatorAt(from)
	if err != nil {
		return err
	}
	here, err := operatorAt(to)
	if err != nil {
		return err
	}
	if there.url == here.url {
		return fmt.Errorf("--from and --to are the same process, %s", here.url)
	}
	api := m.API
	if api == "" {
		if api, err = apiOf(ctx, here, m.Module); err != nil {
			return err
		}
	}
	asked := host.MoveRequest{From: there.url, Ops: here.url, API: api, Pause: m.Pause.String()}
	var done host.Moved
	if err := here.post(ctx, "/modules/"+url.PathEscape(m.Module)+"/arrive", nil, asked, &done); err != nil {
		return err
	}
	if m.JSON {
		return json.NewEncoder(c.Out).Encode(done)
	}
	if done.Resumed {
		c.Printf("The %s had been let go before, and runs at %s now.\n", m.Module, api)
		return nil
	}
	c.Printf("The %s runs at %s now: %d rows of %d tables, copied in %.0f ms; it paused for %.0f ms.\n",
		m.Module, api, done.Copied.Rows, done.Copied.Tables, done.Before, done.Paused)
	c.Printf("Requests that %s still gets are sent there. When nobody asks it any more, start it without %s.\n", there.url, m.Module)
	return nil
}

// apiOf is the API of a process as others reach it: what it says, at the host of
// its ops listener when it listens everywhere.
func apiOf(ctx context.Context, o *operator, module string) (string, error) {
	var where host.Whereabouts
	if err := o.get(ctx, "/modules/"+url.PathEscape(module), nil, &where); err != nil {
		return "", err
	}
	api, err := url.Parse(where.API)
	if err != nil {
		return "", fmt.Errorf("%s says that its API is at %q: %w; say where with --api", o.url, where.API, err)
	}
	if ip := net.ParseIP(api.Hostname()); ip != nil && ip.IsUnspecified() {
		ops, err := url.Parse(o.url)
		if err != nil {
			return "", err
		}
		api.Host = net.JoinHostPort(ops.Hostname(), api.Port())
	}
	return api.String(), nil
}
