package credential

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/identity"
	"mallbots/internal/operator"
)

// Database is the name of the database that keeps the keys: a file, or a schema.
const Database = "keys"

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are those of the database of the keys.
func Migrations() embed.FS { return migrations }

// reloadEvery is how late a process may learn of what another one did.
const reloadEvery = 2 * time.Second

// topic is notified when a key was made or revoked.
const topic = "keys"

// Keys are the API keys. All of them are held in memory, so that asking for one
// costs no query; Run keeps them fresh.
type Keys struct {
	db  database.DB
	log *slog.Logger

	mu     sync.RWMutex
	byID   map[string]Key
	loaded time.Time
	failed error
}

// OpenKeys reads the keys of a database.
func OpenKeys(ctx context.Context, db database.DB, log *slog.Logger) (*Keys, error) {
	k := &Keys{db: db, log: log}
	return k, k.load(ctx)
}

// Run reads the keys again when they have changed, until ctx ends.
func (k *Keys) Run(ctx context.Context) error {
	changed, stop := k.db.Listen(topic)
	defer stop()
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-tick.C:
		}
		if err := k.load(ctx); err != nil && ctx.Err() == nil {
			k.log.WarnContext(ctx, "the API keys could not be read again; those that are known go on", "error", err)
		}
	}
}

// Health says why the keys may be out of date, nil when they are not.
func (k *Keys) Health() error {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.failed != nil {
		return fmt.Errorf("not read since %s: %w", k.loaded.UTC().Format(time.RFC3339), k.failed)
	}
	return nil
}

func (k *Keys) load(ctx context.Context) error {
	all, err := k.List(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failed = err; err != nil {
		return err
	}
	k.byID, k.loaded = make(map[string]Key, len(all)), time.Now()
	for _, key := range all {
		k.byID[key.ID] = key
	}
	return nil
}

// find returns a key by its id.
func (k *Keys) find(id string) (Key, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	key, ok := k.byID[id]
	return key, ok
}

const selectKeys = `SELECT id, hash, holder, roles, customer, stores, created_at, created_by, expires_at, revoked_at FROM keys`

func scanKey(row database.Row) (Key, error) {
	var k Key
	var roles, stores string
	var created, expires, revoked int64
	err := row.Scan(&k.ID, &k.Hash, &k.Holder, &roles, &k.Customer, &stores, &created, &k.By, &expires, &revoked)
	for word := range strings.FieldsSeq(roles) {
		k.Roles = append(k.Roles, identity.Role(word))
	}
	k.Stores = strings.Fields(stores)
	k.Created, k.Expires = database.Time(created), database.Time(expires)
	if revoked != 0 {
		k.Revoked = database.Time(revoked)
	}
	return k, err
}

// List returns every key there ever was, the oldest first.
func (k *Keys) List(ctx context.Context) ([]Key, error) {
	all, err := database.All(ctx, k.db, scanKey, selectKeys+` ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("read the API keys: %w", err)
	}
	return all, nil
}

// Add keeps a key from now on. The same key can be added again, to no effect.
// Errors: ErrKeyMalformed, ErrTwoLive, ErrOtherScope.
func (k *Keys) Add(ctx context.Context, key Key) error {
	now := time.Now().UTC()
	if err := key.check(now); err != nil {
		return err
	}
	key.Created, key.By = now, cause.From(ctx).Actor
	roles := make([]string, len(key.Roles))
	for i, r := range key.Roles {
		roles[i] = string(r)
	}
	return k.change(ctx, func(tx database.Tx) error {
		live := 0
		all, err := database.All(ctx, tx, scanKey, selectKeys+` WHERE holder = $1`, key.Holder)
		if err != nil {
			return err
		}
		for _, other := range all {
			if other.ID == key.ID && other.Hash == key.Hash {
				return nil
			}
			if !other.Live(now) {
				continue
			}
			if !other.sameScope(key) {
				return ErrOtherScope.With("%s", other.ID)
			}
			live++
		}
		if live >= 2 {
			return ErrTwoLive.With("see mallbots keys list")
		}
		operator.Record(ctx, tx, operator.Action{Verb: "keys create", Target: key.ID, Key: key.Holder})
		_, err = tx.Exec(ctx, `INSERT INTO keys (id, hash, holder, roles, customer, stores, created_at, created_by, expires_at, revoked_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)`,
			key.ID, key.Hash, key.Holder, strings.Join(roles, " "), key.Customer, strings.Join(key.Stores, " "),
			database.Micros(key.Created), key.By, database.Micros(key.Expires))
		return err
	})
}

// Revoke ends a key, at once in this process and within seconds in others. One
// that is revoked already stays so. Error: ErrNoKey.
func (k *Keys) Revoke(ctx context.Context, id, reason string) error {
	return k.change(ctx, func(tx database.Tx) error {
		key, err := database.All(ctx, tx, scanKey, selectKeys+` WHERE id = $1`, id)
		switch {
		case err != nil:
			return err
		case len(key) == 0:
			return ErrNoKey.With("%s", id)
		case !key[0].Revoked.IsZero():
			return nil
		}
		operator.Record(ctx, tx, operator.Action{Verb: "keys revoke", Target: id, Key: key[0].Holder, Reason: reason})
		_, err = tx.Exec(ctx, `UPDATE keys SET revoked_at = $1 WHERE id = $2`, database.Micros(time.Now()), id)
		return err
	})
}

// change commits what do does, and reads the keys again.
func (k *Keys) change(ctx context.Context, do func(tx database.Tx) error) error {
	err := k.db.InTx(ctx, func(tx database.Tx) error {
		tx.Notify(topic)
		return do(tx)
	})
	if err != nil {
		return err
	}
	return k.load(ctx)
}
