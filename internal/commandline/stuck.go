package commandline

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"

	"mallbots/internal/host"
)

// ordersCommand looks after orders.
type ordersCommand struct {
	Stuck ordersStuckCommand `cmd:"" help:"List the orders that have waited too long, for what, and the command that helps."`
}

type ordersStuckCommand struct {
	Ops   []string      `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URLs of the ops listeners of all processes of the mall."`
	Older time.Duration `name:"older-than" default:"5m" env:"-" help:"Only those that have not changed for so long."`
	Limit int           `default:"50" env:"-" help:"How many at most, to 1000."`
	JSON  bool          `name:"json" help:"Print one JSON object."`
}

// Help shows an example.
func (ordersStuckCommand) Help() string {
	return `For example:

  $ mallbots orders stuck --older-than=10m
  order 019a3c…  PENDING since 10:14:02 (12m3s), USD 21.98
    in depot, since 10:14:01, for an operator: OrderCreated, message 1, is a dead letter (rejected: …)
      mallbots deadletters retry 019a3d…
  1 order is stuck.`
}

// stuckOrder is an order, and what it waits for.
type stuckOrder struct {
	host.Subject
	Waits []wait `json:"waits"`
}

// Run lists them.
func (s *ordersStuckCommand) Run(ctx context.Context, c *Console) error {
	processes, err := operators(s.Ops)
	if err != nil {
		return err
	}
	orders, err := s.find(ctx, processes)
	if err != nil {
		return err
	}
	if s.JSON {
		return json.NewEncoder(c.Out).Encode(map[string]any{"orders": orders})
	}
	now := time.Now()
	for _, o := range orders {
		c.Printf("order %s  %s%s%s\n", o.ID, o.State, since(o.Since, now), worth(o.Subject))
		for _, w := range o.Waits {
			c.Printf("  %s\n", w.sentence(now))
			if w.Command != "" {
				c.Printf("    %s\n", w.Command)
			}
		}
	}
	switch len(orders) {
	case 0:
		c.Printf("No order is stuck.\n")
	case 1:
		c.Printf("1 order is stuck.\n")
	default:
		c.Printf("%d orders are stuck.\n", len(orders))
	}
	return nil
}

// find returns the orders that have not come to an end, and check-outs that
// never became one, the oldest first.
func (s *ordersStuckCommand) find(ctx context.Context, processes []*operator) ([]stuckOrder, error) {
	query := url.Values{"olderThan": {s.Older.String()}, "limit": {strconv.Itoa(s.Limit)}}
	found := map[string]host.Subject{}
	for _, p := range processes {
		var answer struct{ Stuck []host.Subject }
		if err := p.get(ctx, "/stuck", query, &answer); err != nil {
			return nil, err
		}
		for _, subject := range answer.Stuck {
			if _, known := found[subject.ID]; !known || subject.Kind == "order" {
				found[subject.ID] = subject
			}
		}
	}
	orders := []stuckOrder{}
	for id := range found {
		t, err := storiesFrom(ctx, processes, id)
		if err != nil {
			return nil, err
		}
		if o, is := order(t); is {
			orders = append(orders, stuckOrder{o, t.waits()})
		}
	}
	slices.SortFunc(orders, func(a, b stuckOrder) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return orders[:min(len(orders), s.Limit)], nil
}

// order is what is told of, if it is an order, or a basket that should be one.
func order(t told) (host.Subject, bool) {
	var basket host.Subject
	for _, s := range t.Stories {
		for _, subject := range s.Subjects {
			switch subject.Kind {
			case "order":
				return subject, true
			case "basket":
				basket = subject
			}
		}
	}
	return basket, basket.ID != ""
}
