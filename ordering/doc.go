// Package ordering is the context of customers and their orders: who may buy,
// and what becomes of a basket that was checked out.
//
// Its words. A customer is a person who may order while enabled. An order is a
// checked-out basket, and has the basket's id; it is PENDING until the depot
// has reserved its goods, APPROVED or REJECTED then, READY when they are
// picked, COMPLETED when they are collected, and CANCELED if somebody gives it
// up before it is ready. A fulfilment is what drives the order from PENDING to
// READY: a process manager that hears the depot and the customer, and loses its
// patience after ten minutes without an answer.
//
// It hears BasketCheckedOut from baskets, and from the depot StockReserved,
// StockReservationFailed, ShoppingListCompleted and ShoppingListCanceled. It
// speaks of customers (key: the customer's id) with CustomerEnabled and
// CustomerDisabled, and of orders (key: the order's id) with OrderCreated,
// OrderApproved, OrderRejected, OrderReadied, OrderCompleted and OrderCanceled.
//
// What it decides beyond the rules of the aggregates:
//
//   - An order of an unknown or disabled customer is rejected at once, and the
//     depot never hears of it. A customer who is disabled later keeps the
//     orders under way.
//   - The patience with the depot counts only while this module's own database,
//     relay, consumers and timers are well: after an outage the deadline is
//     armed again, so that an outage never becomes a rejection.
//   - Names and numbers are sealed with a key per person (package personal),
//     in events and in the read model. An order's customerName is the current
//     name, read at each look.
//   - A watch stays open until the caller leaves, even when nothing can happen
//     to the order any more: a browser whose stream ends would connect again.
package ordering
