package proto_test

import (
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

const id = "0198c0de-0000-7000-8000-000000000000"

func usd(minorUnits int64) *moneyv1.Money {
	return &moneyv1.Money{CurrencyCode: "USD", MinorUnits: minorUnits}
}

// Each story is a request and the rules it breaks, "field:id" each.
func TestDeclaredValidations(t *testing.T) {
	product := func(change func(*storesv1.AddProductRequest)) *storesv1.AddProductRequest {
		req := &storesv1.AddProductRequest{StoreId: id, Name: "Chai", Sku: "1", Price: usd(1800)}
		change(req)
		return req
	}
	cases := []struct {
		name    string
		request proto.Message
		broken  string
	}{
		{"a store", &storesv1.CreateStoreRequest{Name: "Waldorf Books", Location: "Corner"}, ""},
		{"a store in another script", &storesv1.CreateStoreRequest{Name: "書店", Location: "☕"}, ""},
		{"no name and no place", &storesv1.CreateStoreRequest{}, "name:STORE_NAME_BLANK location:STORE_LOCATION_BLANK"},
		{"a name of blanks", &storesv1.CreateStoreRequest{Name: " \u00a0\u200b", Location: "C"}, "name:STORE_NAME_BLANK"},
		{"200 characters, more bytes", &storesv1.CreateStoreRequest{Name: strings.Repeat("é", 200), Location: "C"}, ""},
		{"201 characters", &storesv1.CreateStoreRequest{Name: strings.Repeat("é", 201), Location: "C"}, "name:STORE_NAME_TOO_LONG"},
		{"a NUL, which PostgreSQL refuses", &storesv1.CreateStoreRequest{Name: "a\x00b", Location: "C"}, "name:STORE_NAME_UNPRINTABLE"},
		{"a malformed id", &storesv1.GetStoreRequest{Id: "s1"}, "id:string.uuid"},

		{"a product of nothing", product(func(p *storesv1.AddProductRequest) { p.Price = usd(0) }), ""},
		{"a product without a price", product(func(p *storesv1.AddProductRequest) { p.Price = nil }), "price:required"},
		{"a price below zero", product(func(p *storesv1.AddProductRequest) { p.Price = usd(-1) }), "price.minor_units:MINOR_UNITS_OUT_OF_RANGE"},
		{"the highest price", product(func(p *storesv1.AddProductRequest) { p.Price = usd(1e12) }), ""},
		{"a higher price", product(func(p *storesv1.AddProductRequest) { p.Price = usd(1e12 + 1) }), "price.minor_units:MINOR_UNITS_OUT_OF_RANGE"},
		{"no currency", product(func(p *storesv1.AddProductRequest) { p.Price = &moneyv1.Money{MinorUnits: 1} }), "price.currency_code:CURRENCY_CODE_MALFORMED"},
		{"no SKU", product(func(p *storesv1.AddProductRequest) { p.Sku = "" }), "sku:PRODUCT_SKU_BLANK"},
		{"lines in a description", product(func(p *storesv1.AddProductRequest) { p.Description = "a\n\tb\r\n" }), ""},
		{"a NUL in a description", product(func(p *storesv1.AddProductRequest) { p.Description = "\x00" }), "description:PRODUCT_DESCRIPTION_UNPRINTABLE"},
		{"2 001 characters", product(func(p *storesv1.AddProductRequest) { p.Description = strings.Repeat("x", 2001) }), "description:PRODUCT_DESCRIPTION_TOO_LONG"},

		{"ten thousand units", &basketsv1.AddItemRequest{Id: id, ProductId: id, Quantity: 10_000}, ""},
		{"more units", &basketsv1.AddItemRequest{Id: id, ProductId: id, Quantity: 10_001}, "quantity:QUANTITY_OUT_OF_RANGE"},
		{"no units", &basketsv1.RemoveItemRequest{Id: id, ProductId: id}, "quantity:QUANTITY_OUT_OF_RANGE"},
		{"fewer than no units", &basketsv1.AddItemRequest{Id: id, ProductId: id, Quantity: -1}, "quantity:QUANTITY_OUT_OF_RANGE"},
		{"no payment", &basketsv1.CheckoutBasketRequest{Id: id}, "payment_id:PAYMENT_ID_BLANK"},

		{"all orders", &orderingv1.ListOrdersRequest{}, ""},
		{"a page too large", &orderingv1.ListOrdersRequest{PageSize: 101}, "page_size:PAGE_SIZE_OUT_OF_RANGE"},
		{"a page below zero", &orderingv1.ListOrdersRequest{PageSize: -1}, "page_size:PAGE_SIZE_OUT_OF_RANGE"},
		{"a malformed filter", &orderingv1.ListOrdersRequest{CustomerId: "c"}, "customer_id:string.uuid"},
		{"an unknown status", &orderingv1.ListOrdersRequest{Status: 99}, "status:enum.defined_only"},
		{"no customer name", &orderingv1.RegisterCustomerRequest{SmsNumber: "1"}, "name:CUSTOMER_NAME_BLANK"},
		{"no invoice", &orderingv1.CompleteOrderRequest{Id: id}, "invoice_id:INVOICE_ID_BLANK"},

		{"a million units", &depotv1.ReceiveStockRequest{ProductId: id, Quantity: 1_000_000}, ""},
		{"a million and one", &depotv1.ReceiveStockRequest{ProductId: id, Quantity: 1_000_001}, "quantity:QUANTITY_OUT_OF_RANGE"},
		{"no reason", &depotv1.CancelShoppingListRequest{Id: id}, ""},
		{"no bot", &depotv1.AssignShoppingListRequest{Id: id}, "bot_id:string.uuid_empty"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.broken, broken(t, c.request))
		})
	}
}

// An expression that does not compile would be met only by the first request.
func TestEveryRequestHasRulesThatCompile(t *testing.T) {
	for _, service := range services {
		for i := range service.Methods().Len() {
			request := service.Methods().Get(i).Input()
			_, err := protovalidate.New(protovalidate.WithMessageDescriptors(request), protovalidate.WithDisableLazy())
			require.NoError(t, err, "%s", request.FullName())
			for j := range request.Fields().Len() {
				field := request.Fields().Get(j)
				if field.Kind() == protoreflect.StringKind {
					require.NotNil(t, rulesOf(t, field), "%s has no rule: any text would do", field.FullName())
				}
			}
		}
	}
}

func rulesOf(t *testing.T, field protoreflect.FieldDescriptor) proto.Message {
	t.Helper()
	rules, err := protovalidate.ResolveFieldRules(field)
	require.NoError(t, err)
	if rules == nil {
		return nil
	}
	return rules
}

// broken returns the rules that a request breaks, "field:id" each.
func broken(t *testing.T, request proto.Message) string {
	t.Helper()
	err := protovalidate.Validate(request)
	if err == nil {
		return ""
	}
	var invalid *protovalidate.ValidationError
	require.ErrorAs(t, err, &invalid)
	rules := make([]string, len(invalid.Violations))
	for i, v := range invalid.Violations {
		rules[i] = protovalidate.FieldPathString(v.Proto.GetField()) + ":" + v.Proto.GetRuleId()
	}
	return strings.Join(rules, " ")
}
