package hosttest

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/database"
	"mallbots/internal/host"
	"mallbots/internal/inbox"
	"mallbots/internal/outbox"
)

// Speaker is a module that publishes what it is told to, in place of the real
// one of its name.
type Speaker struct{ db database.DB }

// Module runs the speaker under the name of a module.
func (s *Speaker) Module(name string) host.Module {
	return host.Module{Name: name, New: func(ctx context.Context, h *host.Host) error {
		service, err := h.Service(ctx, name, nil)
		if err != nil {
			return err
		}
		s.db = service.DB
		return nil
	}}
}

// Say publishes events about key in one transaction, and returns the position
// of the last.
func (s *Speaker) Say(t *testing.T, key string, events ...proto.Message) string {
	t.Helper()
	ctx, positions := outbox.Track(t.Context())
	require.NoError(t, s.db.InTx(ctx, func(tx database.Tx) error {
		for _, e := range events {
			if err := outbox.Publish(ctx, tx, key, e); err != nil {
				return err
			}
		}
		return nil
	}))
	position, ok := positions.Last()
	require.True(t, ok)
	return position
}

// Listener is a module that remembers what it hears.
type Listener struct {
	mutex sync.Mutex
	said  []proto.Message
}

// Hear makes the listener remember the events of one type.
func Hear[T any, E interface {
	*T
	proto.Message
}](l *Listener, in *inbox.Inbox) {
	inbox.On(in, func(_ context.Context, tx database.Tx, e E) error {
		tx.AfterCommit(func() {
			l.mutex.Lock()
			defer l.mutex.Unlock()
			l.said = append(l.said, e)
		})
		return nil
	})
}

// Module runs the listener; hear calls Hear for each type of event.
func (l *Listener) Module(hear func(in *inbox.Inbox)) host.Module {
	return host.Module{Name: "listener", New: func(ctx context.Context, h *host.Host) error {
		s, err := h.Service(ctx, "listener", nil)
		if err != nil {
			return err
		}
		hear(s.Inbox)
		return nil
	}}
}

// blanks is what prototext puts more or less of between the fields, at random.
var blanks = regexp.MustCompile(`\s+`)

// Heard is all that the listener heard of id, in order, as text; ids have the
// names they are given here. An empty id is everything.
func (l *Listener) Heard(id string, names map[string]string) []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var all []string
	for _, e := range l.said {
		text := blanks.ReplaceAllString(prototext.MarshalOptions{}.Format(e), " ")
		if !strings.Contains(text, id) {
			continue
		}
		for id, name := range names {
			text = strings.ReplaceAll(text, `"`+id+`"`, name)
		}
		all = append(all, string(e.ProtoReflect().Descriptor().Name())+" "+text)
	}
	return all
}
