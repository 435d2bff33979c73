package outbox

import (
	"slices"

	"mallbots/internal/sabotage"
)

// sabotaged spoils what was read of the outbox.
func (m *mover) sabotaged(rows []row) []row {
	switch {
	case sabotage.On(sabotage.Unordered):
		slices.Reverse(rows)
	case sabotage.On(sabotage.CursorRelay):
		rows = slices.DeleteFunc(rows, func(r row) bool { return r.id <= m.taken })
		if len(rows) > 0 {
			m.taken = rows[len(rows)-1].id
		}
	}
	return rows
}
