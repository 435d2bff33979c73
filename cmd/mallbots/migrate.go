package main

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
func (m *migrateCommand) Run(ctx context.Context, c *console) error {
	config, err := m.config(c)
	if err != nil {
		return err
	}
	if err := host.Migrate(ctx, config, modules); err != nil {
		return err
	}
	c.printf("The databases of %s have this binary's schema.\n", strings.Join(m.Modules, ", "))
	return nil
}
