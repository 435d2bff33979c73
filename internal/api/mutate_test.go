package api_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/api"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
	"mallbots/internal/outbox"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// migrations is a module with one table: effects are counted in it.
var migrations = fstest.MapFS{"migrations/0001_effects.sql": {Data: []byte("-- +goose Up\nCREATE TABLE effects (name TEXT NOT NULL);\n")}}

const newStore = `{"name":"Teas","location":"Hall 1"}`

// effect records that a mutation happened.
func effect(ctx context.Context, tx database.Tx, name string) error {
	_, err := tx.Exec(ctx, `INSERT INTO effects (name) VALUES ($1)`, name)
	return err
}

func effects(t *testing.T, db database.DB) int64 {
	t.Helper()
	count, err := database.One(t.Context(), db, database.Value[int64], `SELECT COUNT(*) FROM effects`)
	require.NoError(t, err)
	return count
}

// creating answers each store with the number of the attempt as its id.
func creating(db database.DB, attempts *atomic.Int64) *stores {
	return &stores{create: func(ctx context.Context, req *storesv1.CreateStoreRequest) (*storesv1.CreateStoreResponse, error) {
		return api.Mutate(ctx, db, req, func(ctx context.Context, tx database.Tx) (*storesv1.CreateStoreResponse, error) {
			n := attempts.Add(1)
			api.SetETag(ctx, n)
			if err := effect(ctx, tx, req.GetName()); err != nil {
				return nil, err
			}
			if strings.HasPrefix(req.GetName(), "Refused") {
				return nil, fault.New(fault.Conflict, "REFUSED", "refused")
			}
			if err := outbox.Publish(ctx, tx, "s"+strconv.FormatInt(n, 10), &storesv1.StoreCreated{Name: req.GetName()}); err != nil {
				return nil, err
			}
			return &storesv1.CreateStoreResponse{Id: strconv.FormatInt(n, 10)}, nil
		})
	}}
}

func TestTheSameRequestWithTheSameKeyHasOneEffect(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		var attempts atomic.Int64
		s := start(t, api.Options{}, api.Process{}, creating(db, &attempts), nil)

		code, first, body := s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", "k1")
		require.Equal(t, http.StatusOK, code, body)
		require.Equal(t, `{"id":"1"}`, body)
		require.Equal(t, "stores/s1@1", first.Get("Mallbots-Position"))
		require.Equal(t, `"1"`, first.Get("ETag"))

		again := start(t, api.Options{}, api.Process{}, creating(db, &attempts), nil) // as after a crash
		for _, s := range []*server{s, again} {
			code, header, body := s.call(t, "POST", "/api/stores", `{"location":"Hall 1", "name":"Teas"}`, "Idempotency-Key", "k1")
			require.Equal(t, http.StatusOK, code, body)
			require.Equal(t, `{"id":"1"}`, body)
			require.Equal(t, first.Get("Mallbots-Position"), header.Get("Mallbots-Position"))
			require.Equal(t, first.Get("ETag"), header.Get("ETag"))
		}
		require.EqualValues(t, 1, effects(t, db))

		code, _, body = s.call(t, "POST", "/api/stores", `{"name":"Coffees","location":"Hall 1"}`, "Idempotency-Key", "k1")
		require.Equal(t, http.StatusUnprocessableEntity, code)
		require.Contains(t, body, "IDEMPOTENCY_KEY_REUSED")

		_, _, body = s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", "k2")
		require.NotEqual(t, `{"id":"1"}`, body)
		_, _, body = s.call(t, "POST", "/api/stores", newStore)
		require.NotEqual(t, `{"id":"1"}`, body)
		require.EqualValues(t, 3, effects(t, db))
	})
}

func TestOnlySuccessesAreStoredForAKey(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		var attempts atomic.Int64
		s := start(t, api.Options{}, api.Process{}, creating(db, &attempts), nil)
		for range 2 {
			code, header, _ := s.call(t, "POST", "/api/stores", `{"name":"Refused","location":"x"}`, "Idempotency-Key", "k1")
			require.Equal(t, http.StatusConflict, code)
			require.Empty(t, header.Get("Mallbots-Position"))
			require.Empty(t, header.Get("ETag"))
		}
		require.EqualValues(t, 2, attempts.Load(), "it is tried each time")
		require.Zero(t, effects(t, db))
		code, _, _ := s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", "k1")
		require.Equal(t, http.StatusOK, code, "the key is still free")
	})
}

func TestASecondRequestWhileTheFirstIsAtWorkIsRefused(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		entered, release := make(chan bool), make(chan bool)
		s := start(t, api.Options{}, api.Process{}, &stores{create: func(ctx context.Context, req *storesv1.CreateStoreRequest) (*storesv1.CreateStoreResponse, error) {
			return api.Mutate(ctx, db, req, func(ctx context.Context, tx database.Tx) (*storesv1.CreateStoreResponse, error) {
				entered <- true
				<-release
				return &storesv1.CreateStoreResponse{Id: "1"}, effect(ctx, tx, req.GetName())
			})
		}}, nil)
		first := make(chan string)
		go func() {
			_, _, body := s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", "k1")
			first <- body
		}()
		<-entered
		code, _, body := s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", "k1")
		require.Equal(t, http.StatusConflict, code)
		require.Contains(t, body, "IDEMPOTENCY_IN_FLIGHT")
		close(release)
		require.Equal(t, `{"id":"1"}`, <-first)
		require.EqualValues(t, 1, effects(t, db))
	})
}

func TestTwoProcessesWithTheSameRequestHaveOneEffect(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		var attempts atomic.Int64
		servers := make([]*server, 8) // each is a process: only the database knows of the others
		for i := range servers {
			servers[i] = start(t, api.Options{}, api.Process{}, creating(db, &attempts), nil)
		}
		bodies := make(chan string)
		for _, s := range servers {
			go func() {
				_, _, body := s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", "k1")
				bodies <- body
			}()
		}
		want := <-bodies
		require.Contains(t, want, `"id"`)
		for range len(servers) - 1 {
			require.Equal(t, want, <-bodies)
		}
		require.EqualValues(t, 1, effects(t, db))
	})
}

func TestALostRaceIsRunAgainAFewTimes(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		var attempts atomic.Int64
		lose := int64(3)
		s := start(t, api.Options{}, api.Process{}, &stores{create: func(ctx context.Context, req *storesv1.CreateStoreRequest) (*storesv1.CreateStoreResponse, error) {
			return api.Mutate(ctx, db, req, func(ctx context.Context, tx database.Tx) (*storesv1.CreateStoreResponse, error) {
				if err := effect(ctx, tx, req.GetName()); err != nil {
					return nil, err
				}
				if attempts.Add(1) <= lose {
					return nil, eventsourcing.ErrConflict
				}
				return &storesv1.CreateStoreResponse{Id: "1"}, nil
			})
		}}, nil)
		code, _, _ := s.call(t, "POST", "/api/stores", newStore)
		require.Equal(t, http.StatusOK, code)
		require.EqualValues(t, 4, attempts.Load())
		require.EqualValues(t, 1, effects(t, db))

		attempts.Store(0)
		lose = 1000
		code, _, body := s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", "k1")
		require.Equal(t, http.StatusConflict, code)
		require.Contains(t, body, "CONCURRENT_CHANGE")
		require.EqualValues(t, 6, attempts.Load())
		require.EqualValues(t, 1, effects(t, db))
	})
}

func TestNothingElseIsRunAgain(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		attempts := 0
		_, err := api.Mutate(t.Context(), db, &storesv1.CreateStoreRequest{}, func(context.Context, database.Tx) (*storesv1.CreateStoreResponse, error) {
			attempts++
			return nil, errors.New("disk on fire")
		})
		require.ErrorContains(t, err, "disk on fire")
		require.Equal(t, 1, attempts)
	})
}

func TestAnEmptyResponseIsStoredToo(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		s := start(t, api.Options{}, api.Process{}, &stores{rename: func(ctx context.Context, req *storesv1.RebrandStoreRequest) (*storesv1.RebrandStoreResponse, error) {
			return api.Mutate(ctx, db, req, func(ctx context.Context, tx database.Tx) (*storesv1.RebrandStoreResponse, error) {
				return &storesv1.RebrandStoreResponse{}, effect(ctx, tx, req.GetName())
			})
		}}, nil)
		for range 2 {
			code, _, body := s.call(t, "PUT", "/api/stores/"+storeID+"/rebrand", `{"name":"Coffees"}`, "Idempotency-Key", "k1")
			require.Equal(t, http.StatusOK, code, body)
			require.Equal(t, `{}`, body)
		}
		require.EqualValues(t, 1, effects(t, db))
	})
}

func TestStoredResponsesAreForgottenAfterADay(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		var attempts atomic.Int64
		s := start(t, api.Options{}, api.Process{}, creating(db, &attempts), nil)
		age := func(by time.Duration) {
			require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error {
				_, err := tx.Exec(t.Context(), `UPDATE idempotency SET created_at = created_at - $1`, by.Microseconds())
				return err
			}))
		}
		s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", "k1")
		age(23 * time.Hour)
		require.NoError(t, api.PruneIdempotency(t.Context(), db))
		_, _, body := s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", "k1")
		require.Equal(t, `{"id":"1"}`, body)
		require.EqualValues(t, 1, effects(t, db))

		age(2 * time.Hour) // over, though not pruned yet
		_, _, body = s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", "k1")
		require.NotEqual(t, `{"id":"1"}`, body)
		require.EqualValues(t, 2, effects(t, db))

		age(25 * time.Hour)
		require.NoError(t, api.PruneIdempotency(t.Context(), db))
		rows, err := database.One(t.Context(), db, database.Value[int64], `SELECT COUNT(*) FROM idempotency`)
		require.NoError(t, err)
		require.Zero(t, rows)
	})
}

func TestAMalformedKeyIsRefused(t *testing.T) {
	s := start(t, api.Options{}, api.Process{}, &stores{}, nil)
	for _, key := range []string{"", "a b", "é", strings.Repeat("k", 256)} {
		code, _, body := s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", key)
		require.Equal(t, http.StatusBadRequest, code, "%q", key)
		require.Contains(t, body, "IDEMPOTENCY_KEY_MALFORMED")
	}
	code, _, _ := s.call(t, "POST", "/api/stores", newStore, "Idempotency-Key", strings.Repeat("k", 255))
	require.Equal(t, http.StatusOK, code)
}
