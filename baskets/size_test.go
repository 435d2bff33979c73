package baskets

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
)

// The largest basket that the rules allow must fit into a message, or its
// check-out could never be published.
func TestTheLargestCheckOutFitsIntoAMessage(t *testing.T) {
	name := strings.Repeat("🛒", 200)
	e := &basketsv1.BasketCheckedOut{BasketId: uuid.NewString(), CustomerId: uuid.NewString(), PaymentId: name}
	for range 200 {
		e.Items = append(e.Items, &basketsv1.BasketCheckedOutItem{
			StoreId: uuid.NewString(), ProductId: uuid.NewString(), StoreName: name, ProductName: name,
			Price: &moneyv1.Money{CurrencyCode: "USD", MinorUnits: 1e12}, Quantity: 10_000,
		})
	}
	const headers = 8 << 10
	require.Less(t, proto.Size(e), broker.MaxMessage-headers)
}
