package shop

import (
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"mallbots/internal/web"
)

// store is a store as the API answers it.
type store struct {
	ID, Name, Location string
	Participating      bool

	Shelf []product `json:"-"` // some of what it sells
}

type product struct {
	ID, StoreID, Name, Description, SKU string
	Price                               web.Money
}

// perPage is how many stores, or products of one, are on a page.
const perPage = "12"

// home shows the stores that take part, with a glance at what they sell.
func (s *shop) home(w http.ResponseWriter, r *http.Request) {
	var page struct {
		Stores        []store
		NextPageToken string
	}
	query := url.Values{"pageSize": {perPage}, "pageToken": {r.URL.Query().Get("page")}}
	if err := s.mall.Get(r.Context(), "stores", "/api/stores/participating", query, &page); err != nil {
		s.fail(w, r, err)
		return
	}
	for i := range page.Stores {
		var shelf struct{ Products []product }
		if err := s.mall.Get(r.Context(), "stores", "/api/stores/"+page.Stores[i].ID+"/products", url.Values{"pageSize": {"4"}}, &shelf); err != nil {
			s.fail(w, r, err)
			return
		}
		page.Stores[i].Shelf = shelf.Products
	}
	s.show(w, r, web.Page{Name: "home", Title: "Stores", Data: page})
}

// store shows one store and its shelves.
func (s *shop) store(w http.ResponseWriter, r *http.Request) {
	id := chi.URLParam(r, "id")
	var found struct{ Store store }
	var page struct {
		Products      []product
		NextPageToken string
	}
	err := s.mall.Get(r.Context(), "stores", "/api/stores/"+segment(id), nil, &found)
	if err == nil {
		query := url.Values{"pageSize": {perPage}, "pageToken": {r.URL.Query().Get("page")}}
		err = s.mall.Get(r.Context(), "stores", "/api/stores/"+segment(id)+"/products", query, &page)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, web.Page{Name: "store", Title: found.Store.Name, Data: map[string]any{
		"Store": found.Store, "Products": page.Products, "Next": page.NextPageToken, "Added": r.URL.Query().Get("added"),
	}})
}
