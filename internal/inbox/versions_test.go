package inbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	kioskv1 "mallbots/internal/evolution/proto/mallbots/kiosk/v1"
	kioskv2 "mallbots/internal/evolution/proto/mallbots/kiosk/v2"
)

var sales = fstest.MapFS{"0001_sales.sql": {Data: []byte(`-- +goose Up
CREATE TABLE sales (day TEXT NOT NULL, cents BIGINT NOT NULL, place BIGINT NOT NULL);
`)}}

// sold is a sale as the kiosk tells it, twice; the price is its number.
func sold(day string, n int) [2]broker.Message {
	told := func(sequence int, newer []string, e proto.Message) broker.Message {
		data, err := proto.Marshal(e)
		if err != nil {
			panic(err)
		}
		envelope := broker.Envelope{
			ID: uuid.Must(uuid.NewV7()).String(), Source: "kiosk", Type: string(e.ProtoReflect().Descriptor().FullName()),
			Key: day, Time: time.Now(), Sequence: int64(sequence), CorrelationID: "talk", CausationID: "request", Newer: newer,
		}
		return broker.Message{Subject: envelope.Subject(), ID: envelope.ID, Header: envelope.Headers(), Data: data}
	}
	first := told(2*n-1, nil, &kioskv2.PaperSold{Day: day, MinorUnits: int64(n) * 100, CurrencyCode: "EUR"})
	return [2]broker.Message{first, told(2*n, []string{first.ID}, &kioskv1.PaperSold{Day: day, Price: int32(n)})}
}

// TestAFactInTwoVersionsTakesEffectOnce lets a rollout, and its way back, fall
// between any two messages: three sales are six messages, and each is met by
// either release of the module. Each sale takes effect once, in order.
func TestAFactInTwoVersionsTakesEffectOnce(t *testing.T) {
	for name, releases := range map[string][2]release{
		"from the old version to both": {old, moving},
		"from both to the new version": {moving, moved},
	} {
		t.Run(name, func(t *testing.T) {
			databasetest.Each(t, sales, func(t *testing.T, db database.DB) {
				c := [2]*consumer{kioskConsumer(t, db, releases[0]), kioskConsumer(t, db, releases[1])}
				for who := range 1 << 6 {
					day := fmt.Sprintf("day %06b", who)
					for n := range 3 {
						for version, m := range sold(day, n+1) {
							bit := who >> (2*n + version) & 1
							deliver(t, c[bit], m)
							deliver(t, c[1-bit], m) // once more, to the other: a duplicate
						}
					}
					require.Equal(t, []int64{100, 200, 300}, booked(t, db, day), "%s, %s", name, day)
				}
			})
		})
	}
}

// TestABatchTakesAFactInTwoVersionsOnce is the way of a lane: both versions are
// applied in one transaction.
func TestABatchTakesAFactInTwoVersionsOnce(t *testing.T) {
	databasetest.Each(t, sales, func(t *testing.T, db database.DB) {
		for name, r := range map[string]release{"old": old, "moving": moving, "moved": moved} {
			c := kioskConsumer(t, db, r)
			var batch []*message
			for n := range 3 {
				for _, m := range sold(name, n+1) {
					batch = append(batch, newMessage("kiosk", m, &receipt{}, time.Now()))
				}
			}
			outcomes, err := c.applyAll(t.Context(), batch)
			require.NoError(t, err)
			want := map[string][]outcome{
				"old":    {ignored, applied, ignored, applied, ignored, applied},
				"moving": {applied, ignored, applied, ignored, applied, ignored},
				"moved":  {applied, ignored, applied, ignored, applied, ignored},
			}[name]
			require.Equal(t, want, outcomes, name)
			require.Equal(t, []int64{100, 200, 300}, booked(t, db, name))
		}
	})
}

// TestADiscardedVersionIsNotToldAgain is about an operator's word: what was
// given up in one version does not come back in the other.
func TestADiscardedVersionIsNotToldAgain(t *testing.T) {
	databasetest.Each(t, sales, func(t *testing.T, db database.DB) {
		c := kioskConsumer(t, db, moving)
		both := sold("today", 1)
		both[0].Data = []byte{0xff} // nothing can be made of it
		m := newMessage("kiosk", both[0], &receipt{}, time.Now())
		_, err := c.apply(t.Context(), m)
		require.ErrorIs(t, err, errUndecodable)
		buried, err := c.bury(t.Context(), m, c.in.classify(t.Context(), err))
		require.NoError(t, err)
		require.True(t, buried)
		o, err := c.apply(t.Context(), newMessage("kiosk", both[1], &receipt{}, time.Now()))
		require.NoError(t, err)
		require.Equal(t, held, o, "it waits for the operator")

		letters, err := c.in.List(t.Context(), Filter{}, 10)
		require.NoError(t, err)
		require.Len(t, letters, 1)
		require.NoError(t, c.in.Discard(t.Context(), letters[0].ID, "the kiosk sent noise"))
		for more := true; more; {
			_, more, err = c.drainOne(t.Context(), "today")
			require.NoError(t, err)
		}
		require.Empty(t, booked(t, db, "today"))
		became, err := database.All(t.Context(), db, database.Value[string], `SELECT status FROM inbox WHERE key = 'today' ORDER BY sequence`)
		require.NoError(t, err)
		require.Equal(t, []string{statusDiscarded, statusIgnored}, became)
	})
}

// release is what a release of the module "test" handles of what the kiosk says.
type release func(in *Inbox)

func old(in *Inbox) {
	On(in, func(_ context.Context, tx database.Tx, e *kioskv1.PaperSold) error {
		return book(tx, e.GetDay(), int64(e.GetPrice())*100)
	})
}

func moving(in *Inbox) {
	old(in)
	moved(in)
}

func moved(in *Inbox) {
	On(in, func(_ context.Context, tx database.Tx, e *kioskv2.PaperSold) error {
		return book(tx, e.GetDay(), e.GetMinorUnits())
	})
}

func book(tx database.Tx, day string, cents int64) error {
	tx.Queue(database.Statement{
		SQL:  `INSERT INTO sales (day, cents, place) SELECT $1, $2, COUNT(*) FROM sales WHERE day = $1`,
		Args: []any{day, cents}, Rows: 1,
	})
	return nil
}

// kioskConsumer is a release of the module "test", which books sales.
func kioskConsumer(t *testing.T, db database.DB, r release) *consumer {
	t.Helper()
	in := New(db, slog.New(slog.NewTextHandler(io.Discard, nil)))
	r(in)
	require.NoError(t, in.Check())
	return in.consumers["kiosk"]
}

func deliver(t *testing.T, c *consumer, m broker.Message) {
	t.Helper()
	_, err := c.apply(t.Context(), newMessage("kiosk", m, &receipt{}, time.Now()))
	require.NoError(t, err)
}

// booked are the sales of a day in the order of their effects.
func booked(t *testing.T, db database.DB, day string) []int64 {
	t.Helper()
	all, err := database.All(t.Context(), db, database.Value[int64], `SELECT cents FROM sales WHERE day = $1 ORDER BY place`, day)
	require.NoError(t, err)
	return all
}
