// Package proto holds the contracts to what api.md and architecture.md of the
// project promise: clients and streams exist that depend on them.
package proto_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

var services = []protoreflect.ServiceDescriptor{
	storesv1.File_mallbots_stores_v1_api_proto.Services().ByName("StoresService"),
	basketsv1.File_mallbots_baskets_v1_api_proto.Services().ByName("BasketsService"),
	orderingv1.File_mallbots_ordering_v1_api_proto.Services().ByName("OrderingService"),
	depotv1.File_mallbots_depot_v1_api_proto.Services().ByName("DepotService"),
}

// page and next are the fields of every list.
const (
	page = " pageSize pageToken"
	next = " nextPageToken"
)

// contract is the wire contract, row by row. Request leaves out nothing: the
// fields of the path are named too.
var contract = map[string]struct{ route, request, response string }{
	"CreateStore":            {"POST /api/stores", "name location", "id"},
	"GetStores":              {"GET /api/stores", page, "stores" + next},
	"GetParticipatingStores": {"GET /api/stores/participating", page, "stores" + next},
	"GetStore":               {"GET /api/stores/{id}", "id", "store"},
	"EnableParticipation":    {"PUT /api/stores/{id}/participating", "id", ""},
	"DisableParticipation":   {"DELETE /api/stores/{id}/participating", "id", ""},
	"RebrandStore":           {"PUT /api/stores/{id}/rebrand", "id name", ""},
	"AddProduct":             {"POST /api/stores/{storeId}/products", "storeId name description sku price", "id"},
	"GetCatalog":             {"GET /api/stores/{storeId}/products", "storeId" + page, "products" + next},
	"GetProduct":             {"GET /api/stores/products/{id}", "id", "product"},
	"RebrandProduct":         {"PUT /api/stores/products/{id}/rebrand", "id name description", ""},
	"IncreaseProductPrice":   {"PUT /api/stores/products/{id}/increasePrice", "id price", ""},
	"DecreaseProductPrice":   {"PUT /api/stores/products/{id}/decreasePrice", "id price", ""},
	"RemoveProduct":          {"DELETE /api/stores/products/{id}", "id", ""},

	"StartBasket":    {"POST /api/baskets", "customerId", "id"},
	"GetBasket":      {"GET /api/baskets/{id}", "id", "basket"},
	"AddItem":        {"PUT /api/baskets/{id}/addItem", "id productId quantity", ""},
	"RemoveItem":     {"PUT /api/baskets/{id}/removeItem", "id productId quantity", ""},
	"CheckoutBasket": {"PUT /api/baskets/{id}/checkout", "id paymentId acceptPriceChanges", "orderId"},
	"CancelBasket":   {"DELETE /api/baskets/{id}", "id", ""},

	"RegisterCustomer": {"POST /api/customers", "name smsNumber", "id"},
	"GetCustomer":      {"GET /api/customers/{id}", "id", "customer"},
	"RenameCustomer":   {"PUT /api/customers/{id}/rename", "id name", ""},
	"ChangeSmsNumber":  {"PUT /api/customers/{id}/change-sms", "id smsNumber", ""},
	"EnableCustomer":   {"PUT /api/customers/{id}/enable", "id", ""},
	"DisableCustomer":  {"PUT /api/customers/{id}/disable", "id", ""},
	"GetOrder":         {"GET /api/ordering/{id}", "id asOf", "order"},
	"ListOrders":       {"GET /api/ordering", "customerId storeId status createdAfter createdBefore" + page + " newestFirst", "orders" + next},
	"GetOrderHistory":  {"GET /api/ordering/{id}/history", "id", "events"},
	"WatchOrder":       {"GET /api/ordering/{id}/watch", "id", "order"},
	"CancelOrder":      {"DELETE /api/ordering/{id}", "id", ""},
	"CompleteOrder":    {"PUT /api/ordering/{id}/complete", "id invoiceId", ""},

	"ReceiveStock":         {"PUT /api/depot/stock/{productId}/receive", "productId quantity", "stock"},
	"GetStock":             {"GET /api/depot/stock/{productId}", "productId", "stock"},
	"ListStock":            {"GET /api/depot/stock", page, "stock" + next},
	"ListShoppingLists":    {"GET /api/depot/shopping", "orderId status" + page + " newestFirst", "shoppingLists" + next},
	"GetShoppingList":      {"GET /api/depot/shopping/{id}", "id", "shoppingList"},
	"AssignShoppingList":   {"PUT /api/depot/shopping/{id}/assign", "id botId", ""},
	"CompleteShoppingList": {"PUT /api/depot/shopping/{id}/complete", "id", ""},
	"CancelShoppingList":   {"DELETE /api/depot/shopping/{id}", "id reason", ""},
	"RegisterBot":          {"POST /api/depot/bots", "name", "id"},
	"ListBots":             {"GET /api/depot/bots", page, "bots" + next},
}

// answers are the messages inside the responses.
var answers = map[protoreflect.Name]string{
	"Store":        "id name location participating",
	"Product":      "id storeId name description sku price",
	"Basket":       "id customerId status total items",
	"BasketItem":   "storeId productId storeName productName productPrice quantity currentPrice priceChanged",
	"Customer":     "id name smsNumber enabled",
	"Order":        "id customerId customerName paymentId items itemCount total status reason createdAt updatedAt version",
	"OrderItem":    "storeId productId storeName productName price quantity",
	"OrderEvent":   "version name occurredAt actor correlationId causationId data",
	"Stock":        "productId received onHand reserved picked",
	"ShoppingList": "id orderId status assignedBotId stops",
	"Stop":         "storeId storeName storeLocation items",
	"StopItem":     "productId name quantity",
	"Bot":          "id name status",
}

func TestEveryRPCIsAsTheContractSays(t *testing.T) {
	seen := 0
	for _, service := range services {
		for i := range service.Methods().Len() {
			method := service.Methods().Get(i)
			want, ok := contract[string(method.Name())]
			require.True(t, ok, "%s is not in the contract", method.FullName())
			require.Equal(t, want.route, route(t, method))
			require.Equal(t, strings.TrimSpace(want.request), fields(method.Input()), "request of %s", method.Name())
			require.Equal(t, want.response, fields(method.Output()), "response of %s", method.Name())
			require.Equal(t, method.Name() == "WatchOrder", method.IsStreamingServer(), "%s", method.Name())
			require.False(t, method.IsStreamingClient(), "%s", method.Name())
			seen++
		}
	}
	require.Equal(t, len(contract), seen, "the contract names an RPC that no service has")
}

func TestEveryAnswerHasTheFieldsOfTheContract(t *testing.T) {
	for _, service := range services {
		messages := service.ParentFile().Messages()
		for i := range messages.Len() {
			m := messages.Get(i)
			if strings.HasSuffix(string(m.Name()), "Request") || strings.HasSuffix(string(m.Name()), "Response") {
				continue
			}
			require.Equal(t, answers[m.Name()], fields(m), "%s", m.FullName())
			delete(answers, m.Name())
		}
	}
	require.Empty(t, answers, "messages of the contract that no file declares")
}

// route returns an RPC's verb and path, with JSON names.
func route(t *testing.T, method protoreflect.MethodDescriptor) string {
	t.Helper()
	rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	require.NotNil(t, rule, "%s has no google.api.http annotation", method.FullName())
	verb, path := "", ""
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		verb, path = "GET ", pattern.Get
	case *annotations.HttpRule_Put:
		verb, path = "PUT ", pattern.Put
	case *annotations.HttpRule_Post:
		verb, path = "POST ", pattern.Post
	case *annotations.HttpRule_Delete:
		verb, path = "DELETE ", pattern.Delete
	}
	inputs := method.Input().Fields()
	for i := range inputs.Len() {
		path = strings.ReplaceAll(path, "{"+string(inputs.Get(i).Name())+"}", "{"+inputs.Get(i).JSONName()+"}")
	}
	return verb + path
}

// fields returns a message's JSON names, in order.
func fields(m protoreflect.MessageDescriptor) string {
	names := make([]string, m.Fields().Len())
	for i := range names {
		names[i] = m.Fields().Get(i).JSONName()
	}
	return strings.Join(names, " ")
}
