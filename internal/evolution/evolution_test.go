package evolution_test

import (
	"context"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/evolution"
	kioskv2 "mallbots/internal/evolution/proto/mallbots/kiosk/v2"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/inbox"
	"mallbots/internal/outbox"
)

var books = fstest.MapFS{"0001_sales.sql": {Data: []byte(`-- +goose Up
CREATE TABLE sales (day TEXT NOT NULL, cents BIGINT NOT NULL, version TEXT NOT NULL, place BIGINT NOT NULL);
`)}}

// listener is a consumer of the kiosk, in one of its releases.
type listener struct {
	release func(*inbox.Inbox, evolution.Book)
	db      database.DB
}

func (l *listener) module(name string) host.Module {
	return host.Module{Name: name, New: func(ctx context.Context, h *host.Host) error {
		s, err := h.Service(ctx, name, books)
		if err != nil {
			return err
		}
		l.db = s.DB
		l.release(s.Inbox, func(_ context.Context, tx database.Tx, day string, cents int64, version string) error {
			tx.Queue(database.Statement{
				SQL:  `INSERT INTO sales (day, cents, version, place) SELECT $1, $2, $3, COUNT(*) FROM sales WHERE day = $1`,
				Args: []any{day, cents, version}, Rows: 1,
			})
			return nil
		})
		return nil
	}}
}

// booked is what the consumer has in its books of a day, in order, and which
// version told it.
func (l *listener) booked(t *testing.T, day string) (sales []int64, versions map[string]int) {
	t.Helper()
	versions = map[string]int{}
	sales, err := database.All(t.Context(), l.db, func(row database.Row) (cents int64, err error) {
		var version string
		err = row.Scan(&cents, &version)
		versions[version]++
		return cents, err
	}, `SELECT cents, version FROM sales WHERE day = $1 ORDER BY place`, day)
	require.NoError(t, err)
	return sales, versions
}

// TestAnEventMovesToItsNextVersion takes all steps of docs/evolution.md with
// real processes: after each of them every consumer has every sale in its books,
// once, and in order.
func TestAnEventMovesToItsNextVersion(t *testing.T) {
	board, till, ledger := &listener{release: evolution.Old}, &listener{release: evolution.Old}, &listener{release: evolution.Moved}
	var kiosk database.DB
	mall := hosttest.Start(t,
		host.Module{Name: "kiosk", New: func(ctx context.Context, h *host.Host) error {
			s, err := h.Service(ctx, "kiosk", nil)
			if err == nil {
				kiosk = s.DB
			}
			return err
		}},
		board.module("board"), till.module("till"), ledger.module("ledger"))

	const days, daily = 3, 5
	var want []int64
	sell := func(publish func(ctx context.Context, tx database.Tx, day string, euros int32) error) {
		for range daily {
			euros := int32(len(want) + 1)
			want = append(want, int64(euros)*100)
			for day := range days {
				require.NoError(t, kiosk.InTx(t.Context(), func(tx database.Tx) error {
					return publish(t.Context(), tx, fmt.Sprintf("day %d", day), euros)
				}))
			}
		}
		mall.Settle(t)
	}
	// check requires the books of everybody to hold, and returns in which versions
	// the board and the till were told of a day.
	check := func(step string) (boardVersions, tillVersions map[string]int) {
		for day := range days {
			for name, l := range map[string]*listener{"board": board, "till": till, "ledger": ledger} {
				sales, _ := l.booked(t, fmt.Sprintf("day %d", day))
				require.Equal(t, want, sales, "%s: the books of the %s", step, name)
			}
		}
		_, boardVersions = board.booked(t, "day 0")
		_, tillVersions = till.booked(t, "day 0")
		return boardVersions, tillVersions
	}

	sell(evolution.Sell)
	boardVersions, _ := check("the kiosk tells both versions; nobody has to move")
	require.Equal(t, map[string]int{"v1": daily}, boardVersions)

	board.release = evolution.Moving
	mall.Restart(t)
	sell(evolution.Sell)
	boardVersions, tillVersions := check("the board has moved, the till has not")
	require.Equal(t, map[string]int{"v1": daily, "v2": daily}, boardVersions)
	require.Equal(t, map[string]int{"v1": 2 * daily}, tillVersions)

	board.release = evolution.Old
	mall.Restart(t)
	sell(evolution.Sell)
	check("the board was rolled back")

	board.release, till.release = evolution.Moving, evolution.Moving
	mall.Restart(t)
	sell(evolution.Sell)
	check("everybody has moved")

	sell(func(ctx context.Context, tx database.Tx, day string, euros int32) error {
		return outbox.Publish(ctx, tx, day, &kioskv2.PaperSold{Day: day, MinorUnits: int64(euros) * 100, CurrencyCode: "EUR"})
	})
	check("the kiosk tells the new version alone")

	board.release, till.release = evolution.Moved, evolution.Moved
	mall.Restart(t)
	sell(func(ctx context.Context, tx database.Tx, day string, euros int32) error {
		return outbox.Publish(ctx, tx, day, &kioskv2.PaperSold{Day: day, MinorUnits: int64(euros) * 100, CurrencyCode: "EUR"})
	})
	_, tillVersions = check("the old version is gone")
	require.Equal(t, map[string]int{"v1": 3 * daily, "v2": 3 * daily}, tillVersions)
	mall.Audit(t)
}
