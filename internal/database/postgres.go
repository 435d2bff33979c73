package database

import (
	"context"
	"errors"
	"io/fs"
)

func openPostgres(ctx context.Context, config Config, migrations fs.FS) (DB, error) {
	return nil, errors.New("database: PostgreSQL: not yet")
}
