package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// mall is where a history is played: the simulator, or the real thing.
type mall interface {
	// request sends one request until its outcome is known.
	request(what, key string, send func(context.Context, *clients) (proto.Message, error)) (proto.Message, outcome)
	// settle waits until nothing is left to publish, consume or fire.
	settle()
	// restart stops the process and starts it again.
	restart()
}

// history is a sequence of requests that one number decides, with what came of
// each. Between two requests the mall comes to rest, so that two malls that work
// alike give the same answers.
type history struct {
	mall   mall
	dice   *rand.Rand
	names  *trace // only replaces ids
	lines  []string
	keys   int
	newest bool // what follows is about the newest basket

	stores, products, customers, baskets, bots []string
}

func newHistory(seed uint64, m mall) *history {
	return &history{mall: m, dice: rand.New(rand.NewPCG(seed, 77)), names: newTrace(nil)}
}

func (h *history) note(format string, args ...any) {
	h.lines = append(h.lines, h.names.plain(fmt.Sprintf(format, args...)))
}

// tell sends a request and notes its outcome.
func tell[Res proto.Message](h *history, what string, send func(context.Context, *clients) (Res, error)) (Res, bool) {
	h.keys++
	message, o := h.mall.request(what, fmt.Sprintf("history-%d", h.keys), func(ctx context.Context, c *clients) (proto.Message, error) { return send(ctx, c) })
	res, ok := message.(Res)
	h.mall.settle()
	h.note("%s: %s", what, o)
	return res, ok && o.ok()
}

// play lets so many things happen, and then notes how everything is.
func (h *history) play(requests int) []string {
	for n := range 2 {
		if res, ok := tell(h, "CreateStore", func(ctx context.Context, c *clients) (*storesv1.CreateStoreResponse, error) {
			return c.stores.CreateStore(ctx, &storesv1.CreateStoreRequest{Name: fmt.Sprintf("store %d", n), Location: "Hall 1"})
		}); ok {
			h.stores = append(h.stores, res.GetId())
			tell(h, "EnableParticipation", func(ctx context.Context, c *clients) (*storesv1.EnableParticipationResponse, error) {
				return c.stores.EnableParticipation(ctx, &storesv1.EnableParticipationRequest{Id: res.GetId()})
			})
		}
	}
	for range 3 {
		h.move(pickProduct)
		h.move(pickStock)
	}
	for range 2 {
		h.move(pickCustomer)
		h.move(pickBot)
	}
	for h.keys < requests {
		if h.dice.IntN(8) == 0 {
			h.journey()
			continue
		}
		h.move(h.dice.IntN(100))
	}
	h.look()
	return h.lines
}

// one picks an id.
func (h *history) one(ids []string) string {
	if len(ids) == 0 {
		return "018cc251-f400-7000-8000-000000000000" // nobody's
	}
	return ids[max(h.dice.IntN(len(ids)), h.dice.IntN(len(ids)), h.dice.IntN(len(ids)))] // rather a new one
}

// Numbers that move understands.
const (
	pickProduct  = 2
	pickStock    = 15
	pickCustomer = 24
	pickBasket   = 32
	pickItem     = 42
	pickCheckout = 63
	pickBot      = 76
	pickAssign   = 79
	pickComplete = 85
	pickCollect  = 96
)

// journey is a basket on its way, perhaps to its end.
func (h *history) journey() {
	before := len(h.baskets)
	h.move(pickBasket)
	h.newest = len(h.baskets) > before
	defer func() { h.newest = false }()
	for _, next := range []int{pickItem, pickItem, pickCheckout, pickAssign, pickComplete, pickCollect} {
		if h.dice.IntN(6) > 0 {
			h.move(next)
		}
	}
}

// move is one request, or a restart.
func (h *history) move(pick int) {
	product, basket, customer, bot := h.one(h.products), h.one(h.baskets), h.one(h.customers), h.one(h.bots)
	if h.newest {
		basket = h.baskets[len(h.baskets)-1]
	}
	units := int32(1 + h.dice.IntN(5))
	switch {
	case pick < 2:
		h.note("restart")
		h.mall.restart()
		h.mall.settle()
	case pick < 8:
		h.addProduct()
	case pick < 12:
		price := int64(100 + h.dice.IntN(5000))
		tell(h, fmt.Sprintf("IncreaseProductPrice %s %d", product, price), func(ctx context.Context, c *clients) (*storesv1.IncreaseProductPriceResponse, error) {
			return c.stores.IncreaseProductPrice(ctx, &storesv1.IncreaseProductPriceRequest{Id: product, Price: money(price)})
		})
	case pick < 14:
		tell(h, "RebrandProduct "+product, func(ctx context.Context, c *clients) (*storesv1.RebrandProductResponse, error) {
			return c.stores.RebrandProduct(ctx, &storesv1.RebrandProductRequest{Id: product, Name: fmt.Sprintf("name %d", h.keys)})
		})
	case pick < 15:
		tell(h, "RemoveProduct "+product, func(ctx context.Context, c *clients) (*storesv1.RemoveProductResponse, error) {
			return c.stores.RemoveProduct(ctx, &storesv1.RemoveProductRequest{Id: product})
		})
	case pick < 24:
		units *= 4
		tell(h, fmt.Sprintf("ReceiveStock %s %d", product, units), func(ctx context.Context, c *clients) (*depotv1.ReceiveStockResponse, error) {
			return c.depot.ReceiveStock(ctx, &depotv1.ReceiveStockRequest{ProductId: product, Quantity: units})
		})
	case pick < 28:
		if res, ok := tell(h, "RegisterCustomer", func(ctx context.Context, c *clients) (*orderingv1.RegisterCustomerResponse, error) {
			return c.ordering.RegisterCustomer(ctx, &orderingv1.RegisterCustomerRequest{Name: "somebody", SmsNumber: "555-0100"})
		}); ok {
			h.customers = append(h.customers, res.GetId())
		}
	case pick < 30:
		tell(h, "DisableCustomer "+customer, func(ctx context.Context, c *clients) (*orderingv1.DisableCustomerResponse, error) {
			return c.ordering.DisableCustomer(ctx, &orderingv1.DisableCustomerRequest{Id: customer})
		})
	case pick < 32:
		tell(h, "EnableCustomer "+customer, func(ctx context.Context, c *clients) (*orderingv1.EnableCustomerResponse, error) {
			return c.ordering.EnableCustomer(ctx, &orderingv1.EnableCustomerRequest{Id: customer})
		})
	case pick < 42:
		if res, ok := tell(h, "StartBasket "+customer, func(ctx context.Context, c *clients) (*basketsv1.StartBasketResponse, error) {
			return c.baskets.StartBasket(ctx, &basketsv1.StartBasketRequest{CustomerId: customer})
		}); ok {
			h.baskets = append(h.baskets, res.GetId())
		}
	case pick < 60:
		tell(h, fmt.Sprintf("AddItem %s %s %d", basket, product, units), func(ctx context.Context, c *clients) (*basketsv1.AddItemResponse, error) {
			return c.baskets.AddItem(ctx, &basketsv1.AddItemRequest{Id: basket, ProductId: product, Quantity: units})
		})
	case pick < 63:
		tell(h, fmt.Sprintf("RemoveItem %s %s %d", basket, product, units), func(ctx context.Context, c *clients) (*basketsv1.RemoveItemResponse, error) {
			return c.baskets.RemoveItem(ctx, &basketsv1.RemoveItemRequest{Id: basket, ProductId: product, Quantity: units})
		})
	case pick < 76:
		accept := h.dice.IntN(3) > 0
		tell(h, fmt.Sprintf("CheckoutBasket %s %v", basket, accept), func(ctx context.Context, c *clients) (*basketsv1.CheckoutBasketResponse, error) {
			return c.baskets.CheckoutBasket(ctx, &basketsv1.CheckoutBasketRequest{Id: basket, PaymentId: "payment", AcceptPriceChanges: accept})
		})
	default:
		h.fulfil(pick, basket, bot)
	}
}

func (h *history) addProduct() {
	store, price := h.one(h.stores), int64(100+h.dice.IntN(1000))
	if res, ok := tell(h, "AddProduct "+store, func(ctx context.Context, c *clients) (*storesv1.AddProductResponse, error) {
		return c.stores.AddProduct(ctx, &storesv1.AddProductRequest{StoreId: store, Name: "thing", Sku: fmt.Sprint(h.keys), Price: money(price)})
	}); ok {
		h.products = append(h.products, res.GetId())
	}
}

// fulfil is a request about an order, or its shopping list.
func (h *history) fulfil(pick int, order, bot string) {
	switch {
	case pick < 79:
		if res, ok := tell(h, "RegisterBot", func(ctx context.Context, c *clients) (*depotv1.RegisterBotResponse, error) {
			return c.depot.RegisterBot(ctx, &depotv1.RegisterBotRequest{Name: "bot"})
		}); ok {
			h.bots = append(h.bots, res.GetId())
		}
	case pick < 85:
		tell(h, "AssignShoppingList "+order+" "+bot, func(ctx context.Context, c *clients) (*depotv1.AssignShoppingListResponse, error) {
			return c.depot.AssignShoppingList(ctx, &depotv1.AssignShoppingListRequest{Id: order, BotId: bot})
		})
	case pick < 90:
		tell(h, "CompleteShoppingList "+order, func(ctx context.Context, c *clients) (*depotv1.CompleteShoppingListResponse, error) {
			return c.depot.CompleteShoppingList(ctx, &depotv1.CompleteShoppingListRequest{Id: order})
		})
	case pick < 92:
		tell(h, "CancelShoppingList "+order, func(ctx context.Context, c *clients) (*depotv1.CancelShoppingListResponse, error) {
			return c.depot.CancelShoppingList(ctx, &depotv1.CancelShoppingListRequest{Id: order, Reason: "spilled"})
		})
	case pick < 96:
		tell(h, "CancelOrder "+order, func(ctx context.Context, c *clients) (*orderingv1.CancelOrderResponse, error) {
			return c.ordering.CancelOrder(ctx, &orderingv1.CancelOrderRequest{Id: order})
		})
	default:
		tell(h, "CompleteOrder "+order, func(ctx context.Context, c *clients) (*orderingv1.CompleteOrderResponse, error) {
			return c.ordering.CompleteOrder(ctx, &orderingv1.CompleteOrderRequest{Id: order, InvoiceId: "invoice"})
		})
	}
}
