// Package api is what every RPC goes through, whichever way it came in: over
// gRPC, gRPC-Web, Connect, or REST (package rest).
//
// A module writes its RPC methods as plain functions from a request message to
// a response message. The interceptors of NewServer have done the rest by
// then: they have validated the request, given it a deadline and a cause, read
// its headers, and they turn the error it returns into the right status.
//
// A method that reads tells the version of what it read:
//
//	api.SetETag(ctx, basket.Version())
//
// A method that writes does so in Mutate, which is one transaction together
// with the row that makes the request safe to repeat:
//
//	return api.Mutate(ctx, m.db, req, func(ctx context.Context, tx database.Tx) (*basketsv1.AddItemResponse, error) {
//		return &basketsv1.AddItemResponse{}, m.baskets.Update(ctx, tx, req.GetId(), func(b *basket.Basket) error { … })
//	})
//
// A method that lists reads a page and says where the next one starts:
//
//	page, err := api.ParsePage(req, "stores")
//	…
//	rows, next := api.Trim(page, rows, func(s *storesv1.Store) []string { return []string{s.GetId()} })
package api
