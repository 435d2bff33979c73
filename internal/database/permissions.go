package database

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrMigrationDue is what Open fails with when the schema is older than the
// program and the role may not change it. It passes when somebody migrates.
var ErrMigrationDue = errors.New("the schema is older than this program, and this role may not change it: " +
	"run the command migrate with the --database-url of the owner's role")

// What a runtime role may do with tables that are not like all others: nobody
// who serves requests changes what has happened, or which migrations have run.
var (
	readOnly   = []string{platformTable, moduleTable, floorTable}
	appendOnly = []string{"events", "operator_actions"}
)

// Roles are the names of a module's two roles in PostgreSQL, unquoted.
type Roles struct {
	Owner   string // migrates: it owns the schema and all in it
	Runtime string // serves: it owns nothing, and reads and writes rows
}

// RolesOf is how the roles of a module are called.
func RolesOf(prefix, module string) Roles {
	return Roles{Owner: prefix + "_" + module + "_owner", Runtime: prefix + "_" + module}
}

// Permissions writes the SQL that makes the roles of a module, its schema, and
// their rights, in the PostgreSQL database that it is run in. It may be run
// again at any time, by a superuser or by the database's owner who may create
// roles, and is one transaction. It holds no passwords.
func Permissions(prefix, module string) string {
	roles := RolesOf(prefix, module)
	return strings.NewReplacer(
		"{schema}", pgx.Identifier{module}.Sanitize(), "{owner}", pgx.Identifier{roles.Owner}.Sanitize(),
		"{runtime}", pgx.Identifier{roles.Runtime}.Sanitize(), "{module}", module,
		"{'owner'}", literal(roles.Owner), "{'runtime'}", literal(roles.Runtime), "{'schema'}", literal(module),
		"{read only}", literals(readOnly), "{append only}", literals(appendOnly),
	).Replace(permissions)
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func literals(all []string) string {
	var quoted []string
	for _, text := range all {
		quoted = append(quoted, literal(text))
	}
	return strings.Join(quoted, ", ")
}

const permissions = `-- The module {module}: {owner} migrates, {runtime} serves.
BEGIN;
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY[{'owner'}, {'runtime'}] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
  END LOOP;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('GRANT %I TO CURRENT_USER', {'owner'}); -- to act for it below
  END IF;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner};
ALTER SCHEMA {schema} OWNER TO {owner};
REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;
GRANT USAGE ON SCHEMA {schema} TO {runtime};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {runtime};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT USAGE ON SEQUENCES TO {runtime}; -- to take numbers
GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {runtime};
CREATE OR REPLACE FUNCTION {schema}.quiesce_events() RETURNS void -- what else takes the right to change them
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema} AS 'BEGIN LOCK TABLE {schema}.events IN SHARE MODE; END';
ALTER FUNCTION {schema}.quiesce_events() OWNER TO {owner};
REVOKE ALL ON FUNCTION {schema}.quiesce_events() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {schema}.quiesce_events() TO {runtime};
DO $$
DECLARE
  name text;
BEGIN -- tables that are here already
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = {'schema'}::regnamespace AND relkind IN ('r', 'p') LOOP
    EXECUTE format('ALTER TABLE {schema}.%I OWNER TO {owner}', name);
    EXECUTE format('REVOKE ALL ON {schema}.%I FROM PUBLIC, {runtime}', name);
    EXECUTE format('GRANT %s ON {schema}.%I TO {runtime}', CASE
      WHEN name IN ({read only}) THEN 'SELECT'
      WHEN name IN ({append only}) THEN 'SELECT, INSERT'
      ELSE 'SELECT, INSERT, UPDATE, DELETE' END, name);
  END LOOP;
END $$;
COMMIT;
`

// restrict takes from all but the owner what the tables' default rights give
// too much of. Where there is one role for everything, it does nothing.
func (s schema) restrict(ctx context.Context) error {
	const grantees = `DO $$
DECLARE
  given record;
BEGIN
  FOR given IN SELECT DISTINCT c.relname AS name, r.rolname AS role FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
      WHERE c.relnamespace = current_schema()::regnamespace AND c.relname IN (%s) AND a.grantee <> c.relowner LOOP
    EXECUTE format('REVOKE %s ON %%I FROM %%I', given.name, given.role);
  END LOOP;
END $$`
	for _, statement := range []string{
		fmt.Sprintf(grantees, literals(readOnly), "INSERT, UPDATE, DELETE, TRUNCATE"),
		fmt.Sprintf(grantees, literals(appendOnly), "UPDATE, DELETE, TRUNCATE"),
	} {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("take from others what is the owner's: %w", err)
		}
	}
	return nil
}

// due is err, as ErrMigrationDue when it says that the role lacks rights.
func due(err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) && (server.Code == "42501" || server.Code == "3F000") { // insufficient privilege, no schema to create in
		return fmt.Errorf("%w: %w", ErrMigrationDue, err)
	}
	return err
}
