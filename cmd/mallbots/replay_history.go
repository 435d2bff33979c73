package main

import "errors"

// history is years of trading: who sold, who bought, and every order in turn.
type history struct {
	suppliers []supplier
	products  []*product
	customers []customer
	orders    []*historicOrder
}

type supplier struct{ id, name, city, country string }

type product struct {
	id, name, description, supplierID string
	price                             int64 // cents: the list price
	inStock                           int64
}

type customer struct{ id, name, place string }

type historicOrder struct {
	id, customerID string
	where          string // file and line, for errors
	lines          []historicLine
}

type historicLine struct {
	productID string
	price     int64 // cents a unit
	quantity  int32
}

// What one basket can take.
const (
	mostLines    = 200
	mostUnits    = 10_000
	mostReceived = 1_000_000
)

// readHistory reads the five files in dir, and refuses what the mall would not take.
func readHistory(dir string) (*history, error) {
	h := &history{}
	suppliers, err := h.readSuppliers(dir)
	if err != nil {
		return nil, err
	}
	products, err := h.readProducts(dir, suppliers)
	if err != nil {
		return nil, err
	}
	customers, err := h.readCustomers(dir)
	if err != nil {
		return nil, err
	}
	orders, err := h.readOrders(dir, customers)
	if err != nil {
		return nil, err
	}
	return h, errors.Join(h.readLines(dir, products, orders), h.complete())
}

func (h *history) readSuppliers(dir string) (map[string]bool, error) {
	known := map[string]bool{}
	t := openTable(dir, "suppliers.csv", "supplier_id", "company_name", "city", "country")
	for t.next() {
		s := supplier{id: t.text("supplier_id"), name: t.text("company_name"), city: t.text("city"), country: t.text("country")}
		if known[s.id] {
			t.blame("supplier_id", "%q is there twice", s.id)
		}
		known[s.id] = true
		h.suppliers = append(h.suppliers, s)
	}
	return known, t.close()
}

func (h *history) readProducts(dir string, suppliers map[string]bool) (map[string]bool, error) {
	known := map[string]bool{}
	t := openTable(dir, "products.csv", "product_id", "product_name", "supplier_id", "quantity_per_unit", "unit_price", "units_in_stock")
	for t.next() {
		p := &product{
			id: t.text("product_id"), name: t.text("product_name"), supplierID: t.text("supplier_id"),
			description: t.row[t.column["quantity_per_unit"]],
			price:       t.cents("unit_price"), inStock: t.units("units_in_stock", 0, mostReceived),
		}
		if known[p.id] {
			t.blame("product_id", "%q is there twice", p.id)
		}
		if !suppliers[p.supplierID] {
			t.blame("supplier_id", "%q is not in suppliers.csv", p.supplierID)
		}
		known[p.id] = true
		h.products = append(h.products, p)
	}
	return known, t.close()
}

func (h *history) readCustomers(dir string) (map[string]bool, error) {
	known := map[string]bool{}
	t := openTable(dir, "customers.csv", "customer_id", "company_name", "city", "country")
	for t.next() {
		c := customer{id: t.text("customer_id"), name: t.text("company_name"), place: t.text("city") + ", " + t.text("country")}
		if known[c.id] {
			t.blame("customer_id", "%q is there twice", c.id)
		}
		known[c.id] = true
		h.customers = append(h.customers, c)
	}
	return known, t.close()
}

func (h *history) readOrders(dir string, customers map[string]bool) (map[string]*historicOrder, error) {
	known := map[string]*historicOrder{}
	t := openTable(dir, "orders.csv", "order_id", "customer_id")
	for t.next() {
		o := &historicOrder{id: t.text("order_id"), customerID: t.text("customer_id"), where: t.where()}
		if known[o.id] != nil {
			t.blame("order_id", "%q is there twice", o.id)
		}
		if !customers[o.customerID] {
			t.blame("customer_id", "%q is not in customers.csv", o.customerID)
		}
		known[o.id] = o
		h.orders = append(h.orders, o)
	}
	return known, t.close()
}

func (h *history) readLines(dir string, products map[string]bool, orders map[string]*historicOrder) error {
	t := openTable(dir, "order_details.csv", "order_id", "product_id", "unit_price", "quantity")
	for t.next() {
		l := historicLine{productID: t.text("product_id"), price: t.cents("unit_price"), quantity: int32(t.units("quantity", 1, mostUnits))}
		o := orders[t.text("order_id")]
		switch {
		case t.err != nil:
			continue
		case o == nil:
			t.blame("order_id", "%q is not in orders.csv", t.text("order_id"))
			continue
		case !products[l.productID]:
			t.blame("product_id", "%q is not in products.csv", l.productID)
		case len(o.lines) == mostLines:
			t.blame("order_id", "order %s has more than %d lines", o.id, mostLines)
		}
		for _, other := range o.lines {
			if other.productID == l.productID && other.price != l.price {
				t.blame("unit_price", "order %s has product %s at another price already", o.id, l.productID)
			}
		}
		o.lines = append(o.lines, l)
	}
	return t.close()
}

// complete refuses an order without lines: nobody can check out nothing.
func (h *history) complete() error {
	for _, o := range h.orders {
		if len(o.lines) == 0 {
			return errorAt(o.where, "order %s has no lines in order_details.csv", o.id)
		}
	}
	return nil
}

// steps is how much there is to do, for a progress bar: each order is checked
// out, and later done with.
func (h *history) steps() int {
	return len(h.suppliers) + 2*len(h.products) + len(h.customers) + 2*len(h.orders)
}
