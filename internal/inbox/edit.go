package inbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/internal/operator"
)

// What an edit may be refused for.
var (
	ErrSchema     = fault.New(fault.Invalid, "DEAD_LETTER_SCHEMA", "the text is no event of the letter's type")
	ErrSchemaGone = fault.New(fault.Conflict, "DEAD_LETTER_SCHEMA_GONE", "this binary does not know the letter's type; use one that does, or discard it")
)

// headerOriginal names the message that an edited one was made of.
const headerOriginal = "mallbots-original"

// Edit puts a copy with another content in the place of a dead letter, and
// returns the copy's id. The content is JSON as Show writes it; masked secrets
// stay as they are. It must fit the letter's type, without fields that the type
// does not have. The copy is a message of its own with the same key and
// sequence; it names its original, which is archived. Nothing is applied before
// the copy is retried.
func (in *Inbox) Edit(ctx context.Context, id string, content []byte, reason string) (copied string, err error) {
	if reason == "" {
		return "", ErrNoReason
	}
	l, err := in.letter(ctx, in.db, id)
	if err != nil {
		return "", err
	}
	c, err := in.consumerOf(l)
	if err != nil {
		return "", err
	}
	if l.Cause == CauseInvalid {
		return "", ErrNoUse
	}
	data, err := in.rewrite(l, content)
	if err != nil {
		return "", err
	}
	message, copied := newID(), newID()
	headers := maps.Clone(l.Headers)
	headers[broker.HeaderID], headers[headerOriginal] = message, l.MessageID
	text, err := json.Marshal(headers)
	if err != nil {
		return "", err
	}
	err = in.db.InTx(ctx, func(tx database.Tx) error {
		if _, err := c.first(ctx, tx, l); err != nil {
			return err
		}
		tx.Queue(database.Statement{
			SQL: `INSERT INTO dead_letters (id, consumer, message_id, key, sequence, type, subject, headers, payload,
				cause, error, stack, attempts, first_at, last_at, original)
				SELECT $2, consumer, $3, key, sequence, type, subject, $4, $5, cause, error, '', 0, first_at, $6, id
				FROM dead_letters WHERE id = $1`,
			Args: []any{l.ID, copied, message, string(text), data, database.Micros(time.Now())},
			Rows: 1, Else: ErrNoLetter.With("%s", id),
		})
		in.archive(tx, l, "edit", copied)
		c.note(tx, c.revive(l), statusDiscarded)
		c.deleteLetter(tx, l.MessageID)
		operator.Record(ctx, tx, operator.Action{Verb: "edit", Target: l.ID, Key: l.Key, Reason: reason, Outcome: "done, the copy is " + copied})
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("inbox: edit %s: %w", id, err)
	}
	in.log.WarnContext(ctx, "inbox: dead letter edited", "consumer", c.name, "message", l.MessageID, "copy", message, "key", l.Key, "sequence", l.Sequence)
	return copied, nil
}

// rewrite makes the bytes of an event of a letter's type.
func (in *Inbox) rewrite(l Letter, content []byte) ([]byte, error) {
	if !in.knows(l.Type) {
		return nil, ErrSchemaGone.With("%s", l.Type)
	}
	t, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(l.Type))
	if err != nil {
		return nil, ErrSchemaGone.With("%s", l.Type)
	}
	event := t.New()
	if err := protojson.Unmarshal(bytes.TrimSpace(content), event.Interface()); err != nil {
		return nil, ErrSchema.With("%s: %s", l.Type, err)
	}
	if err := understood(event); err != nil {
		return nil, ErrSchema.With("%s", err)
	}
	if original, err := decode(l.Type, l.data); err == nil {
		restore(event, original.ProtoReflect())
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(event.Interface())
}
