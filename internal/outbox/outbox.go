// Package outbox lets a module tell others what has happened, exactly when it
// has: the message is a row in the transaction that makes it true, so that
// neither can be without the other.
//
//	err := outbox.Publish(ctx, tx, basket.ID(), &basketsv1.BasketCheckedOut{…})
//
// A Relay then carries the rows to the module's stream. It holds these to be
// true, through crashes of any party:
//
//   - What was committed is in the stream sooner or later; what was rolled back
//     never is.
//   - Messages of one key are in the stream in the order of their commits,
//     numbered 1, 2, 3 without a gap.
//   - A row leaves the outbox only after the broker has acknowledged it. It then
//     waits in outbox_sent for as long as the stream keeps messages, so that a
//     stream that was lost, cut short or holed can be filled again.
//   - A database that was restored to an earlier time goes on behind what its
//     stream holds, and lists it (see LostMessages); no sequence is used twice.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker"
	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/failpoint"
	"mallbots/internal/tracing"
)

// topic is what wakes the relay.
const topic = "outbox"

// reserve is what the relay and the broker add to a message, in bytes.
const reserve = 1 << 10

// Publish puts m into the outbox, to be published when tx has committed. The
// key is whom it is about, an aggregate's id: messages of one key keep their
// order. Who asked and why is taken from the context.
//
// The module that publishes is the one in m's protobuf package, which is
// mallbots.<module>.v1. Nothing is sent to the database before the transaction
// does so anyway.
func Publish(ctx context.Context, tx database.Tx, key string, m proto.Message) error {
	_, err := publish(ctx, tx, key, m, false, nil)
	return err
}

// Snapshot publishes m, which carries all that others may know of the key, once
// more. A consumer that never saw the key, or has a gap in it that nobody can
// fill any more, goes on from there; to any other it is the key's next event.
// Lock the key before the state is read.
func Snapshot(ctx context.Context, tx database.Tx, key string, m proto.Message) error {
	_, err := publish(ctx, tx, key, m, true, nil)
	return err
}

// publish returns the id of the message.
func publish(ctx context.Context, tx database.Tx, key string, m proto.Message, snapshot bool, newer []string) (id string, err error) {
	envelope, err := enclose(ctx, key, m)
	envelope.Snapshot, envelope.Newer = snapshot, newer
	if err != nil {
		return "", err
	}
	payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("outbox: %s of %s: %w", envelope.Type, key, err)
	}
	headers, err := json.Marshal(envelope.Headers())
	if err != nil {
		return "", fmt.Errorf("outbox: %s of %s: %w", envelope.Type, key, err)
	}
	if size := len(payload) + len(headers) + reserve; size > broker.MaxMessage {
		return "", fmt.Errorf("outbox: %s of %s takes %d bytes and may take %d", envelope.Type, key, size, broker.MaxMessage)
	}
	// The first statement locks the key until the commit. That is what keeps the
	// order of ids, within a key, the order of commits.
	var sequence int64
	tx.Queue(database.Statement{
		SQL: `INSERT INTO outbox_keys (key, sequence) VALUES ($1, 1)
			ON CONFLICT (key) DO UPDATE SET sequence = outbox_keys.sequence + 1 RETURNING sequence`,
		Args: []any{key},
		Into: []any{&sequence},
	})
	tx.Queue(database.Statement{
		SQL: `INSERT INTO outbox (message_id, key, sequence, subject, headers, payload, created_at)
			SELECT $1, key, sequence, $2, $3, $4, $5 FROM outbox_keys WHERE key = $6`,
		Args: []any{envelope.ID, envelope.Subject(), string(headers), payload, database.Micros(envelope.Time), key},
	})
	tx.NotifyOne(topic)
	failpoint.Here("outbox.inserted")
	if positions := tracked(ctx); positions != nil {
		positions.queue(func() string { return position(envelope.Source, key, sequence) })
		tx.AfterCommit(func() { positions.add(envelope.Source, key, sequence) })
	}
	return envelope.ID, nil
}

// enclose writes the envelope of m. Its sequence is 1 until the row has one.
func enclose(ctx context.Context, key string, m proto.Message) (broker.Envelope, error) {
	if m == nil || !m.ProtoReflect().IsValid() {
		return broker.Envelope{}, fmt.Errorf("outbox: the message of %q is nil", key)
	}
	name := m.ProtoReflect().Descriptor().FullName()
	if key == "" {
		return broker.Envelope{}, fmt.Errorf("outbox: %s has no key: give the id of what it is about", name)
	}
	parts := strings.Split(string(name), ".")
	if len(parts) != 4 || parts[0] != "mallbots" || !strings.HasPrefix(parts[2], "v") {
		return broker.Envelope{}, fmt.Errorf("outbox: %s is not a module's event: its package must be mallbots.<module>.v<number>", name)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return broker.Envelope{}, fmt.Errorf("outbox: %s of %s: %w", name, key, err)
	}
	why := cause.From(ctx)
	envelope := broker.Envelope{
		ID: id.String(), Source: parts[1], Type: string(name), Key: key, Time: time.Now().UTC(), Sequence: 1,
		CorrelationID: why.CorrelationID, CausationID: why.CausationID, Traceparent: why.Traceparent,
	}
	if envelope.CorrelationID == "" { // nobody asked: a conversation begins here
		envelope.CorrelationID = envelope.ID
	}
	if envelope.CausationID == "" {
		envelope.CausationID = envelope.CorrelationID
	}
	created := tracing.Create(ctx, tracing.Message{
		ID: envelope.ID, Type: envelope.Type, Key: key, Conversation: envelope.CorrelationID, Module: envelope.Source,
	})
	if created != "" {
		envelope.Traceparent = created
	}
	if err := envelope.Validate(); err != nil {
		return envelope, fmt.Errorf("outbox: %s of %s: %w", name, key, err)
	}
	return envelope, nil
}

// message is what a row says, ready for the broker.
func (r row) message() (broker.Message, error) {
	m := broker.Message{Subject: r.subject, ID: r.messageID, Data: r.payload}
	if err := json.Unmarshal([]byte(r.headers), &m.Header); err != nil {
		return m, fmt.Errorf("outbox: the headers of row %d: %w", r.id, err)
	}
	if m.Header == nil {
		return m, fmt.Errorf("outbox: the headers of row %d: %w", r.id, errors.New("there are none"))
	}
	m.Header[broker.HeaderSequence] = fmt.Sprint(r.sequence)
	return m, nil
}

// kind is the type of event a subject stands for.
func kind(subject string) string {
	if dot := strings.LastIndexByte(subject, '.'); dot > 0 {
		return subject[:dot]
	}
	return subject
}
