package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// smallHistory is a history of one order with two lines.
func smallHistory() map[string]string {
	return map[string]string{
		"suppliers.csv":     "supplier_id,company_name,city,country\n1,Exotic Liquids,London,UK\n",
		"products.csv":      "product_id,product_name,supplier_id,quantity_per_unit,unit_price,units_in_stock,discontinued\n1,Chai,1,10 boxes,18.00,39,1\n2,\"Chang, strong\",1,,19,0,0\n",
		"customers.csv":     "customer_id,company_name,contact_name,city,country\nALFKI,Alfreds Futterkiste,Maria Anders,Berlin,Germany\n",
		"orders.csv":        "order_id,customer_id,order_date\n10248,ALFKI,1996-07-04\n",
		"order_details.csv": "order_id,product_id,unit_price,quantity\n10248,1,14.5,12\n10248,2,0.05,10\n",
	}
}

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

func TestHistoryIsReadExactly(t *testing.T) {
	files := smallHistory()
	files["suppliers.csv"] = "\uFEFF" + files["suppliers.csv"] // as spreadsheets write it
	h, err := readHistory(write(t, files))
	require.NoError(t, err)
	require.Len(t, h.suppliers, 1)
	require.Equal(t, &product{id: "2", name: "Chang, strong", supplierID: "1", price: 1900}, h.products[1])
	require.Equal(t, customer{id: "ALFKI", name: "Alfreds Futterkiste", place: "Berlin, Germany"}, h.customers[0])
	require.Equal(t, []historicLine{{"1", 1450, 12}, {"2", 5, 10}}, h.orders[0].lines)
}

func TestBadHistoryIsRefusedWithItsPlace(t *testing.T) {
	for _, c := range []struct {
		name, file, old, new, want string
	}{
		{"a missing column", "orders.csv", "customer_id", "client", `orders.csv:1: the header has no column "customer_id"`},
		{"an empty file", "products.csv", smallHistory()["products.csv"], "", "products.csv:1: the file is empty"},
		{"a blank name", "suppliers.csv", "Exotic Liquids", " ", "suppliers.csv:2:3: company_name: is blank"},
		{"a price that is no number", "products.csv", "18.00", "cheap", `products.csv:2:19: unit_price: "cheap": want an amount`},
		{"a negative price", "order_details.csv", "14.5", "-14.5", `order_details.csv:2:9: unit_price: "-14.5": want an amount`},
		{"half a cent", "order_details.csv", "0.05", "0.055", `order_details.csv:3:9: unit_price: "0.055": has more than two decimals`},
		{"a quantity of nothing", "order_details.csv", "5,10", "5,0", `order_details.csv:3:14: quantity: "0": want a whole number from 1 to 10000`},
		{"an overflowing quantity", "order_details.csv", "5,12", "5,99999999999999999999", "order_details.csv:2:14: quantity"},
		{"an unknown customer", "orders.csv", "ALFKI", "NOBODY", `orders.csv:2:7: customer_id: "NOBODY" is not in customers.csv`},
		{"an unknown product", "order_details.csv", "10248,2", "10248,3", `order_details.csv:3:7: product_id: "3" is not in products.csv`},
		{"an unknown order", "order_details.csv", "10248,2", "10249,2", `order_details.csv:3:1: order_id: "10249" is not in orders.csv`},
		{"an unknown supplier", "products.csv", "Chai,1", "Chai,9", `products.csv:2:8: supplier_id: "9" is not in suppliers.csv`},
		{"an order twice", "orders.csv", "1996-07-04\n", "1996-07-04\n10248,ALFKI,1996-07-05\n", `orders.csv:3:1: order_id: "10248" is there twice`},
		{"a row that is too short", "customers.csv", ",Berlin,Germany", "", "customers.csv:2:1: wrong number of fields"},
		{"an open quote", "products.csv", `"Chang, strong"`, `"Chang`, "products.csv:"},
		{"an order without lines", "orders.csv", "1996-07-04\n", "1996-07-04\n10249,ALFKI,1996-07-05\n", "orders.csv:3: order 10249 has no lines"},
		{"two prices in one order", "order_details.csv", "10248,2,0.05", "10248,1,0.05", "order_details.csv:3:9: unit_price: order 10248 has product 1 at another price already"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := smallHistory()
			require.Contains(t, files[c.file], c.old)
			files[c.file] = strings.Replace(files[c.file], c.old, c.new, 1)
			_, err := readHistory(write(t, files))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	files := smallHistory()
	delete(files, "customers.csv")
	_, err := readHistory(write(t, files))
	require.ErrorContains(t, err, "customers.csv")
}

// The facts are those of the history's own description.
func TestNorthwindIsReadWhole(t *testing.T) {
	h, err := readHistory(northwind(t))
	require.NoError(t, err)
	var cents, units, lines int64
	for _, o := range h.orders {
		for _, l := range o.lines {
			cents += l.price * int64(l.quantity)
			units += int64(l.quantity)
			lines++
		}
	}
	require.Equal(t, []int{29, 77, 91, 830}, []int{len(h.suppliers), len(h.products), len(h.customers), len(h.orders)})
	require.Equal(t, []int64{2155, 51317, 135445859}, []int64{lines, units, cents})
}

// northwind is where the Northwind history is.
func northwind(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MALLBOTS_NORTHWIND")
	if dir == "" {
		t.Skip("NOT RUN: set MALLBOTS_NORTHWIND to the directory of the Northwind history")
	}
	return dir
}
