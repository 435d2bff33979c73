package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// deadlettersCommand is the operator's way with messages that could not be handled.
type deadlettersCommand struct {
	List    deadlettersListCommand    `cmd:"" help:"List dead letters, the oldest first."`
	Show    deadlettersShowCommand    `cmd:"" help:"Show one, with its message, cause and stack."`
	Retry   deadlettersRetryCommand   `cmd:"" help:"Handle one again, and the later messages of its key, in order."`
	Discard deadlettersDiscardCommand `cmd:"" help:"Give one up for good, saying why."`
}

// atOps is the flag of every command that speaks to one process's ops listener.
type atOps struct {
	Ops string `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URL of the process's ops listener."`
}

type deadlettersListCommand struct {
	atOps
	Module string `env:"-" help:"Only of this module."`
	Type   string `env:"-" help:"Only of this event type, by its full name."`
	Key    string `env:"-" help:"Only of this key, the id of the aggregate."`
	Cause  string `env:"-" help:"Only with this in their cause."`
	Limit  int    `env:"-" default:"100" help:"How many at most, to 1000."`
	JSON   bool   `name:"json" help:"Print one JSON object."`
}

// Run prints one line for each dead letter.
func (d *deadlettersListCommand) Run(ctx context.Context, c *console) error {
	o, err := operatorAt(d.Ops)
	if err != nil {
		return err
	}
	query := url.Values{"limit": {strconv.Itoa(d.Limit)}}
	for name, value := range map[string]string{"module": d.Module, "type": d.Type, "key": d.Key, "cause": d.Cause} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var answer struct {
		DeadLetters []map[string]any `json:"deadLetters"`
	}
	if err := o.get(ctx, "/deadletters", query, &answer); err != nil {
		return err
	}
	if d.JSON {
		return json.NewEncoder(c.out).Encode(answer)
	}
	for _, letter := range answer.DeadLetters {
		c.printf("%s\n", letterLine(letter))
	}
	if len(answer.DeadLetters) == 0 {
		c.printf("There are no dead letters.\n")
	}
	return nil
}

// letterLine is the gist of a dead letter on one line.
func letterLine(letter map[string]any) string {
	var words []string
	for _, field := range []string{"id", "consumer", "type", "key", "attempts", "held", "cause", "error"} {
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
func (d *deadlettersShowCommand) Run(ctx context.Context, c *console) error {
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

type deadlettersRetryCommand struct {
	atOps
	IDs []string `arg:"" name:"id" help:"The dead letters' ids."`
}

// Run has each handled again.
func (d *deadlettersRetryCommand) Run(ctx context.Context, c *console) error {
	o, err := operatorAt(d.Ops)
	if err != nil {
		return err
	}
	for _, id := range d.IDs {
		var answer json.RawMessage
		if err := o.post(ctx, "/deadletters/"+url.PathEscape(id)+"/retry", nil, nil, &answer); err != nil {
			return fmt.Errorf("retry %s: %w", id, err)
		}
		c.printf("%s is handled again\n", id)
	}
	return nil
}

type deadlettersDiscardCommand struct {
	atOps
	IDs    []string `arg:"" name:"id" help:"The dead letters' ids."`
	Reason string   `required:"" env:"-" help:"Why they may be given up; it is kept."`
}

// Run gives each up.
func (d *deadlettersDiscardCommand) Run(ctx context.Context, c *console) error {
	o, err := operatorAt(d.Ops)
	if err != nil {
		return err
	}
	for _, id := range d.IDs {
		var answer json.RawMessage
		body := map[string]string{"reason": d.Reason}
		if err := o.post(ctx, "/deadletters/"+url.PathEscape(id)+"/discard", nil, body, &answer); err != nil {
			return fmt.Errorf("discard %s: %w", id, err)
		}
		c.printf("%s is discarded\n", id)
	}
	return nil
}

// printIndented prints JSON for people.
func printIndented(c *console, value json.RawMessage) error {
	indented, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	c.printf("%s\n", indented)
	return nil
}
