package outbox

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/cause"
	"mallbots/internal/database"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

func TestPublishSaysWhoAndWhy(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		start(t, r)
		event := &storesv1.StoreCreated{StoreId: "s1", Name: "Käse", Location: "1st floor"}
		ctx := cause.With(t.Context(), cause.Cause{Actor: "ada", CorrelationID: "conversation", CausationID: "request", Traceparent: "00-01-02-00"})
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error { return Publish(ctx, tx, "s1", event) }))
		empty(t, r)

		page, err := r.stream.Read(ctx, 1, 10)
		require.NoError(t, err)
		require.Len(t, page, 1)
		envelope, err := page[0].Open()
		require.NoError(t, err)
		require.Equal(t, "stores", envelope.Source)
		require.Equal(t, "mallbots.stores.v1.StoreCreated", envelope.Type)
		require.Equal(t, "s1", envelope.Key)
		require.EqualValues(t, 1, envelope.Sequence)
		require.Equal(t, "conversation", envelope.CorrelationID)
		require.Equal(t, "request", envelope.CausationID)
		require.Equal(t, "00-01-02-00", envelope.Traceparent)
		require.Equal(t, envelope.Subject(), page[0].Subject)
		var stored storesv1.StoreCreated
		require.NoError(t, proto.Unmarshal(page[0].Data, &stored))
		require.True(t, proto.Equal(event, &stored))
	})
}

func TestRollbackPublishesNothing(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		ctx, positions := Track(t.Context())
		err := db.InTx(ctx, func(tx database.Tx) error {
			require.NoError(t, Publish(ctx, tx, "s1", rebranded("s1", 1)))
			require.NoError(t, tx.Flush(ctx))
			return errNo
		})
		require.ErrorIs(t, err, errNo)
		_, any := positions.Last()
		require.False(t, any)
		rows, err := waiting(ctx, db, nil, 10)
		require.NoError(t, err)
		require.Empty(t, rows)

		put(t, db, "s1", 1, 1)
		rows, err = waiting(ctx, db, nil, 10)
		require.NoError(t, err)
		require.EqualValues(t, 1, rows[0].sequence, "the sequence has no gap")
	})
}

func TestPositions(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		ctx, positions := Track(t.Context())
		put(t, db, "s1", 1, 2)
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
			require.NoError(t, Publish(ctx, tx, "s2", rebranded("s2", 1)))
			require.NoError(t, Publish(ctx, tx, "s1", rebranded("s1", 3)))
			return Publish(ctx, tx, "s1", rebranded("s1", 4))
		}))
		last, any := positions.Last()
		require.True(t, any)
		require.Equal(t, "stores/s1@4", last)
	})
}

func TestPublishRefuses(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		ctx := t.Context()
		long := cause.With(ctx, cause.Cause{CorrelationID: strings.Repeat("x", 600)})
		require.NoError(t, db.InTx(ctx, func(tx database.Tx) error {
			require.ErrorContains(t, Publish(ctx, tx, "", rebranded("", 1)), "has no key")
			require.ErrorContains(t, Publish(ctx, tx, "s1", nil), "is nil")
			require.ErrorContains(t, Publish(ctx, tx, "s1", (*storesv1.StoreRebranded)(nil)), "is nil")
			require.ErrorContains(t, Publish(ctx, tx, "s1", &emptypb.Empty{}), "must be mallbots.<module>.v<number>")
			require.ErrorContains(t, Publish(ctx, tx, strings.Repeat("k", 600), rebranded("", 1)), "ce-subject")
			require.ErrorContains(t, Publish(long, tx, "s1", rebranded("s1", 1)), "ce-correlationid")
			big := &storesv1.StoreRebranded{Name: strings.Repeat("x", broker.MaxMessage)}
			require.ErrorContains(t, Publish(ctx, tx, "s1", big), fmt.Sprintf("may take %d", broker.MaxMessage))
			return nil
		}))
		rows, err := waiting(ctx, db, nil, 10)
		require.NoError(t, err)
		require.Empty(t, rows)
	})
}

// The largest message that Publish takes is one that the broker takes.
func TestLargestMessage(t *testing.T) {
	each(t, func(t *testing.T, db database.DB) {
		r := newRelay(db, brokertest.Embedded(t))
		start(t, r)
		event := &storesv1.StoreRebranded{Name: strings.Repeat("x", broker.MaxMessage)}
		for err := errNo; err != nil; {
			err = db.InTx(t.Context(), func(tx database.Tx) error { return Publish(t.Context(), tx, "s1", event) })
			if err != nil {
				event.Name = event.GetName()[16:]
			}
		}
		empty(t, r)
	})
}
