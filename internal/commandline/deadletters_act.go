package commandline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/user"
	"strings"
	"time"

	"mallbots/internal/client"
)

// systemUser is who the operating system says it is.
func systemUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}

type deadlettersRetryCommand struct {
	atOps
	asSomebody
	chosenLetters
	Rate float64  `env:"-" default:"10" help:"How many at most in a second."`
	IDs  []string `arg:"" optional:"" name:"id" help:"The dead letters' ids; none means those that the flags choose."`
}

// Run has each handled again. One that fails again stays where it is, and the
// others go on.
func (d *deadlettersRetryCommand) Run(ctx context.Context, c *Console) error {
	o, err := d.by(d.Ops)
	if err != nil {
		return err
	}
	if d.Rate <= 0 {
		return fmt.Errorf("--rate=%g: want more than nothing a second", d.Rate)
	}
	ids := d.IDs
	if len(ids) == 0 {
		if !d.some() {
			return errors.New("name the dead letters by id, or choose them with --module, --type, --key, --cause, --older-than or --younger-than")
		}
		var answer struct{ DeadLetters []struct{ ID string } }
		if err := o.get(ctx, "/deadletters", d.query(), &answer); err != nil {
			return err
		}
		for _, l := range answer.DeadLetters {
			ids = append(ids, l.ID)
		}
	}
	failed := 0
	for i, id := range ids {
		if i > 0 {
			if err := client.Sleep(ctx, time.Duration(float64(time.Second)/d.Rate)); err != nil {
				return err
			}
		}
		var answer json.RawMessage
		if err := o.post(ctx, "/deadletters/"+url.PathEscape(id)+"/retry", nil, nil, &answer); err != nil {
			failed++
			c.Note("retry %s: %v", id, err)
			continue
		}
		c.Printf("%s is handled again\n", id)
	}
	c.Note("%d of %d were handled again", len(ids)-failed, len(ids))
	if failed > 0 {
		return ErrSilent
	}
	return nil
}

type deadlettersEditCommand struct {
	atOps
	asSomebody
	ID     string `arg:"" help:"The dead letter's id."`
	Data   string `env:"-" required:"" help:"The event as JSON, as show prints its payload; @FILE reads it from there, and - from the standard input. Secrets left masked stay as they are."`
	Reason string `required:"" env:"-" help:"Why it is changed; it is kept."`
}

// Run puts the copy in its place, and says how to go on.
func (d *deadlettersEditCommand) Run(ctx context.Context, c *Console) error {
	o, err := d.by(d.Ops)
	if err != nil {
		return err
	}
	data := []byte(d.Data)
	if file, isFile := strings.CutPrefix(d.Data, "@"); isFile {
		data, err = os.ReadFile(file)
	} else if d.Data == "-" {
		data, err = io.ReadAll(os.Stdin)
	}
	if err != nil {
		return err
	}
	if !json.Valid(data) {
		return errors.New("--data is no JSON")
	}
	var answer struct{ Copy string }
	body := map[string]any{"reason": d.Reason, "data": json.RawMessage(data)}
	if err := o.post(ctx, "/deadletters/"+url.PathEscape(d.ID)+"/edit", nil, body, &answer); err != nil {
		return err
	}
	c.Printf("%s is in its place; handle it with: mallbots deadletters retry %s\n", answer.Copy, answer.Copy)
	return nil
}

type deadlettersDiscardCommand struct {
	atOps
	asSomebody
	IDs    []string `arg:"" name:"id" help:"The dead letters' ids."`
	Reason string   `required:"" env:"-" help:"Why they may be given up; it is kept."`
}

// Run gives each up.
func (d *deadlettersDiscardCommand) Run(ctx context.Context, c *Console) error {
	o, err := d.by(d.Ops)
	if err != nil {
		return err
	}
	for _, id := range d.IDs {
		var answer json.RawMessage
		body := map[string]string{"reason": d.Reason}
		if err := o.post(ctx, "/deadletters/"+url.PathEscape(id)+"/discard", nil, body, &answer); err != nil {
			return fmt.Errorf("discard %s: %w", id, err)
		}
		c.Printf("%s is discarded\n", id)
	}
	return nil
}
