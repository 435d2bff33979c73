package mutants

// mutant is a defect.
type mutant struct {
	trap  string // its number in docs/traps.md: of list 1, or "2." and that of list 2
	what  string
	file  string // from the top of the repository
	right string // once in the file
	wrong string
	tests string // the package whose tests must notice
	run   string // which of them
}

// all are the defects that can be expressed in a line or two.
var all = []mutant{
	{
		"6", "a duplicate is a failure", "internal/inbox/apply.go", "o = duplicate\n\t\t\treturn errNothing", "o = duplicate\n\t\t\treturn errNotNext",
		"internal/inbox", "TestTwiceStillMeansOnce|TestTheSameMessageFromEightSidesHasOneEffect",
	},
	{
		"8", "five attempts, then it is dropped", "internal/inbox/failure.go", "if f.transient {\n\t\treturn false", "if f.transient && m.attempts < 3 {\n\t\treturn false",
		"internal/inbox", "TestAPassingFailureIsTriedUntilItPasses",
	},
	{
		"9", "what cannot be decoded is tried for ever", "internal/inbox/failure.go", "f.cause, f.atOnce = CauseUndecodable, true", "f.transient = true",
		"internal/inbox", "TestBytesThatAreNotTheEventParkTheirKeyAtOnce",
	},
	{
		"11", "a panic of a handler ends the process", "internal/inbox/apply.go", "if p := recover(); p != nil {", "if p := any(nil); p != nil {",
		"internal/inbox", "TestAPoisonousKeyParksAndTheOthersGoOn",
	},
	{
		"21", "a missing header is let through", "internal/broker/envelope.go", `if required.value == "" {`, "if false {",
		"internal/broker", "TestOpenTrustsNothing",
	},
	{
		"22", "an outage is the message's fault", "internal/inbox/failure.go", "case fault.Unavailable, fault.TooMany:\n\t\t\tf.transient = true", "case fault.Unavailable, fault.TooMany:\n\t\t\tf.atOnce = true",
		"internal/inbox", "TestAPassingFailureIsTriedUntilItPasses",
	},
	{
		"24", "a header that cannot be decoded is empty", "internal/broker/envelope.go", "value, err := decode(m.Header[field.header])\n\t\tif err != nil {", "value, err := decode(m.Header[field.header])\n\t\tif false {",
		"internal/broker", "TestOpenTrustsNothing",
	},
	{
		"26", "nothing is pruned", "internal/api/idempotency.go", "DELETE FROM idempotency WHERE created_at <= $1", "DELETE FROM idempotency WHERE created_at <= $1 AND 1 = 0",
		"internal/api", "TestStoredResponsesAreForgottenAfterADay",
	},
	{
		"29", "a result that was cut is complete", "internal/database/database.go", "return all, rows.Err()", "return all, nil",
		"internal/database", "TestACutResultIsAnError",
	},
	{
		"30", "an unknown id is an empty aggregate", "internal/eventsourcing/repository.go", "if len(rows) == 0 {\n\t\treturn a, r.notFound", "if false {\n\t\treturn a, r.notFound",
		"internal/eventsourcing", "TestAnUnknownAggregateIsNotFoundNeverEmpty",
	},
	{
		"29", "a history with a hole is folded", "internal/eventsourcing/repository.go", "if s.Version != root.version+1 {", "if false {",
		"internal/eventsourcing", "TestADamagedHistoryIsSaidNotFolded",
	},
	{
		"35", "a panic commits", "internal/database/sqlite_group.go", "_ = tx.end(outcome)\n\t\t\tm.ended <- outcome", "m.ended <- tx.end(nil)",
		"internal/database", "TestAPanicRollsBackAndGoesOn",
	},
	{
		"35", "a panic of a method ends the connection", "internal/api/observe.go", "if value := recover(); value != nil {", "if value := any(nil); value != nil {",
		"internal/api", "TestAPanicIsAnInternalErrorThatIsLogged",
	},
	{
		"36", "a request that was given up goes on writing", "internal/database/sqlite_tx.go", "if t.err == nil {\n\t\tt.err = ctx.Err()\n\t}", "",
		"internal/database", "TestACancelledContextWritesNothing",
	},
	{
		"43", "a price below zero", "stores/internal/product/product.go", "price < 0 || price > MaxPrice", "price > MaxPrice",
		"stores/internal/product", "TestChanging",
	},
	{
		"43", "a blank name", "stores/internal/product/product.go", `if strings.TrimSpace(name) == "" {`, "if false {",
		"stores/internal/product", "TestChanging",
	},
	{
		"44", "a removed product is changed", "stores/internal/product/product.go", "case p.removed:", "case false:",
		"stores/internal/product", "TestEveryCommandInEveryState",
	},
	{
		"45", "one SKU for two products", "stores/readmodel.go", "\n\t\t\tWHERE products.id = excluded.id`", "`",
		"stores", "TestASKUIsUniqueInItsStore",
	},
	{
		"45", "a product of no store", "stores/commands_product.go", "if _, err := m.store(ctx, tx, req.GetStoreId()); err != nil {\n\t\t\treturn nil, err\n\t\t}\n\t\tid := newID()", "id := newID()",
		"stores", "TestWhatCanNotBe",
	},
	{
		"47", "a price is a difference", "baskets/subscribes.go", "UPDATE products SET price = $2 WHERE id = $1", "UPDATE products SET price = price + $2 WHERE id = $1",
		"baskets", "TestPricesAtTheCheckOut",
	},
	{
		"48", "removing one of two removes both", "baskets/internal/basket/basket.go", "taken := min(quantity, b.items[n].Quantity)", "taken := b.items[n].Quantity",
		"baskets/internal/basket", "TestABasketIsAHeapOfUnits",
	},
	{
		"49", "what its store removed cannot be taken out", "baskets/commands.go", "return b.RemoveItem(req.GetProductId(), req.GetQuantity())",
		"offers, err := offers(ctx, tx, req.GetProductId())\n\t\t\tif err != nil || offers[req.GetProductId()].Removed {\n\t\t\t\treturn basket.ErrProductRemoved\n\t\t\t}\n\t\t\treturn b.RemoveItem(req.GetProductId(), req.GetQuantity())",
		"baskets", "TestClosedStoresAndRemovedProducts",
	},
	{
		"50", "a closed store sells", "baskets/internal/basket/item.go", "if !o.Open {", "if false {",
		"baskets", "TestClosedStoresAndRemovedProducts",
	},
	{
		"50", "a removed product is sold", "baskets/internal/basket/item.go", "if o.Removed {", "if false {",
		"baskets", "TestClosedStoresAndRemovedProducts",
	},
	{
		"50", "prices that rose are not asked for", "baskets/internal/basket/item.go", "if len(risen) > 0 {", "if false {",
		"baskets/internal/basket", "TestCheckingOut",
	},
	{
		"50", "an unknown customer orders", "ordering/subscribes.go", "case !c.known:", "case false:",
		"ordering", "TestOnlyKnownAndEnabledCustomersGetTheirOrders",
	},
	{
		"51", "none of a product is added", "baskets/internal/basket/item.go", "if quantity < 1 || quantity > MaxQuantity {", "if quantity > MaxQuantity {",
		"baskets/internal/basket", "TestFillingABasket",
	},
	{
		"52", "any command in any state", "ordering/internal/order/transitions.go", "if transitions[o.status][c] {", "if o.status != StatusNone || transitions[o.status][c] {",
		"ordering/internal/order", "",
	},
	{
		"53", "an approval that nobody hears of", "ordering/publishes.go", "return outbox.Publish(ctx, tx, o.ID(), &orderingv1.OrderApproved{OrderId: o.ID(), CustomerId: o.CustomerID()})", "",
		"ordering", "TestWhatTheMallHears",
	},
	{
		"54", "a cancellation that nobody hears of", "ordering/publishes.go", "return outbox.Publish(ctx, tx, o.ID(), &orderingv1.OrderCanceled{OrderId: o.ID(), CustomerId: o.CustomerID(), Reason: e.Reason})", "",
		"depot", "TestCancellingAnOrderRestocksAtEveryStage",
	},
	{
		"56", "the invoice is dropped", "ordering/internal/order/order.go", "o.status, o.invoiceID = StatusCompleted, e.InvoiceID", "o.status = StatusCompleted",
		"ordering/internal/order", "",
	},
	{
		"58", "the saga's first step fails in silence", "ordering/internal/fulfilment/fulfilment.go", "if f.started {\n\t\tf.decide()", "if false {\n\t\tf.decide()",
		"ordering/internal/fulfilment", "",
	},
	{
		"59", "a finished saga goes on", "ordering/internal/fulfilment/fulfilment.go", "if known || f.ended {", "if known {",
		"ordering/internal/fulfilment", "TestEndedAbsorbsEverything",
	},
	{
		"60", "a saga that was undone is never done", "ordering/internal/fulfilment/fulfilment.go", "case f.canceled:", "case false:",
		"ordering/internal/fulfilment", "TestEveryPermutationEndsOnce",
	},
	{
		"61", "no time-outs", "ordering/internal/fulfilment/fulfilment.go", "if !f.Waiting() {", "if true {",
		"ordering/internal/fulfilment", "",
	},
	{
		"62", "what nobody handles is done", "internal/inbox/inbox.go", "; !known {", "; false && !known {",
		"internal/inbox", "TestCheckNamesWhatIsMissing",
	},
	{
		"63", "a list is never assigned", "depot/internal/shoppinglist/shoppinglist.go", "l.status, l.botID = StatusAssigned, e.BotID", "l.botID = e.BotID",
		"depot/internal/shoppinglist", "",
	},
	{
		"64", "the second line of a product is dropped", "depot/internal/stock/stock.go", "total[line.ProductID] += line.Quantity", "total[line.ProductID] = line.Quantity",
		"depot/internal/stock", "TestLinesOfOneProductAreSummed",
	},
	{
		"74", "a total that is none", "ordering/internal/order/order.go", "o.total += item.Quantity * item.Price", "o.total += item.Price",
		"ordering/internal/order", "TestAnOrderAddsUpItsLines",
	},
	{
		"2.3", "each hop waits for a poll", "internal/outbox/outbox.go", "\ttx.NotifyOne(topic)\n", "",
		"internal/outbox", "TestACommitWakesTheRelay",
	},
	{
		"2.2", "the promised order is not kept", "internal/inbox/gate.go", "return m.sequence == g.sequence+1 ||", "return m.sequence > g.sequence ||",
		"internal/inbox", "TestShuffledAndDuplicatedDeliveriesKeepTheOrderOfEachKey",
	},
	{
		"2.7", "a bad message is overtaken", "internal/inbox/apply.go", "case g.state == parked, !g.reaches(m):", "case false:",
		"internal/inbox", "TestAPoisonousKeyParksAndTheOthersGoOn",
	},
	{
		"2.13", "more is sold than there is", "depot/readmodel_stock.go", `enough = append(enough, " AND "+column+" >= $2")`, `enough = append(enough, "")`,
		"depot", "TestAllLinesAreReservedOrNone",
	},
}
