package stores

import (
	"context"

	"github.com/google/uuid"

	"mallbots/internal/api"
	"mallbots/internal/database"
	storesv1 "mallbots/proto/mallbots/stores/v1"
	"mallbots/stores/internal/store"
)

// CreateStore opens a store. It does not participate yet.
func (m *module) CreateStore(ctx context.Context, req *storesv1.CreateStoreRequest) (*storesv1.CreateStoreResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*storesv1.CreateStoreResponse, error) {
		id := newID()
		return &storesv1.CreateStoreResponse{Id: id}, m.stores.Create(ctx, tx, id, func(s *store.Store) error {
			return s.Create(req.GetName(), req.GetLocation())
		})
	})
}

// EnableParticipation lets a store's products be bought.
func (m *module) EnableParticipation(ctx context.Context, req *storesv1.EnableParticipationRequest) (*storesv1.EnableParticipationResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*storesv1.EnableParticipationResponse, error) {
		return &storesv1.EnableParticipationResponse{}, m.stores.Update(ctx, tx, req.GetId(), func(s *store.Store) error {
			return s.EnableParticipation()
		})
	})
}

// DisableParticipation stops a store's products from being bought.
func (m *module) DisableParticipation(ctx context.Context, req *storesv1.DisableParticipationRequest) (*storesv1.DisableParticipationResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*storesv1.DisableParticipationResponse, error) {
		return &storesv1.DisableParticipationResponse{}, m.stores.Update(ctx, tx, req.GetId(), func(s *store.Store) error {
			return s.DisableParticipation()
		})
	})
}

// RebrandStore gives a store another name.
func (m *module) RebrandStore(ctx context.Context, req *storesv1.RebrandStoreRequest) (*storesv1.RebrandStoreResponse, error) {
	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*storesv1.RebrandStoreResponse, error) {
		return &storesv1.RebrandStoreResponse{}, m.stores.Update(ctx, tx, req.GetId(), func(s *store.Store) error {
			return s.Rebrand(req.GetName())
		})
	})
}

// newID makes an id that sorts after those made before.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
