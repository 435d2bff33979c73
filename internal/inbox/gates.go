package inbox

import (
	"context"
	"errors"
	"fmt"

	"mallbots/internal/database"
)

// Gate is how far the module is with one key of a source.
type Gate struct {
	Source   string `json:"source"`
	Sequence int64  `json:"sequence"` // the last one that was applied; 0 for none
	State    string `json:"state"`    // open, parked, gap or releasing
}

// Gates returns the gate of a key for every source of the module, also for
// those of which it never heard of the key.
func (in *Inbox) Gates(ctx context.Context, key string) ([]Gate, error) {
	gates := []Gate{}
	for _, source := range in.Sources() {
		g, err := in.consumers[source].gate(ctx, key)
		if err != nil && !errors.Is(err, database.ErrNoRows) {
			return nil, fmt.Errorf("inbox: gate of %s: %w", key, err)
		}
		gates = append(gates, Gate{source, g.sequence, g.state.String()})
	}
	return gates, nil
}

// String names the state for people.
func (s state) String() string {
	switch s {
	case open:
		return "open"
	case parked:
		return "parked"
	case gapped:
		return "gap"
	case releasing:
		return "releasing"
	}
	return fmt.Sprintf("state %d", int64(s))
}
