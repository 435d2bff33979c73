package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/api"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/internal/eventsourcing"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// shop is a store that remembers nothing but its name.
type shop struct {
	eventsourcing.Root[named]
	name string
}

type named struct {
	Name string `json:"name"`
}

func (named) EventName() string { return "Named" }

func newShop(id string) *shop {
	s := &shop{}
	s.Root = eventsourcing.NewRoot(id, func(e named) { s.name = e.Name }, func(name string, data []byte) (named, error) {
		if name != (named{}).EventName() {
			return named{}, fmt.Errorf("shop: unknown event %q", name)
		}
		return eventsourcing.Decode[named](data)
	})
	return s
}

// shops serves one shop, which is there already.
func shops(t *testing.T, db database.DB) *stores {
	repository := eventsourcing.NewRepository[*shop, named]("shop", newShop, nil, nil)
	open := func(s *shop) error { s.Record(named{Name: "Teas"}); return nil }
	require.NoError(t, db.InTx(t.Context(), func(tx database.Tx) error { return repository.Create(t.Context(), tx, storeID, open) }))
	return &stores{
		get: func(ctx context.Context, req *storesv1.GetStoreRequest) (*storesv1.GetStoreResponse, error) {
			s, err := repository.Load(ctx, db, req.GetId())
			if err != nil {
				return nil, err
			}
			api.SetETag(ctx, s.Version())
			return &storesv1.GetStoreResponse{Store: &storesv1.Store{Id: s.ID(), Name: s.name}}, nil
		},
		rename: func(ctx context.Context, req *storesv1.RebrandStoreRequest) (*storesv1.RebrandStoreResponse, error) {
			return api.Mutate(ctx, db, req, func(ctx context.Context, tx database.Tx) (*storesv1.RebrandStoreResponse, error) {
				return &storesv1.RebrandStoreResponse{}, repository.Update(ctx, tx, req.GetId(), func(s *shop) error {
					s.Record(named{Name: req.GetName()})
					return nil
				})
			})
		},
	}
}

func TestAChangeOfWhatHasChangedSinceIsRefused(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		s := start(t, api.Options{}, api.Process{}, shops(t, db), nil)
		path := "/api/stores/" + storeID
		_, header, _ := s.call(t, "GET", path, "")
		seen := header.Get("ETag")
		require.Equal(t, `"1"`, seen)

		code, _, body := s.call(t, "PUT", path+"/rebrand", `{"name":"Coffees"}`, "If-Match", seen)
		require.Equal(t, http.StatusOK, code, body)
		code, _, body = s.call(t, "PUT", path+"/rebrand", `{"name":"Cocoas"}`, "If-Match", seen)
		require.Equal(t, http.StatusPreconditionFailed, code, body)
		require.Contains(t, body, "VERSION_STALE")
		code, _, body = s.call(t, "PUT", path+"/rebrand", `{"name":"Cocoas"}`, "If-Match", "*")
		require.Equal(t, http.StatusOK, code, body)

		_, header, body = s.call(t, "GET", path, "")
		require.Equal(t, `"3"`, header.Get("ETag"))
		require.Contains(t, body, "Cocoas")
	})
}

func TestOfManyWhoHaveSeenTheSameOneChangesIt(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		s := start(t, api.Options{}, api.Process{}, shops(t, db), nil)
		count := race(t, s, "If-Match", `"1"`)
		require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusPreconditionFailed: racers - 1}, count)
	})
}

func TestOfManyAtOnceNoneIsLost(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		s := start(t, api.Options{}, api.Process{}, shops(t, db), nil)
		count := race(t, s)
		require.Zero(t, count[http.StatusInternalServerError])
		require.Equal(t, racers, count[http.StatusOK]+count[http.StatusConflict])
		_, header, _ := s.call(t, "GET", "/api/stores/"+storeID, "")
		require.Equal(t, fmt.Sprintf(`"%d"`, 1+count[http.StatusOK]), header.Get("ETag"), "each success is an event")
	})
}

const racers = 6

// race renames the shop many times at once and counts the statuses.
func race(t *testing.T, s *server, headers ...string) map[int]int {
	t.Helper()
	count := map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			code, _, _ := s.call(t, "PUT", "/api/stores/"+storeID+"/rebrand", `{"name":"Name `+strconv.Itoa(i)+`"}`, headers...)
			mu.Lock()
			defer mu.Unlock()
			count[code]++
		})
	}
	all.Wait()
	return count
}
