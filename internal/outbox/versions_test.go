package outbox_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	kioskv1 "mallbots/internal/evolution/proto/mallbots/kiosk/v1"
	kioskv2 "mallbots/internal/evolution/proto/mallbots/kiosk/v2"
	"mallbots/internal/outbox"
)

func TestAFactInSeveralVersionsNamesTheNewerOnes(t *testing.T) {
	databasetest.Each(t, nil, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		publish := func(newest proto.Message, older ...proto.Message) error {
			return db.InTx(ctx, func(tx database.Tx) error { return outbox.PublishVersions(ctx, tx, "today", newest, older...) })
		}
		require.NoError(t, publish(&kioskv2.PaperSold{Day: "today", MinorUnits: 100, CurrencyCode: "EUR"}, &kioskv1.PaperSold{Day: "today", Price: 1}))

		type row struct{ id, newer, kind string }
		rows, err := database.All(ctx, db, func(r database.Row) (v row, err error) {
			var headers string
			if err = r.Scan(&v.id, &headers); err != nil {
				return v, err
			}
			var h broker.Header
			err = json.Unmarshal([]byte(headers), &h)
			v.newer, v.kind = h[broker.HeaderNewer], h[broker.HeaderType]
			return v, err
		}, `SELECT message_id, headers FROM outbox ORDER BY id`)
		require.NoError(t, err)
		require.Len(t, rows, 2)
		require.Equal(t, []row{
			{rows[0].id, "", "mallbots.kiosk.v2.PaperSold"},
			{rows[1].id, rows[0].id, "mallbots.kiosk.v1.PaperSold"},
		}, rows)

		require.ErrorContains(t, publish(&kioskv1.PaperSold{}, &kioskv1.PaperSold{}), "mallbots.kiosk.v1.PaperSold is there twice")
		require.ErrorContains(t, publish(&kioskv2.PaperSold{}, nil), "is nil")
	})
}
