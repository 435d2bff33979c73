package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
)

// Retention is how long a stream keeps a message: as long as the longest
// absence of a consumer that loses nothing.
const Retention = 14 * 24 * time.Hour

// epoch is the name under which a stream's metadata holds its epoch.
const epoch = "mallbots.epoch"

// Stream is the stream of one producing module.
type Stream struct {
	broker *Broker
	module string
	name   string

	mu    sync.Mutex
	epoch string
	owner Owner
}

// Stream returns a module's stream, which need not exist yet.
func (b *Broker) Stream(module string) *Stream {
	return &Stream{broker: b, module: module, name: streamName(module)}
}

// Name is what the server calls the stream.
func (s *Stream) Name() string { return s.name }

// Module is the module whose events the stream carries.
func (s *Stream) Module() string { return s.module }

// Epoch tells one life of the stream from the next: a stream that was lost and
// created again has another one, and its sequences mean something else. It is
// what the last Ensure found.
func (s *Stream) Epoch() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// Ensure creates the stream, or brings an existing one to what this version
// wants of it. It is an error that names the setting when the existing stream
// differs in one that cannot be changed.
func (s *Stream) Ensure(ctx context.Context) error {
	ctx, release := s.broker.within(ctx)
	defer release()
	js := s.broker.js()
	stream, err := js.Stream(ctx, s.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, s.fresh())
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
			stream, err = js.Stream(ctx, s.name)
		}
	}
	if err != nil {
		return fmt.Errorf("broker: stream %s: %w", s.name, why(ctx, err))
	}
	have := stream.CachedInfo().Config
	want, differs, err := s.wanted(have)
	if err != nil {
		return err
	}
	if differs {
		if stream, err = js.UpdateStream(ctx, want); err != nil && ctx.Err() != nil {
			return fmt.Errorf("broker: stream %s: %w", s.name, why(ctx, err))
		}
		if err != nil {
			return fmt.Errorf("broker: stream %s has other settings than this version needs, and they cannot be changed: %w", s.name, err)
		}
	}
	s.mu.Lock()
	s.epoch = stream.CachedInfo().Config.Metadata[epoch]
	s.owner = owner(stream.CachedInfo().Config.Metadata)
	s.mu.Unlock()
	s.broker.know(s.name)
	return nil
}

// fresh is a stream as it is created.
func (s *Stream) fresh() jetstream.StreamConfig {
	replicas := 1
	if s.broker.conn().ConnectedClusterName() != "" {
		replicas = 3
	}
	if copies := s.broker.copies(); copies > 0 {
		replicas = copies
	}
	return jetstream.StreamConfig{
		Name:               s.name,
		Description:        "events of the module " + s.module,
		Subjects:           []string{subjects(s.module)},
		Storage:            jetstream.FileStorage,
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardNew,
		MaxAge:             Retention,
		Duplicates:         10 * time.Minute,
		MaxMsgSize:         MaxMessage,
		Replicas:           replicas,
		DenyDelete:         true,
		DenyPurge:          true,
		AllowAtomicPublish: true,
		Metadata:           map[string]string{epoch: uuid.NewString()},
	}
}

// wanted is what an existing stream should be, and whether it is not. How many
// bytes it may have is the operator's choice, and how many replicas, unless the
// process was told.
func (s *Stream) wanted(have jetstream.StreamConfig) (want jetstream.StreamConfig, differs bool, err error) {
	want = have
	fresh := s.fresh()
	if have.Storage != fresh.Storage {
		return want, false, s.unlike("storage", have.Storage, fresh.Storage)
	}
	if have.Retention != fresh.Retention {
		return want, false, s.unlike("retention", have.Retention, fresh.Retention)
	}
	if len(have.Subjects) != 1 || have.Subjects[0] != fresh.Subjects[0] {
		return want, false, s.unlike("subjects", have.Subjects, fresh.Subjects)
	}
	want.Discard, want.MaxAge, want.Duplicates, want.MaxMsgSize = fresh.Discard, fresh.MaxAge, fresh.Duplicates, fresh.MaxMsgSize
	want.DenyDelete, want.DenyPurge, want.AllowAtomicPublish = true, true, true
	differs = have.Discard != want.Discard || have.MaxAge != want.MaxAge || have.Duplicates != want.Duplicates ||
		have.MaxMsgSize != want.MaxMsgSize || !have.DenyDelete || !have.DenyPurge || !have.AllowAtomicPublish
	if copies := s.broker.copies(); copies > 0 && copies != have.Replicas {
		want.Replicas, differs = copies, true
	}
	if have.Metadata[epoch] == "" {
		want.Metadata = map[string]string{epoch: fresh.Metadata[epoch]}
		for name, value := range have.Metadata {
			if !strings.HasPrefix(name, "_nats.") && name != epoch {
				want.Metadata[name] = value
			}
		}
		differs = true
	}
	return want, differs, nil
}

func (s *Stream) unlike(setting string, have, want any) error {
	return fmt.Errorf("broker: the stream %s exists with %s %v, but must have %v, which cannot be changed: "+
		"move it away, and its module publishes again what it still keeps", s.name, setting, have, want)
}

// Last is the sequence of the newest message that was ever stored, 0 if none.
func (s *Stream) Last(ctx context.Context) (uint64, error) {
	ctx, release := s.broker.within(ctx)
	defer release()
	stream, err := s.broker.js().Stream(ctx, s.name)
	if err != nil {
		return 0, s.failed("last sequence", why(ctx, err))
	}
	return stream.CachedInfo().State.LastSeq, nil
}

// Read returns stored messages in order, beginning with the first whose
// sequence is at least from, and at most max of them. It asks the stream's
// leader, so it sees everything that was acknowledged. Fewer than max means
// that there are no more.
func (s *Stream) Read(ctx context.Context, from uint64, max int) ([]Message, error) {
	ctx, release := s.broker.within(ctx)
	defer release()
	stream, err := s.broker.js().Stream(ctx, s.name)
	if err != nil {
		return nil, s.failed("read", why(ctx, err))
	}
	var all []Message
	for next := from; len(all) < max; {
		m, err := stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(subjects(s.module)))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, s.failed(fmt.Sprintf("read sequence %d", next), why(ctx, err))
		}
		all = append(all, message(m.Subject, m.Header, m.Data, m.Sequence))
		next = m.Sequence + 1
	}
	return all, nil
}

// message is what the server's form of one becomes. Headers that are the
// server's business are left out.
func message(subject string, header map[string][]string, data []byte, sequence uint64) Message {
	m := Message{Subject: subject, Header: make(Header, len(header)), Data: data, Sequence: sequence}
	for name, values := range header {
		switch {
		case len(values) == 0:
		case name == jetstream.MsgIDHeader:
			m.ID = values[0]
		case !strings.HasPrefix(name, "Nats-"):
			m.Header[name] = values[0]
		}
	}
	return m
}
