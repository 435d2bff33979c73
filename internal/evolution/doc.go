// Package evolution is a worked example, for tests alone: an event on the wire
// gets another meaning, and its old and its new version live side by side until
// everybody has moved. See docs/evolution.md.
//
// The kiosk told each sale in whole units of the only currency, PaperSold of
// mallbots.kiosk.v1. Then a second currency comes, and PaperSold of
// mallbots.kiosk.v2 tells minor units and the currency. Nobody can move at the
// same moment as everybody else, so it happens in steps, each a release of one
// module:
//
//  1. The kiosk publishes both versions of each sale, with one call of
//     outbox.PublishVersions: the newest first.
//  2. Each consumer, when it likes, handles v2 beside v1. It takes effect in
//     whichever comes first that the running release knows, and once.
//  3. When every consumer handles v2, the kiosk publishes v2 alone.
//  4. When the last v1 has left the stream, the consumers take their handler of
//     v1 out, and the contract of v1 may go.
package evolution

import (
	"context"

	"mallbots/internal/database"
	kioskv1 "mallbots/internal/evolution/proto/mallbots/kiosk/v1"
	kioskv2 "mallbots/internal/evolution/proto/mallbots/kiosk/v2"
	"mallbots/internal/inbox"
	"mallbots/internal/outbox"
)

// Sell publishes a sale in both versions: step 1. The price is in whole euros.
func Sell(ctx context.Context, tx database.Tx, day string, euros int32) error {
	return outbox.PublishVersions(ctx, tx, day,
		&kioskv2.PaperSold{Day: day, MinorUnits: int64(euros) * 100, CurrencyCode: "EUR"},
		&kioskv1.PaperSold{Day: day, Price: euros})
}

// Book adds a sale to the books of a consumer, in cents.
type Book func(ctx context.Context, tx database.Tx, day string, cents int64, version string) error

// Old is a consumer that knows the first version alone. It ignores what it does
// not know.
func Old(in *inbox.Inbox, book Book) {
	inbox.On(in, func(ctx context.Context, tx database.Tx, e *kioskv1.PaperSold) error {
		return book(ctx, tx, e.GetDay(), int64(e.GetPrice())*100, "v1")
	})
}

// Moving is a consumer that knows both: step 2.
func Moving(in *inbox.Inbox, book Book) {
	Old(in, book)
	inbox.On(in, func(ctx context.Context, tx database.Tx, e *kioskv2.PaperSold) error {
		return book(ctx, tx, e.GetDay(), e.GetMinorUnits(), "v2")
	})
}

// Moved is a consumer that has left the first version behind: step 4.
func Moved(in *inbox.Inbox, book Book) {
	inbox.On(in, func(ctx context.Context, tx database.Tx, e *kioskv2.PaperSold) error {
		return book(ctx, tx, e.GetDay(), e.GetMinorUnits(), "v2")
	})
}
