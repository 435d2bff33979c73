// Package depot is the context of the goods: what there is, what is reserved
// for whom, and the bots that pick it.
//
// Its words. Stock is what there is of a product: units on hand, reserved for
// orders, and picked for orders, which together are all that was ever received.
// A reservation holds every line of an order, or none. A shopping list is what
// has to be picked for one order, and has the order's id; it is AVAILABLE,
// ASSIGNED to a bot, COMPLETED when everything is picked, or CANCELED. A bot is
// busy while a list is assigned to it, and idle else.
//
// It hears of stores and products from stores (names and locations), and of
// orders from ordering: OrderCreated reserves, OrderCanceled and OrderRejected
// give back. It speaks with StockReceived (key: the product's id), and about an
// order (key: the order's id) with StockReserved, StockReservationFailed,
// ShoppingListAssigned, ShoppingListCompleted and ShoppingListCanceled.
//
// What it decides beyond the rules of the aggregates:
//
//   - Stock is no aggregate but a ledger that is only added to, and a level for
//     each product that is changed by conditional updates in the same
//     transaction. A level never goes below zero: the update that would do so
//     changes no row, and the table would refuse it.
//   - Everybody locks the products of an order sorted by id, and where rows are
//     locked (PostgreSQL) a transaction is about one order only, so that nobody
//     waits in a circle.
//   - An order that ends before the depot has heard of it leaves a row that
//     says so, and reserves nothing when it comes late.
//   - Only stock of a known product can be received. A product that was removed
//     from its store is refused, what there is of it stays.
//   - A bot's history says that it was registered; whether it is busy follows
//     from the lists.
package depot
