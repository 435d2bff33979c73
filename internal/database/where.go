package database

import (
	"cmp"
	"fmt"
	"os"
)

// Where says where a database is, for people and without secrets.
func Where(db DB) string {
	if known, ok := db.(interface{ where() string }); ok {
		return known.where()
	}
	return fmt.Sprintf("the %s database of %s", db.Dialect(), db.Module())
}

func (d *sqlite) where() string {
	host, _ := os.Hostname() // a file's path says little without it, and something
	return fmt.Sprintf("the SQLite file %s on %s", d.file, cmp.Or(host, "this machine"))
}

func (d *postgres) where() string {
	config := d.pool.Config().ConnConfig
	return fmt.Sprintf("PostgreSQL at %s, database %s, schema %s", address(config), config.Database, d.module)
}
