package host

import (
	"context"
	"errors"
	"fmt"

	"mallbots/internal/api"
)

// Migrate brings the databases of the chosen modules to the schema that this
// binary knows, and does nothing else: no broker, no listener, no loop.
func Migrate(ctx context.Context, config Config, linked []Module) (err error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return err
	}
	modules, err := config.choose(linked)
	if err != nil {
		return err
	}
	if config.DatabaseURL == "" {
		release, err := lockData(config.Data)
		if err != nil {
			return err
		}
		defer release()
	}
	h := newHost(config)
	h.RPC = api.NewServer(api.Options{Log: config.Log})
	defer func() {
		for _, s := range h.services {
			err = errors.Join(err, s.DB.Close())
		}
	}()
	for _, m := range modules {
		if err := m.New(ctx, h); err != nil { // opening a database migrates it
			return fmt.Errorf("migrate module %s: %w", m.Name, err)
		}
	}
	return nil
}
