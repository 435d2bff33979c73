package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAuditFindsWhatIsWrong falsifies the books of a mall that is at rest, one
// way at a time. An audit that overlooks any of it is worth nothing.
func TestAuditFindsWhatIsWrong(t *testing.T) {
	sound := t.TempDir()
	p := start(t, "--data="+sound)
	p.replay(t, write(t, smallHistory()))
	p.audit(t)
	p.stop(t)

	for _, c := range []struct {
		name, module string
		falsify      []string
		want         string // a line of the audit
	}{
		{"an order that vanished", "ordering", []string{
			`DELETE FROM events WHERE aggregate = 'order'`, `DELETE FROM orders`, `DELETE FROM order_items`,
		}, "FAIL  baskets and ordering agree on checkouts: "},
		{"an event that vanished", "ordering", []string{
			`DELETE FROM events WHERE aggregate = 'order' AND version = 2`,
		}, "FAIL  ordering: event versions are contiguous: "},
		{"a read model that is not what happened", "ordering", []string{
			`UPDATE orders SET reason = 'because'`,
		}, "FAIL  ordering: read models equal a rebuild: "},
		{"a total that is not that of the lines", "ordering", []string{
			`UPDATE order_items SET price = price + 1`,
		}, "FAIL  ordering: totals equal the sum of the lines: "},
		{"stock from nowhere", "depot", []string{
			`UPDATE stock SET on_hand = on_hand + 1, received = received + 1`,
		}, "FAIL  depot: received = on hand + reserved + picked, in the levels and in the ledger: "},
		{"stock that is reserved for nobody", "depot", []string{
			`UPDATE stock SET picked = picked - 1, reserved = reserved + 1`,
		}, "FAIL  ordering and depot agree on reserved: "},
		{"a price that was not heard", "baskets", []string{
			`UPDATE products SET price = price + 1`,
		}, "FAIL  stores and baskets agree on prices: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := t.TempDir()
			require.NoError(t, os.CopyFS(data, os.DirFS(sound)))
			db, err := sql.Open("sqlite", filepath.Join(data, c.module+".db"))
			require.NoError(t, err)
			for _, statement := range c.falsify {
				_, err = db.ExecContext(t.Context(), statement)
				require.NoError(t, err, statement)
			}
			require.NoError(t, db.Close())

			p := start(t, "--data="+data)
			out, errs, code := output(t, 30*time.Second, "audit", "--ops="+p.ops, "--wait=2s")
			require.Equal(t, 1, code, out+errs)
			require.Contains(t, out, c.want)
			require.Contains(t, out, "The books are NOT right")
		})
	}
}
