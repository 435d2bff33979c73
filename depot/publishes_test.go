package depot

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/depot/internal/shoppinglist"
	"mallbots/depot/internal/stock"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	depotv1 "mallbots/proto/mallbots/depot/v1"
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

// TestWhatTheMallHears keeps every kind of event that the depot sends, as it is
// on the wire, and in order.
func TestWhatTheMallHears(t *testing.T) {
	databasetest.Each(t, migrations, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		m := stocked(t, ctx, db, stock.Line{ProductID: "chai", Quantity: 10}, stock.Line{ProductID: "tofu", Quantity: 1})
		for _, f := range []func(tx database.Tx) error{
			func(tx database.Tx) error {
				return m.onProductAdded(ctx, tx, added("chai"))
			},
			func(tx database.Tx) error {
				return m.onOrderCreated(ctx, tx, orderOf("o1", stock.Line{ProductID: "chai", Quantity: 2}, stock.Line{ProductID: "chai", Quantity: 1}))
			},
			func(tx database.Tx) error {
				return m.lists.Update(ctx, tx, "o1", func(l *shoppinglist.List) error { return l.Assign("r2") })
			},
			func(tx database.Tx) error { return m.lists.Update(ctx, tx, "o1", (*shoppinglist.List).Complete) },
			func(tx database.Tx) error { return m.callOff(ctx, tx, "o1", "changed my mind") },
			func(tx database.Tx) error {
				return m.onOrderCreated(ctx, tx, orderOf("o2", stock.Line{ProductID: "chai", Quantity: 2}, stock.Line{ProductID: "tofu", Quantity: 2}))
			},
		} {
			require.NoError(t, db.InTx(ctx, f))
		}
		_, err := m.ReceiveStock(ctx, &depotv1.ReceiveStockRequest{ProductId: "chai", Quantity: 5})
		require.NoError(t, err)
		text := published(t, db)
		golden(t, "testdata/published.golden", text)
		for _, name := range declared(depotv1.File_mallbots_depot_v1_events_proto) {
			require.Contains(t, text, " "+name+" ", "declared, but never sent")
		}
	})
}
