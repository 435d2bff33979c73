package commandline

import (
	"context"
	"net/url"
)

// projectionsCommand keeps the read models.
type projectionsCommand struct {
	Rebuild projectionsRebuildCommand `cmd:"" help:"Clear a module's read models and make them anew from its events."`
}

type projectionsRebuildCommand struct {
	atOps
	asSomebody
	Module string `env:"-" help:"Only this module; without it, every module of the process."`
}

// Run rebuilds, and names the tables that it has rebuilt.
func (p *projectionsRebuildCommand) Run(ctx context.Context, c *Console) error {
	o, err := p.by(p.Ops)
	if err != nil {
		return err
	}
	query := url.Values{}
	if p.Module != "" {
		query.Set("module", p.Module)
	}
	var answer struct {
		Rebuilt []string `json:"rebuilt"`
	}
	if err := o.post(ctx, "/projections/rebuild", query, nil, &answer); err != nil {
		return err
	}
	for _, table := range answer.Rebuilt {
		c.Printf("%s is rebuilt\n", table)
	}
	return nil
}
