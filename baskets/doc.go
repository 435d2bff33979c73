// Package baskets is the context of the shoppers: what a customer means to buy.
//
// Its words. A basket belongs to one customer and is open until it is checked
// out or canceled, and then it stays as it is. An item is a line of it: units
// of one product at one price. An offer is what is known of a product now.
//
// It speaks (key: the basket's id) with BasketStarted, BasketCanceled and
// BasketCheckedOut; the last carries all that an order needs, names and prices
// included. The order takes the basket's id, so that one basket can never become
// two orders.
//
// It hears the stores, and keeps a copy of who participates and what costs how
// much; and ordering, for which customers are disabled. So filling a basket
// asks no other module, and works while they are down.
//
// What it decides beyond the rules of the aggregate:
//
//   - The price of a unit is the one at the moment of adding it. Adding a
//     product again at the same price makes its line longer; at another price
//     the new units get a line of their own, so that no unit changes its price
//     behind the customer's back. Taking out begins with the line added last.
//     Accepting price changes brings the lines of a product together again.
//   - A basket holds at most 10 000 units of a product and 200 lines, so that a
//     total always fits.
//   - The events of a store and of its products are not ordered among each
//     other. A product that is heard of before its store can not be bought until
//     the store is heard of too: STORE_CLOSED, not unknown.
//   - A product's store, name and price are those this module has heard of. Who
//     needs what was written to another module a moment ago says so with
//     Mallbots-After.
package baskets
