package console

import (
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"mallbots/internal/web"
)

// order is an order as the API answers it.
type order struct {
	ID, CustomerID, CustomerName, PaymentID, Status, Reason string
	ItemCount                                               int64
	Version                                                 int64 `json:",string"`
	Total                                                   web.Money
	CreatedAt, UpdatedAt                                    time.Time
	Items                                                   []struct {
		StoreName, ProductName string
		Price                  web.Money
		Quantity               int64
	}
}

// statuses are those an order can have.
var statuses = []string{"PENDING", "APPROVED", "READY", "COMPLETED", "REJECTED", "CANCELED"}

// search is what the operator looks for.
type search struct {
	Query, Customer, Store, Status, From, Until string
	Page                                        string
}

// formTime is how a browser writes a moment.
const formTime = "2006-01-02T15:04"

func searchOf(r *http.Request) search {
	q := r.URL.Query()
	return search{
		Query: q.Get("q"), Customer: q.Get("customer"), Store: q.Get("store"), Status: q.Get("status"),
		From: q.Get("from"), Until: q.Get("until"), Page: q.Get("page"),
	}
}

// ask is the search as the API wants it; a time that is none is left out and
// told.
func (s search) ask() (query url.Values, trouble string) {
	query = url.Values{"pageSize": {"50"}, "newestFirst": {"true"}}
	set := func(name, value string) {
		if value != "" {
			query.Set(name, value)
		}
	}
	set("customerId", s.Customer)
	set("storeId", s.Store)
	if s.Status != "" {
		set("status", "ORDER_STATUS_"+s.Status)
	}
	for name, text := range map[string]string{"createdAfter": s.From, "createdBefore": s.Until} {
		if text == "" {
			continue
		}
		at, err := time.Parse(formTime, text)
		if err != nil {
			trouble = text + " is not a time; write it as 2026-11-22T10:30"
			continue
		}
		set(name, at.Format(time.RFC3339))
	}
	set("pageToken", s.Page)
	return query, trouble
}

// Next is the address of the page that a token stands for.
func (s search) Next(token string) string {
	q := url.Values{}
	for name, value := range map[string]string{
		"customer": s.Customer, "store": s.Store, "status": s.Status, "from": s.From, "until": s.Until, "page": token,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return "/console/orders?" + q.Encode()
}

// orders lists orders, the newest first. An id alone leads to the order or to
// the customer that it is of.
func (c *console) orders(w http.ResponseWriter, r *http.Request) {
	s := searchOf(r)
	page := struct {
		Search   search
		Trouble  string
		Stores   []struct{ ID, Name string }
		Statuses []string
		Orders   []order
		Next     string
	}{Search: s, Statuses: statuses}
	status := http.StatusOK
	if s.Query != "" {
		id, err := uuid.Parse(s.Query)
		if err != nil {
			page.Trouble, status = "“"+s.Query+"” is no id. An order or a customer is found by the whole id; names are sealed, so nobody can search for them.", http.StatusBadRequest
		} else if c.mall.Get(r.Context(), "ordering", "/api/ordering/"+id.String(), nil, nil) == nil {
			http.Redirect(w, r, "/console/orders/"+id.String(), http.StatusSeeOther)
			return
		} else {
			page.Search.Customer = id.String()
		}
	}
	query, trouble := page.Search.ask()
	if trouble != "" {
		page.Trouble, status = trouble, http.StatusBadRequest
	}
	var found struct {
		Orders        []order
		NextPageToken string
	}
	if err := c.mall.Get(r.Context(), "ordering", "/api/ordering", query, &found); err != nil {
		if !web.Refused(err, http.StatusBadRequest) {
			c.fail(w, r, err)
			return
		}
		page.Trouble, status = err.Error(), http.StatusBadRequest
	}
	page.Orders = found.Orders
	if found.NextPageToken != "" {
		page.Next = page.Search.Next(found.NextPageToken)
	}
	var stores struct{ Stores []struct{ ID, Name string } }
	if c.mall.Get(r.Context(), "stores", "/api/stores", url.Values{"pageSize": {"100"}}, &stores) == nil {
		page.Stores = stores.Stores // without them, one can still search for the rest
	}
	c.show(w, r, web.Page{Status: status, Name: "orders", Title: "Orders", Data: page})
}

// orderPage is one order, now and at a moment of its life.
type orderPage struct {
	Order  order
	Life   life
	Waits  []wait
	Moment moment
}

// moment is an order as it was.
type moment struct {
	ID    string
	Index int
	Last  int // index
	Step  step
	Order *order // nil before it was placed
}

// order shows the life of one order.
func (c *console) order(w http.ResponseWriter, r *http.Request) {
	id := url.PathEscape(chi.URLParam(r, "id"))
	var page orderPage
	var found struct{ Order order }
	err := c.mall.Get(r.Context(), "ordering", "/api/ordering/"+id, nil, &found)
	if err == nil {
		page.Order = found.Order
		page.Life, err = c.lifeOf(r.Context(), page.Order.ID)
	}
	if err == nil {
		page.Waits, err = c.waitsOf(r.Context(), page.Order.ID)
	}
	if err == nil {
		page.Moment, err = c.momentOf(r, page.Order.ID, page.Life)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.show(w, r, web.Page{Name: "order", Title: "Order " + web.Short(page.Order.ID), Data: page})
}

// orderAt answers with the order as it was at a step of its life.
func (c *console) orderAt(w http.ResponseWriter, r *http.Request) {
	id := chi.URLParam(r, "id")
	all, err := c.lifeOf(r.Context(), id)
	var at moment
	if err == nil {
		at, err = c.momentOf(r, id, all)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	c.site.ShowPart(w, "order", "moment", at)
}
