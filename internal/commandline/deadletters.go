package commandline

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// deadlettersCommand is the operator's way with messages that could not be handled.
type deadlettersCommand struct {
	List    deadlettersListCommand    `cmd:"" help:"List dead letters, the oldest first."`
	Show    deadlettersShowCommand    `cmd:"" help:"Show one, with its message, cause and stack. Secrets are masked."`
	Preview deadlettersPreviewCommand `cmd:"" help:"Say what some are about: orders, money, and how many messages wait behind them."`
	Retry   deadlettersRetryCommand   `cmd:"" help:"Handle some again, and the later messages of their keys, in order."`
	Edit    deadlettersEditCommand    `cmd:"" help:"Put an edited copy in the place of one. Nothing is handled before the copy is retried."`
	Discard deadlettersDiscardCommand `cmd:"" help:"Give some up for good, saying why. They stay to be looked at."`
}

// atOps is the flag of every command that speaks to one process's ops listener.
type atOps struct {
	Ops string `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URL of the process's ops listener."`
}

// asSomebody is the flag of every command whose use is recorded.
type asSomebody struct {
	As string `env:"MALLBOTS_AS" help:"Who does it, for the record. The user of the operating system, if not said."`
}

// by returns the process's listener, told who speaks to it.
func (a asSomebody) by(ops string) (*operator, error) {
	o, err := operatorAt(ops)
	if err != nil {
		return nil, err
	}
	if o.as = a.As; o.as == "" {
		o.as = systemUser()
	}
	return o, nil
}

// all returns several listeners, told who speaks to them.
func (a asSomebody) all(ops []string) ([]*operator, error) {
	var all []*operator
	for _, address := range ops {
		o, err := a.by(address)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// chosenLetters are the flags that choose dead letters.
type chosenLetters struct {
	Module  string        `env:"-" help:"Only of this module."`
	Type    string        `env:"-" help:"Only of this event type, by its full name or the end of it."`
	Key     string        `env:"-" help:"Only of this key, the id of the aggregate."`
	Cause   string        `env:"-" help:"Only of this cause: rejected, undecodable, unknown-content, invalid-envelope, exhausted, panic, timeout, gap; or held, for what waits behind others."`
	Older   time.Duration `name:"older-than" env:"-" help:"Only what failed first so long ago, such as 1h."`
	Younger time.Duration `name:"younger-than" env:"-" help:"Only what failed first since then."`
	Limit   int           `env:"-" default:"100" help:"How many at most, to 1000."`
}

func (l chosenLetters) query() url.Values {
	query := url.Values{"limit": {strconv.Itoa(l.Limit)}}
	for name, value := range map[string]string{"module": l.Module, "type": l.Type, "key": l.Key, "cause": l.Cause} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, age := range map[string]time.Duration{"olderThan": l.Older, "youngerThan": l.Younger} {
		if age > 0 {
			query.Set(name, age.String())
		}
	}
	return query
}

// some says whether anything but the number is chosen.
func (l chosenLetters) some() bool {
	l.Limit = 0
	return l != chosenLetters{}
}

type deadlettersListCommand struct {
	atOps
	chosenLetters
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Run prints one line for each dead letter.
func (d *deadlettersListCommand) Run(ctx context.Context, c *Console) error {
	o, err := operatorAt(d.Ops)
	if err != nil {
		return err
	}
	var answer struct {
		DeadLetters []map[string]any `json:"deadLetters"`
	}
	if err := o.get(ctx, "/deadletters", d.query(), &answer); err != nil {
		return err
	}
	if d.JSON {
		return json.NewEncoder(c.Out).Encode(answer)
	}
	for _, letter := range answer.DeadLetters {
		c.Printf("%s\n", letterLine(letter))
	}
	if len(answer.DeadLetters) == 0 {
		c.Printf("There are no dead letters.\n")
	}
	return nil
}

// letterLine is the gist of a dead letter on one line.
func letterLine(letter map[string]any) string {
	var words []string
	for _, field := range []string{"id", "consumer", "type", "key", "sequence", "attempts", "held", "first", "cause", "error"} {
		if value, ok := letter[field]; ok {
			text, _, _ := strings.Cut(fmt.Sprint(value), "\n")
			words = append(words, field+"="+text)
		}
	}
	return strings.Join(words, "  ")
}

type deadlettersShowCommand struct {
	atOps
	ID string `arg:"" help:"The dead letter's id."`
}

// Run prints everything that is known of a dead letter.
func (d *deadlettersShowCommand) Run(ctx context.Context, c *Console) error {
	o, err := operatorAt(d.Ops)
	if err != nil {
		return err
	}
	var letter json.RawMessage
	if err := o.get(ctx, "/deadletters/"+url.PathEscape(d.ID), nil, &letter); err != nil {
		return err
	}
	return printIndented(c, letter)
}

// printIndented prints JSON for people.
func printIndented(c *Console, value json.RawMessage) error {
	indented, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	c.Printf("%s\n", indented)
	return nil
}
