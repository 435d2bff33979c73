package inbox

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mallbots/internal/database"
	"mallbots/internal/sabotage"
)

// told says whether the consumer has dealt already with what m is about, in a
// newer version of m's type. That one came before m, with the same key, so its
// fate is known: it had an effect, or an operator decided about it, unless it
// was ignored, by this release of the module or by the one before it.
//
// A module that moves from one version to the next handles both for a while;
// whichever of the two releases meets the first message and whichever the
// second, the fact takes effect once.
func (c *consumer) told(ctx context.Context, tx database.Tx, m *message) (bool, error) {
	if sabotage.On(sabotage.TellTwice) {
		return false, nil
	}
	args, places := []any{c.name}, make([]string, 0, len(m.newer))
	for i, id := range m.newer {
		args = append(args, id)
		places = append(places, fmt.Sprintf("$%d", i+2))
	}
	statuses, err := database.All(ctx, tx, database.Value[string],
		`SELECT status FROM inbox WHERE consumer = $1 AND message_id IN (`+strings.Join(places, ", ")+`)`, args...)
	if err != nil {
		return false, fmt.Errorf("inbox: what became of the newer versions of %s: %w", m.id, err)
	}
	return slices.ContainsFunc(statuses, func(status string) bool { return status != statusIgnored }), nil
}
