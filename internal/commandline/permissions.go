package commandline

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"mallbots/internal/broker"
	"mallbots/internal/credential"
	"mallbots/internal/database"
	"mallbots/internal/host"
)

// permissionsCommand prints what the servers have to know so that each module
// has the rights that it needs, and no others. It connects to nothing.
type permissionsCommand struct {
	NATS     permissionsNATSCommand     `cmd:"" name:"nats" help:"Print the users of a NATS server and their rights, to include in its configuration."`
	Postgres permissionsPostgresCommand `cmd:"" help:"Print the SQL that makes the modules' roles and schemas. It may be run again at any time."`
}

type permissionsNATSCommand struct {
	Modules []string `help:"The modules that use the server. None: all that are linked."`
}

// Run prints the part of the configuration.
func (p *permissionsNATSCommand) Run(ctx context.Context, c *Console, program *Program) error {
	rights, err := host.Rights(ctx, host.Config{Modules: p.Modules}, program.Modules)
	if err != nil {
		return err
	}
	c.Printf("%s", broker.Authorization(rights))
	return nil
}

type permissionsPostgresCommand struct {
	Modules    []string `help:"The modules that use the database. None: all that are linked."`
	RolePrefix string   `default:"mallbots" help:"What the roles' names begin with: a server may have several malls."`
	Keys       bool     `default:"true" negatable:"" help:"The API keys are in this database too."`
	Passwords  bool     `help:"Have psql (of version 14 or later) set passwords, from its environment: MALLBOTS_DATABASE_PASSWORD_<MODULE> and ..._<MODULE>_OWNER, where they are there."`
}

var goodPrefix = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)

// Run prints the SQL.
func (p *permissionsPostgresCommand) Run(c *Console, program *Program) error {
	if !goodPrefix.MatchString(p.RolePrefix) {
		return fmt.Errorf("--role-prefix=%s: use at most 31 small letters, digits and underscores, a letter first", p.RolePrefix)
	}
	c.Printf("-- Roles and rights of the mall, in the database that this is run in:\n" +
		"-- psql -v ON_ERROR_STOP=1 -d DATABASE -f FILE\n" +
		"-- For each module, _owner is for the command migrate, and the other for serve.\n")
	modules := p.Modules
	if len(modules) == 0 {
		modules = program.names()
	}
	if p.Keys {
		modules = append(modules, credential.Database)
	}
	for _, module := range modules {
		if !known(program, module) {
			return fmt.Errorf("there is no module %q in this binary; it has %s", module, strings.Join(program.names(), ", "))
		}
		c.Printf("\n%s", database.Permissions(p.RolePrefix, module))
		roles := database.RolesOf(p.RolePrefix, module)
		for _, role := range []string{roles.Owner, roles.Runtime} {
			if p.Passwords {
				c.Printf(password, strings.ToUpper(strings.TrimPrefix(role, p.RolePrefix+"_")), role)
			}
		}
	}
	return nil
}

// password is what psql does to set one, if it has it.
const password = `\unset password
\getenv password MALLBOTS_DATABASE_PASSWORD_%s
\if :{?password}
ALTER ROLE "%s" PASSWORD :'password';
\endif
`

func known(program *Program, module string) bool {
	if module == credential.Database {
		return true
	}
	for _, name := range program.names() {
		if name == module {
			return true
		}
	}
	return false
}
