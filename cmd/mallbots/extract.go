package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"mallbots/internal/broker"
	"mallbots/internal/commandline"
	"mallbots/internal/database"
	"mallbots/internal/extraction"
	"mallbots/internal/host"
)

// extractCommand writes a repository for one module.
type extractCommand struct {
	Module string `arg:"" help:"The module to extract."`
	To     string `required:"" env:"-" type:"path" help:"The folder to write: a new one, or an empty one, outside the checkout."`
	JSON   bool   `name:"json" env:"-" help:"Print the result as one JSON object."`
}

// Help shows an example.
func (extractCommand) Help() string {
	return `Run it in a checkout of this repository; git and go are needed. For example:

  $ mallbots extract depot --to=../depot
  $ cd ../depot && go build ./... && go test ./...

The module's data stays where it is until mallbots move takes it along.`
}

// Run extracts from the checkout around the working directory.
func (e *extractCommand) Run(ctx context.Context, c *commandline.Console) error {
	var names []string
	for _, m := range modules {
		names = append(names, m.Name)
	}
	extracted := extraction.Extraction{Checkout: ".", Module: e.Module, Modules: names, To: e.To}
	var err error
	if slices.Contains(names, e.Module) {
		if extracted.Rights, err = rightsOf(ctx, e.Module); err != nil {
			return err
		}
	}
	result, err := extracted.Run(ctx)
	if err != nil {
		return err
	}
	if e.JSON {
		return json.NewEncoder(c.Out).Encode(result)
	}
	c.Printf("%s holds the %s of %s: %d packages, %d files.\n", result.To, e.Module, result.Commit, len(result.Packages), result.Files)
	c.Printf("%d test files were left out, which need what it does not have; its README lists them.\n", len(result.LeftOut))
	c.Printf("Try it: cd %s && go build ./... && go test ./...\n", result.To)
	return nil
}

// rightsOf are files with the rights of a module, for the servers that it uses.
func rightsOf(ctx context.Context, module string) (map[string]string, error) {
	rights, err := host.Rights(ctx, host.Config{Modules: []string{module}}, modules)
	if err != nil {
		return nil, fmt.Errorf("extract: the rights of %s: %w", module, err)
	}
	return map[string]string{
		"docker/nats.conf":    broker.Authorization(rights),
		"docker/postgres.sql": database.Permissions("mallbots", module),
	}, nil
}
