package commandline

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"mallbots/internal/host"
)

// lostCommand lists what a restored database does not know any more.
type lostCommand struct {
	Ops   []string `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URLs of the ops listeners of all processes of the mall."`
	Key   string   `env:"-" help:"Only of this key."`
	Limit int      `env:"-" default:"100" help:"How many at most of each module, to 1000."`
	JSON  bool     `name:"json" help:"Print one JSON object."`
}

// Help shows an example.
func (lostCommand) Help() string {
	return `A database that is restored to an earlier time does not know what it published since.
Its consumers do, so it goes on behind that, in a new epoch. For example:

  $ mallbots lost
  2026-11-22T10:14:01Z  stores  ProductPriceChanged  message 7 of 019a3c…  before epoch 2  {"productId":…}
  others have acted on these; where they keep a copy of its state, make it agree: mallbots republish stores`
}

// Run lists them, one a line.
func (l *lostCommand) Run(ctx context.Context, c *Console) error {
	processes, err := operators(l.Ops)
	if err != nil {
		return err
	}
	all := []host.Lost{}
	for _, p := range processes {
		var answer struct{ Lost []host.Lost }
		if err := p.get(ctx, "/lost", url.Values{"key": {l.Key}, "limit": {strconv.Itoa(l.Limit)}}, &answer); err != nil {
			return err
		}
		all = append(all, answer.Lost...)
	}
	if l.JSON {
		return json.NewEncoder(c.Out).Encode(map[string]any{"lost": all})
	}
	republish := map[string]bool{}
	for _, m := range all {
		origin := "written by somebody else"
		if m.Epoch > 0 {
			origin = "before epoch " + strconv.FormatInt(m.Epoch, 10)
			republish[m.Module] = true
		}
		c.Printf("%s  %s  %s  message %d of %s  %s  %s\n", m.Time.Local().Format(time.RFC3339), m.Module, lastWord(m.Type), m.Sequence, m.Key, origin, m.Data)
	}
	if len(all) == 0 {
		c.Printf("Nothing is lost.\n")
	}
	for _, module := range slices.Sorted(maps.Keys(republish)) {
		c.Note("others have acted on these; where they keep a copy of its state, make it agree: mallbots republish %s", module)
	}
	return nil
}

// republishCommand publishes state again.
type republishCommand struct {
	atOps
	asSomebody
	Module string `arg:"" help:"The module whose state is published: stores, or ordering for its customers."`
}

// Run publishes, and says how much.
func (r *republishCommand) Run(ctx context.Context, c *Console) error {
	o, err := r.by(r.Ops)
	if err != nil {
		return err
	}
	var answer struct{ Published map[string]int }
	if err := o.post(ctx, "/republish", url.Values{"module": {r.Module}}, nil, &answer); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(answer.Published)) {
		c.Printf("%s: %d published again\n", kind, answer.Published[kind])
	}
	return nil
}

// actionsCommand lists what operators did.
type actionsCommand struct {
	Ops   []string `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URLs of the ops listeners of all processes of the mall."`
	Key   string   `env:"-" help:"Only about this key."`
	Limit int      `env:"-" default:"100" help:"How many at most of each module, to 1000."`
	JSON  bool     `name:"json" help:"Print one JSON object."`
}

// action is one deed.
type action struct {
	Module  string    `json:"module"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Verb    string    `json:"verb"`
	Target  string    `json:"target"`
	Key     string    `json:"key"`
	Reason  string    `json:"reason"`
	Outcome string    `json:"outcome"`
}

// Help shows an example.
func (actionsCommand) Help() string {
	return `For example:

  $ mallbots actions
  2026-11-22T10:20:12Z  ordering  operator ada  edit 019a3d…  "its total was wrong"  done, the copy is 019a3e…`
}

// Run lists them, one a line.
func (a *actionsCommand) Run(ctx context.Context, c *Console) error {
	processes, err := operators(a.Ops)
	if err != nil {
		return err
	}
	all := []action{}
	for _, p := range processes {
		var answer struct{ Actions []action }
		if err := p.get(ctx, "/actions", url.Values{"key": {a.Key}, "limit": {strconv.Itoa(a.Limit)}}, &answer); err != nil {
			return err
		}
		all = append(all, answer.Actions...)
	}
	slices.SortStableFunc(all, func(x, y action) int { return y.At.Compare(x.At) })
	if a.JSON {
		return json.NewEncoder(c.Out).Encode(map[string]any{"actions": all})
	}
	for _, d := range all {
		c.Printf("%s  %s  %s  %s %s  %q  %s\n", d.At.Local().Format(time.RFC3339), d.Module, d.Actor, d.Verb, d.Target, d.Reason, d.Outcome)
	}
	if len(all) == 0 {
		c.Printf("Nobody has done anything.\n")
	}
	return nil
}
