package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// PublishVersions puts one fact into the outbox in several versions of its
// type, all about the same key: the newest first, then the older ones, each of
// which says which messages told it before. A consumer takes the first that it
// handles and passes over the rest (see the inbox), so that those who still
// know the old version and those who have moved live side by side. Take the old
// version out when nobody hears it any more.
func PublishVersions(ctx context.Context, tx database.Tx, key string, newest proto.Message, older ...proto.Message) error {
	if len(older) >= broker.MaxVersions {
		return fmt.Errorf("outbox: %d versions of one fact; at most %d", len(older)+1, broker.MaxVersions)
	}
	var told, kinds []string
	for _, m := range append([]proto.Message{newest}, older...) {
		if m == nil {
			return errors.New("outbox: a version of the message is nil")
		}
		kind := string(m.ProtoReflect().Descriptor().FullName())
		if slices.Contains(kinds, kind) {
			return fmt.Errorf("outbox: %s is there twice: give each version once", kind)
		}
		kinds = append(kinds, kind)
		id, err := publish(ctx, tx, key, m, false, slices.Clone(told))
		if err != nil {
			return err
		}
		told = append(told, id)
	}
	return nil
}
