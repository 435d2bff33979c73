package proto_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/internal/contracts"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// published is what each module tells the mall. A name is a subject of a durable
// stream: it is never changed and never taken away.
var published = []struct {
	file   protoreflect.FileDescriptor
	events string
}{
	{storesv1.File_mallbots_stores_v1_events_proto, "StoreCreated StoreParticipationChanged StoreRebranded " +
		"ProductAdded ProductRebranded ProductPriceChanged ProductRemoved"},
	{basketsv1.File_mallbots_baskets_v1_events_proto, "BasketStarted BasketCanceled BasketCheckedOut"},
	{orderingv1.File_mallbots_ordering_v1_events_proto, "CustomerEnabled CustomerDisabled " +
		"OrderCreated OrderApproved OrderRejected OrderReadied OrderCompleted OrderCanceled"},
	{depotv1.File_mallbots_depot_v1_events_proto, "StockReserved StockReservationFailed StockReceived " +
		"ShoppingListAssigned ShoppingListCompleted ShoppingListCanceled"},
}

func TestEveryModulePublishesItsEvents(t *testing.T) {
	for _, p := range published {
		var events []string
		for _, event := range contracts.Declared(p.file) {
			events = append(events, string(event.Name()))
		}
		require.ElementsMatch(t, strings.Fields(p.events), events, "%s", p.file.Path())
	}
}

// Whose order it is, an event says by the customer's id; who that is, by nothing.
func TestNoEventNamesAPerson(t *testing.T) {
	for _, p := range published {
		for i := range p.file.Messages().Len() {
			m := p.file.Messages().Get(i)
			for _, field := range strings.Fields(fields(m)) {
				require.NotContains(t, []string{"customerName", "smsNumber", "phone", "email", "address"}, field, "%s", m.FullName())
			}
		}
	}
}

// Consumers tell events apart by their key, so each begins with an id.
func TestEveryEventBeginsWithItsKey(t *testing.T) {
	for _, p := range published {
		for _, event := range contracts.Declared(p.file) {
			require.Regexp(t, `^(store|product|basket|customer|order)_id$`, string(event.Fields().Get(0).Name()), "%s", event.FullName())
		}
	}
}

// TestNoNumberIsAFloat keeps money and counts exact on the wire.
func TestNoNumberIsAFloat(t *testing.T) {
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "mallbots.") {
			return true
		}
		for i := range file.Messages().Len() {
			fields := file.Messages().Get(i).Fields()
			for j := range fields.Len() {
				require.NotContains(t, []protoreflect.Kind{protoreflect.FloatKind, protoreflect.DoubleKind}, fields.Get(j).Kind(), "%s", fields.Get(j).FullName())
			}
		}
		return true
	})
}
