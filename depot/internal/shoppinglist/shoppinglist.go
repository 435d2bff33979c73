// Package shoppinglist holds the rules of a shopping list: what a bot picks for
// one order. The list's id is its order's.
//
// A list is AVAILABLE as soon as its stock is reserved, ASSIGNED while a bot
// picks it, then COMPLETED; it may pass from bot to bot until then. Staff may
// cancel it before it is completed, its order even after. What each command
// does in each state is one table: see transitions.go.
package shoppinglist

import (
	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
)

// Why a list is refused.
var (
	ErrEmpty = fault.New(fault.Invalid, "SHOPPING_LIST_EMPTY", "a shopping list needs something to pick")
	ErrItem  = fault.New(fault.Invalid, "SHOPPING_LIST_ITEM_INVALID", "an item needs a product, a store and a quantity of at least 1, and each product only once")
	ErrBot   = fault.New(fault.Invalid, "BOT_ID_BLANK", "a list is assigned to a bot; name one")
)

// Item is a product to pick, and where.
type Item struct {
	StoreID     string `json:"store_id"`
	StoreName   string `json:"store_name"`
	ProductID   string `json:"product_id"`
	ProductName string `json:"product_name"`
	Quantity    int64  `json:"quantity"`
}

// Stop is one store on the way, with what to pick there.
type Stop struct {
	StoreID   string
	StoreName string
	Items     []Item
}

// List is what a bot picks for one order.
type List struct {
	eventsourcing.Root[Event]
	status Status
	items  []Item
	botID  string
	reason string
}

// New returns a blank list.
func New(id string) *List {
	l := &List{}
	l.Root = eventsourcing.NewRoot(id, l.apply, decode)
	return l
}

// Create makes the list of reserved goods, one item for each product.
func (l *List) Create(items []Item) error {
	if _, err := l.permit(create); err != nil {
		return err
	}
	if len(items) == 0 {
		return ErrEmpty
	}
	seen := map[string]bool{}
	for _, item := range items {
		if item.ProductID == "" || item.StoreID == "" || item.Quantity < 1 || seen[item.ProductID] {
			return ErrItem.With("product %s", item.ProductID)
		}
		seen[item.ProductID] = true
	}
	l.Record(Listed{Items: items})
	return nil
}

// Assign gives the list to a bot, or to another bot. The same bot again
// changes nothing.
func (l *List) Assign(botID string) error {
	if _, err := l.permit(assign); err != nil {
		return err
	}
	switch botID {
	case "":
		return ErrBot
	case l.botID:
		return nil
	}
	l.Record(Assigned{BotID: botID})
	return nil
}

// Complete says that everything is picked.
func (l *List) Complete() error {
	if _, err := l.permit(complete); err != nil {
		return err
	}
	l.Record(Completed{})
	return nil
}

// Cancel gives the list up, for the reason that staff give.
func (l *List) Cancel(reason string) error { return l.end(cancel, reason) }

// CallOff gives the list up because its order is no more. What was picked
// already goes back.
func (l *List) CallOff(reason string) error { return l.end(callOff, reason) }

func (l *List) end(c command, reason string) error {
	if goOn, err := l.permit(c); !goOn {
		return err
	}
	l.Record(Canceled{Reason: reason, Picked: l.status == StatusCompleted})
	return nil
}

// Status is how far the list is.
func (l *List) Status() Status { return l.status }

// Items are the goods, one item for each product.
func (l *List) Items() []Item { return l.items }

// BotID is the bot that picks it or has picked it; empty if there was none.
func (l *List) BotID() string { return l.botID }

// Reason is why it was cancelled.
func (l *List) Reason() string { return l.reason }

// Stops groups items by their store, in the order they first come in.
func Stops(items []Item) []Stop {
	var stops []Stop
	index := map[string]int{}
	for _, item := range items {
		i, known := index[item.StoreID]
		if !known {
			i = len(stops)
			index[item.StoreID] = i
			stops = append(stops, Stop{StoreID: item.StoreID, StoreName: item.StoreName})
		}
		stops[i].Items = append(stops[i].Items, item)
	}
	return stops
}

// apply changes the state. It decides nothing and never fails.
func (l *List) apply(e Event) {
	switch e := e.(type) {
	case Listed:
		l.status, l.items = StatusAvailable, e.Items
	case Assigned:
		l.status, l.botID = StatusAssigned, e.BotID
	case Completed:
		l.status = StatusCompleted
	case Canceled:
		l.status, l.reason = StatusCanceled, e.Reason
	}
}
