package commandline

import (
	"context"
	"strings"

	"mallbots/internal/host"
)

// migrateCommand is for a release step that runs before the new processes do.
type migrateCommand struct {
	hosting
}

// Run migrates every chosen module, and says so.
func (m *migrateCommand) Run(ctx context.Context, c *Console, p *Program) error {
	config, err := m.config(c)
	if err != nil {
		return err
	}
	if err := host.Migrate(ctx, config, p.Modules); err != nil {
		return err
	}
	c.Printf("The databases of %s have this binary's schema.\n", strings.Join(m.Modules, ", "))
	return nil
}
