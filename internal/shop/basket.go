package shop

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"mallbots/internal/web"
)

// basket is a basket as the API answers it.
type basket struct {
	ID, CustomerID, Status string
	Total                  web.Money
	Items                  []line
}

type line struct {
	StoreID, ProductID, StoreName, ProductName string
	ProductPrice, CurrentPrice                 web.Money
	Quantity                                   int64
	PriceChanged                               bool
}

// Sum is what the line costs.
func (l line) Sum() web.Money { return l.ProductPrice.Times(l.Quantity) }

func (b basket) units() (n int64) {
	for _, l := range b.Items {
		n += l.Quantity
	}
	return n
}

// Changed reports whether a price is another one than when it was added.
func (b basket) Changed() bool {
	for _, l := range b.Items {
		if l.PriceChanged {
			return true
		}
	}
	return false
}

const openBasket = "BASKET_STATUS_OPEN"

// guest is how a visitor is called who has not said a name yet.
const guest = "Guest"

// basketOf is the visitor's open basket, an empty one if there is none.
func (s *shop) basketOf(r *http.Request) (basket, error) {
	id := remembered(r, basketCookie)
	if id == "" {
		return basket{}, nil
	}
	var found struct{ Basket basket }
	err := s.mall.Get(r.Context(), "baskets", "/api/baskets/"+id, nil, &found)
	if web.Refused(err, http.StatusNotFound) || found.Basket.Status != openBasket {
		return basket{}, nil
	}
	return found.Basket, err
}

// startBasket returns the id of the visitor's open basket. Who has none gets
// one, and becomes a customer if they are not.
func (s *shop) startBasket(w http.ResponseWriter, r *http.Request) (string, error) {
	b, err := s.basketOf(r)
	if err != nil || b.ID != "" {
		return b.ID, err
	}
	customer := remembered(r, customerCookie)
	if s.Customer != nil {
		if customer = s.Customer(r); customer == "" {
			return "", &web.Refusal{Status: http.StatusUnauthorized, Detail: "sign in as a customer first"}
		}
	} else if customer != "" {
		err := s.mall.Get(r.Context(), "ordering", "/api/customers/"+customer, nil, nil)
		if web.Refused(err, http.StatusNotFound) {
			customer = "" // another mall's
		} else if err != nil {
			return "", err
		}
	}
	if customer == "" {
		var made struct{ ID string }
		ask := map[string]string{"name": guest, "smsNumber": "none"}
		if _, err := s.mall.Do(r.Context(), http.MethodPost, "ordering", "/api/customers", nil, ask, &made); err != nil {
			return "", err
		}
		customer = made.ID
		remember(w, r, customerCookie, customer)
	}
	var started struct{ ID string }
	_, err = s.mall.Do(r.Context(), http.MethodPost, "baskets", "/api/baskets", nil, map[string]string{"customerId": customer}, &started)
	if err == nil {
		remember(w, r, basketCookie, started.ID)
	}
	return started.ID, err
}

// add puts some of a product into the basket.
func (s *shop) add(w http.ResponseWriter, r *http.Request) {
	id, err := s.startBasket(w, r)
	if err == nil {
		err = s.change(r.Context(), id, "addItem", r)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	next := "/shop/basket"
	if from, err := uuid.Parse(r.PostFormValue("store")); err == nil {
		next = "/shop/stores/" + from.String() + "?added=" + url.QueryEscape(r.PostFormValue("name"))
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// remove takes some of a product out of the basket.
func (s *shop) remove(w http.ResponseWriter, r *http.Request) {
	if err := s.change(r.Context(), remembered(r, basketCookie), "removeItem", r); err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/shop/basket", http.StatusSeeOther)
}

// change adds or removes what the form says.
func (s *shop) change(ctx context.Context, basket, verb string, r *http.Request) error {
	quantity, err := strconv.ParseInt(r.PostFormValue("quantity"), 10, 32)
	if err != nil {
		return &web.Refusal{Status: http.StatusBadRequest, Detail: "the quantity must be a number"}
	}
	ask := map[string]any{"productId": r.PostFormValue("product"), "quantity": quantity}
	_, err = s.mall.Do(ctx, http.MethodPut, "baskets", "/api/baskets/"+segment(basket)+"/"+verb, nil, ask, nil)
	return err
}

// basketPage is the basket, and what is to be said about it.
type basketPage struct {
	basket
	Name, Trouble string
	Risen         bool
}

// showBasket shows the basket, with the form to check it out.
func (s *shop) showBasket(w http.ResponseWriter, r *http.Request) {
	s.basketPage(w, r, http.StatusOK, basketPage{})
}

func (s *shop) basketPage(w http.ResponseWriter, r *http.Request, status int, page basketPage) {
	var err error
	if page.basket, err = s.basketOf(r); err != nil {
		s.fail(w, r, err)
		return
	}
	if page.CustomerID != "" && page.Name == "" {
		var found struct{ Customer struct{ Name string } }
		if err := s.mall.Get(r.Context(), "ordering", "/api/customers/"+page.CustomerID, nil, &found); err == nil && found.Customer.Name != guest {
			page.Name = found.Customer.Name
		}
	}
	page.Risen = page.Changed()
	s.show(w, r, web.Page{Status: status, Name: "basket", Title: "Your basket", Data: page})
}

// checkOut turns the basket into an order. Sent twice, it has one effect.
func (s *shop) checkOut(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSpace(r.PostFormValue("name"))
	trouble := func(err error) {
		status := http.StatusBadGateway
		var refusal *web.Refusal
		if errors.As(err, &refusal) {
			status = refusal.Status
		}
		s.basketPage(w, r, status, basketPage{Name: name, Trouble: err.Error()})
	}
	b, err := s.basketOf(r)
	if err != nil {
		trouble(err)
		return
	}
	id := remembered(r, basketCookie)
	if b.ID != "" && name != "" {
		if _, err := s.mall.Do(r.Context(), http.MethodPut, "ordering", "/api/customers/"+b.CustomerID+"/rename", nil, map[string]string{"name": name}, nil); err != nil {
			trouble(err)
			return
		}
	}
	accept := r.PostFormValue("accept") != ""
	ctx := with(r.Context(), r, "shop-"+id+"-"+strconv.FormatBool(accept))
	ask := map[string]any{"paymentId": "shop-" + id, "acceptPriceChanges": accept}
	var done struct{ OrderID string }
	header, err := s.mall.Do(ctx, http.MethodPut, "baskets", "/api/baskets/"+segment(id)+"/checkout", nil, ask, &done)
	if err != nil {
		trouble(err)
		return
	}
	remember(w, r, basketCookie, "")
	http.Redirect(w, r, "/shop/orders/"+done.OrderID+"?after="+url.QueryEscape(header.Get("Mallbots-Position")), http.StatusSeeOther)
}
