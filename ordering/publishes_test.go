package ordering

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	"mallbots/ordering/internal/customer"
	"mallbots/ordering/internal/fulfilment"
	"mallbots/ordering/internal/order"
	depotv1 "mallbots/proto/mallbots/depot/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// published is what the outbox holds, one line each: key, event, and JSON.
func published(t *testing.T, db database.DB) string {
	t.Helper()
	type row struct {
		key, subject string
		payload      []byte
	}
	rows, err := database.All(t.Context(), db, func(r database.Row) (m row, err error) {
		err = r.Scan(&m.key, &m.subject, &m.payload)
		return m, err
	}, `SELECT key, subject, payload FROM outbox ORDER BY id`)
	require.NoError(t, err)
	var text strings.Builder
	for _, r := range rows {
		name := r.subject[:strings.LastIndex(r.subject, ".")]
		kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
		require.NoError(t, err)
		m := kind.New().Interface()
		require.NoError(t, proto.Unmarshal(r.payload, m))
		data, err := protojson.Marshal(m)
		require.NoError(t, err)
		var compact bytes.Buffer // protojson puts blanks in at random
		require.NoError(t, json.Compact(&compact, data))
		text.WriteString(r.key + " " + name + " " + compact.String() + "\n")
	}
	return text.String()
}

// declared are the events of a file: its messages that are no part of another.
func declared(file protoreflect.FileDescriptor) []string {
	parts := map[protoreflect.FullName]bool{}
	messages := file.Messages()
	for i := range messages.Len() {
		fields := messages.Get(i).Fields()
		for j := range fields.Len() {
			if part := fields.Get(j).Message(); part != nil {
				parts[part.FullName()] = true
			}
		}
	}
	var names []string
	for i := range messages.Len() {
		if name := messages.Get(i).FullName(); !parts[name] {
			names = append(names, string(name))
		}
	}
	return names
}

// golden compares text with a file; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "write it with UPDATE_GOLDEN=1")
	require.Equal(t, string(want), text)
}

// TestWhatTheMallHears keeps every kind of event that ordering sends, as it is
// on the wire, and in order.
func TestWhatTheMallHears(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		since := time.Now()
		m := pending(t, db, &since)
		for _, f := range []func(tx database.Tx) error{
			func(tx database.Tx) error { return m.onStockReserved(ctx, tx, &depotv1.StockReserved{OrderId: "o1"}) },
			func(tx database.Tx) error {
				return m.onShoppingListCompleted(ctx, tx, &depotv1.ShoppingListCompleted{OrderId: "o1"})
			},
			func(tx database.Tx) error {
				return m.orders.Update(ctx, tx, "o1", func(o *order.Order) error { return o.Complete("i1") })
			},
			func(tx database.Tx) error { return m.onBasketCheckedOut(ctx, tx, basket("o2", "eve")) },
			func(tx database.Tx) error { return m.onBasketCheckedOut(ctx, tx, basket("o3", "ada")) },
			func(tx database.Tx) error {
				if err := m.orders.Update(ctx, tx, "o3", func(o *order.Order) error { return o.Cancel(reasonCanceled) }); err != nil {
					return err
				}
				return m.fulfilments.Update(ctx, tx, "o3", (*fulfilment.Fulfilment).OrderCanceled)
			},
			func(tx database.Tx) error {
				return m.customers.Update(ctx, tx, "ada", func(c *customer.Customer) error { return c.Rename("Ada King") })
			},
			func(tx database.Tx) error { return m.customers.Update(ctx, tx, "ada", (*customer.Customer).Disable) },
			func(tx database.Tx) error { return m.customers.Update(ctx, tx, "ada", (*customer.Customer).Enable) },
		} {
			in(t, db, f)
		}
		text := published(t, db)
		golden(t, "testdata/published.golden", text)
		for _, name := range declared(orderingv1.File_mallbots_ordering_v1_events_proto) {
			require.Contains(t, text, " "+name+" ", "declared, but never sent")
		}
	})
}
