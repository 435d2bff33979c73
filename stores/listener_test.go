package stores_test

import (
	"context"
	"regexp"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/database"
	"mallbots/internal/host"
	"mallbots/internal/inbox"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// listener is a module that hears all that the stores say.
type listener struct {
	mutex sync.Mutex
	said  []proto.Message
}

func (l *listener) module() host.Module {
	return host.Module{Name: "listener", New: func(ctx context.Context, h *host.Host) error {
		s, err := h.Service(ctx, "listener", nil)
		if err != nil {
			return err
		}
		inbox.On(s.Inbox, func(_ context.Context, tx database.Tx, e *storesv1.StoreCreated) error { return l.note(tx, e) })
		inbox.On(s.Inbox, func(_ context.Context, tx database.Tx, e *storesv1.StoreRebranded) error { return l.note(tx, e) })
		inbox.On(s.Inbox, func(_ context.Context, tx database.Tx, e *storesv1.StoreParticipationChanged) error {
			return l.note(tx, e)
		})
		inbox.On(s.Inbox, func(_ context.Context, tx database.Tx, e *storesv1.ProductAdded) error { return l.note(tx, e) })
		inbox.On(s.Inbox, func(_ context.Context, tx database.Tx, e *storesv1.ProductRebranded) error { return l.note(tx, e) })
		inbox.On(s.Inbox, func(_ context.Context, tx database.Tx, e *storesv1.ProductPriceChanged) error { return l.note(tx, e) })
		inbox.On(s.Inbox, func(_ context.Context, tx database.Tx, e *storesv1.ProductRemoved) error { return l.note(tx, e) })
		return nil
	}}
}

func (l *listener) note(tx database.Tx, e proto.Message) error {
	tx.AfterCommit(func() {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.said = append(l.said, e)
	})
	return nil
}

// blanks is what prototext puts more or less of between the fields, at random.
var blanks = regexp.MustCompile(`\s+`)

// heard is what was said about id, in order, as text; ids are written as X (the
// one asked for) and Y (another that is named).
func (l *listener) heard(id string, names ...string) []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var all []string
	for _, e := range l.said {
		text := blanks.ReplaceAllString(prototext.MarshalOptions{}.Format(e), " ")
		if !strings.Contains(text, id) {
			continue
		}
		text = strings.ReplaceAll(text, `"`+id+`"`, "X")
		for _, name := range names {
			text = strings.ReplaceAll(text, `"`+name+`"`, "Y")
		}
		all = append(all, string(e.ProtoReflect().Descriptor().Name())+" "+text)
	}
	return all
}
