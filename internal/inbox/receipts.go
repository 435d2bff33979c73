package inbox

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mallbots/internal/database"
)

// Receipt is what a consumer of the module did with a message.
type Receipt struct {
	MessageID string    `json:"messageId"`
	Source    string    `json:"source"`
	Status    string    `json:"status"` // such as applied, ignored, parked, dead
	At        time.Time `json:"at"`
}

// Receipts returns what became of some messages here, as far as it is still
// known; at most 1000 at a time.
func (in *Inbox) Receipts(ctx context.Context, messages []string) ([]Receipt, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	places := make([]string, 0, len(messages))
	args := make([]any, 1, len(messages)+1)
	for i, id := range messages {
		places = append(places, fmt.Sprintf("$%d", i+2))
		args = append(args, id)
	}
	var all []Receipt
	for _, source := range in.Sources() {
		args[0] = in.consumers[source].name
		found, err := database.All(ctx, in.db, func(row database.Row) (Receipt, error) {
			r := Receipt{Source: source}
			var at int64
			err := row.Scan(&r.MessageID, &r.Status, &at)
			r.At = database.Time(at)
			return r, err
		}, `SELECT message_id, status, received_at FROM inbox WHERE consumer = $1 AND message_id IN (`+strings.Join(places, ", ")+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("inbox: receipts: %w", err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// Hears are the types of events that the module hears, by their full names, and
// whether it acts on them or ignores them.
func (in *Inbox) Hears() map[string]bool {
	hears := make(map[string]bool, len(in.handlers))
	for name, h := range in.handlers {
		hears[name] = h.apply != nil
	}
	return hears
}
