package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What the API answers, as far as these scenarios look at it: a release that
// adds a field answers the same.

type money struct {
	CurrencyCode string `json:"currencyCode"`
	MinorUnits   int64  `json:"minorUnits,string"`
}

func (m money) String() string { return fmt.Sprintf("%s %d", m.CurrencyCode, m.MinorUnits) }

type item struct {
	ProductID, StoreName, ProductName string
	Price, ProductPrice, CurrentPrice money
	Quantity                          int
}

type order struct {
	ID, CustomerID, CustomerName, PaymentID, Status, Reason string
	Version                                                 int64 `json:",string"`
	ItemCount                                               int64
	Total                                                   money
	Items                                                   []item
}

type event struct {
	Version    string
	Name       string
	OccurredAt time.Time
	Actor      string
}

type stock struct {
	ProductID                          string
	Received, OnHand, Reserved, Picked int64
}

type stop struct {
	StoreName, StoreLocation string
	Items                    []struct {
		Name     string
		Quantity int
	}
}

type list struct {
	ID, OrderID, Status, AssignedBotID string
	Stops                              []stop
}

type basket struct {
	Status string
	Total  money
	Items  []item
}

// short is the end of an enumeration's name.
func short(status string) string {
	for _, prefix := range []string{"ORDER_STATUS_", "BASKET_STATUS_", "SHOPPING_LIST_STATUS_", "BOT_STATUS_"} {
		status = strings.TrimPrefix(status, prefix)
	}
	return status
}

// status waits until an order has a status.
func (s *story) status(name, status string) order {
	s.Helper()
	var answer struct{ Order order }
	s.eventually(&answer, "GET /api/ordering/"+name, func() bool { return short(answer.Order.Status) == status })
	return answer.Order
}

// settled waits until an order has a status, and writes down what it is and what happened to it.
func (s *story) settled(name, status string) order {
	s.Helper()
	o := s.status(name, status)
	var lines []string
	for _, i := range o.Items {
		lines = append(lines, fmt.Sprintf("%d × %s of %s at %s", i.Quantity, i.ProductName, i.StoreName, i.Price))
	}
	s.fact("order %s of %s, paid %s: %s %q, version %d, %d units, %s: %s", name, o.CustomerName, o.PaymentID, short(o.Status), o.Reason,
		o.Version, o.ItemCount, o.Total, strings.Join(lines, "; "))
	s.fact("history of %s: %s", name, strings.Join(s.history(name), ", "))
	return o
}

// history is what happened to an order, and by whom.
func (s *story) history(name string) []string {
	s.Helper()
	var answer struct{ Events []event }
	s.get(&answer, "GET /api/ordering/"+name+"/history")
	var lines []string
	for _, e := range answer.Events {
		lines = append(lines, fmt.Sprintf("%s %s by %s", e.Version, e.Name, e.Actor))
	}
	return lines
}

// stocked waits until a product's level is as it should be, and writes it down.
func (s *story) stocked(name string, onHand, reserved, picked int64) {
	s.Helper()
	var answer struct{ Stock stock }
	s.eventually(&answer, "GET /api/depot/stock/"+name, func() bool {
		is := answer.Stock
		return is.OnHand == onHand && is.Reserved == reserved && is.Picked == picked
	})
	s.fact("stock of %s: %d received, %d on hand, %d reserved, %d picked", name, answer.Stock.Received, onHand, reserved, picked)
}

// listed waits until a shopping list has a status, and writes it down.
func (s *story) listed(name, status string) {
	s.Helper()
	var answer struct{ ShoppingList list }
	s.eventually(&answer, "GET /api/depot/shopping/"+name, func() bool { return short(answer.ShoppingList.Status) == status })
	var stops []string
	for _, at := range answer.ShoppingList.Stops {
		var things []string
		for _, i := range at.Items {
			things = append(things, fmt.Sprintf("%d × %s", i.Quantity, i.Name))
		}
		slices.SortFunc(things, cmp.Compare[string])
		stops = append(stops, fmt.Sprintf("%s, %s: %s", at.StoreName, at.StoreLocation, strings.Join(things, ", ")))
	}
	slices.Sort(stops)
	s.fact("shopping list %s: %s; %s", name, status, strings.Join(stops, "; "))
}

// inBasket writes down what is in a basket.
func (s *story) inBasket(name string) {
	s.Helper()
	var answer struct{ Basket basket }
	s.get(&answer, "GET /api/baskets/"+name)
	var lines []string
	for _, i := range answer.Basket.Items {
		lines = append(lines, fmt.Sprintf("%d × %s at %s, now %s", i.Quantity, i.ProductName, i.ProductPrice, i.CurrentPrice))
	}
	s.fact("basket %s: %s, %s: %s", name, short(answer.Basket.Status), answer.Basket.Total, strings.Join(lines, "; "))
}

// store opens a store that takes part in the mall.
func (s *story) store(name, called string) {
	s.Helper()
	s.add(name, "POST /api/stores", fmt.Sprintf(`{"name":%q,"location":"Hall %d"}`, called, len(called)))
	s.do("PUT /api/stores/$"+name+"/participating", "")
}

// product puts a product on a store's shelf, and units of it into the depot.
func (s *story) product(name, store string, price, units int64) {
	s.Helper()
	s.add(name, "POST /api/stores/$"+store+"/products", fmt.Sprintf(`{"name":"The %s","description":"","sku":%q,"price":{"currencyCode":"USD","minorUnits":%d}}`, name, name, price))
	if units > 0 {
		s.do("PUT /api/depot/stock/$"+name+"/receive", fmt.Sprintf(`{"quantity":%d}`, units))
	}
}

// customer registers somebody.
func (s *story) customer(name string) {
	s.Helper()
	s.add(name, "POST /api/customers", fmt.Sprintf(`{"name":"Customer %s","smsNumber":"+44 20 7946 0000"}`, name))
}

// filled starts a basket of a customer, with some of each product.
func (s *story) filled(name, customer string, things ...string) {
	s.Helper()
	s.add(name, "POST /api/baskets", `{"customerId":"$`+customer+`"}`)
	for _, thing := range things {
		quantity, product, _ := strings.Cut(thing, " ")
		s.do("PUT /api/baskets/$"+name+"/addItem", `{"productId":"$`+product+`","quantity":`+quantity+`}`)
	}
}

// checkedOut fills a basket and checks it out.
func (s *story) checkedOut(name, customer string, things ...string) {
	s.Helper()
	s.filled(name, customer, things...)
	s.do("PUT /api/baskets/$"+name+"/checkout", `{"paymentId":"paid-`+name+`"}`)
}

// bot registers a bot.
func (s *story) bot(name string) {
	s.Helper()
	s.add(name, "POST /api/depot/bots", `{"name":"`+name+`"}`)
}
