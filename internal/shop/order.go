package shop

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"mallbots/internal/web"
)

// order is an order as the API answers it.
type order struct {
	ID, CustomerID, CustomerName, Status, Reason string
	ItemCount                                    int64
	Total                                        web.Money
	CreatedAt, UpdatedAt                         time.Time
	Items                                        []struct {
		StoreName, ProductName string
		Price                  web.Money
		Quantity               int64
	}

	Stages []stage `json:"-"`
}

// stage is a stage of an order's life, as the visitor sees it.
type stage struct {
	Name, Words string
	Done, Now   bool
	At          time.Time
	After       time.Duration // since it was placed
}

const orderPrefix = "ORDER_STATUS_"

// Is reports whether the order is in one of some states.
func (o order) Is(states ...string) bool {
	for _, state := range states {
		if o.Status == orderPrefix+state {
			return true
		}
	}
	return false
}

// Over reports whether nothing more will happen to it.
func (o order) Over() bool { return o.Is("COMPLETED", "REJECTED", "CANCELED") }

// tell fills in when each stage was reached.
func (s *shop) tell(ctx context.Context, o *order) error {
	var history struct {
		Events []struct {
			Name       string
			OccurredAt time.Time
		}
	}
	if err := s.mall.Get(ctx, "ordering", "/api/ordering/"+segment(o.ID)+"/history", nil, &history); err != nil {
		return err
	}
	at := map[string]time.Time{}
	for _, e := range history.Events {
		at[e.Name] = e.OccurredAt
	}
	stages := []stage{
		{Name: "Placed", Words: "Your basket has become one order."},
		{Name: "Approved", Words: "The depot has reserved every line of it."},
		{Name: "Readied", Words: "A bot has picked it from the shelves."},
		{Name: "Completed", Words: "You have collected it."},
	}
	for i := range stages {
		stages[i].At = at[stages[i].Name]
		stages[i].Done = !stages[i].At.IsZero()
		stages[i].After = stages[i].At.Sub(at["Placed"])
		stages[i].Now = !stages[i].Done && !o.Over() && (i == 0 || stages[i-1].Done)
	}
	o.Stages = stages
	return nil
}

// order shows an order, as it is now; the page goes on to show what becomes of it.
func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	ctx := with(r.Context(), r, "", r.URL.Query().Get("after"))
	var found struct{ Order order }
	err := s.mall.Get(ctx, "ordering", "/api/ordering/"+segment(chi.URLParam(r, "id")), nil, &found)
	if err == nil {
		err = s.tell(r.Context(), &found.Order)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, web.Page{Name: "order", Title: "Your order", Data: found.Order})
}

// orderLive sends the order at each change, until it is over.
func (s *shop) orderLive(w http.ResponseWriter, r *http.Request) {
	stream, err := s.mall.Watch(r.Context(), "ordering", "/api/ordering/"+segment(chi.URLParam(r, "id"))+"/watch")
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer func() { _ = stream.Close() }()
	live := web.NewLive(w)
	_ = web.Events(stream, func(data []byte) bool { // the browser asks again when the stream breaks
		var seen struct{ Order *order }
		if json.Unmarshal(data, &seen) != nil || seen.Order == nil {
			return false
		}
		if s.tell(r.Context(), seen.Order) != nil {
			return false
		}
		text, err := s.site.Part("order", "order", seen.Order)
		if err != nil || !live.Send("", text) {
			return false
		}
		return !seen.Order.Over() || live.Send("over", "")
	})
}

// collect completes an order that is ready.
func (s *shop) collect(w http.ResponseWriter, r *http.Request) {
	id := chi.URLParam(r, "id")
	s.act(w, r, http.MethodPut, "/complete", map[string]string{"invoiceId": "shop-" + id})
}

// cancel gives an order up.
func (s *shop) cancel(w http.ResponseWriter, r *http.Request) {
	s.act(w, r, http.MethodDelete, "", nil)
}

func (s *shop) act(w http.ResponseWriter, r *http.Request, verb, path string, body any) {
	id := segment(chi.URLParam(r, "id"))
	if _, err := s.mall.Do(r.Context(), verb, "ordering", "/api/ordering/"+id+path, nil, body, nil); err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/shop/orders/"+id, http.StatusSeeOther)
}
