package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"mallbots/internal/failpoint"
	"mallbots/internal/sabotage"
)

// MaxBatch is how many messages one Append may hold.
const MaxBatch = 500

// What can go wrong with an Append. After ErrUnknown, read the end of the
// stream to see what happened; after the others nothing was stored.
var (
	ErrStale     = errors.New("the stream's last sequence is another one: someone else has written")
	ErrDuplicate = errors.New("a message with this id is stored already")
	ErrUnknown   = errors.New("no answer: stored or not, nobody knows")
	ErrNoStream  = errors.New("the stream does not exist")
)

// answer is what the server says to a publish.
type answer struct {
	Stream    string              `json:"stream"`
	Sequence  uint64              `json:"seq"`
	Duplicate bool                `json:"duplicate"`
	Count     int                 `json:"count"`
	Error     *jetstream.APIError `json:"error"`
}

// Append stores messages at the end of the stream, all of them or none, and
// returns the sequence of the last one. They get consecutive sequences, the
// first of them expectedLast+1: when the stream's last sequence is not
// expectedLast, nothing is stored and the error is ErrStale. It is
// ErrDuplicate when the id of one is stored already.
func (s *Stream) Append(ctx context.Context, expectedLast uint64, messages []Message) (last uint64, err error) {
	if len(messages) == 0 {
		return expectedLast, nil
	}
	if len(messages) > MaxBatch {
		return 0, fmt.Errorf("broker: append %d messages to %s: at most %d fit in a batch", len(messages), s.name, MaxBatch)
	}
	batch := uuid.NewString()
	final := len(messages) - 1
	for i, m := range messages {
		out := outgoing(m)
		out.Header[jetstream.ExpectedStreamHeader] = []string{s.name}
		if i == 0 && !sabotage.On(sabotage.NoFence) {
			out.Header[jetstream.ExpectedLastSeqHeader] = []string{strconv.FormatUint(expectedLast, 10)}
		}
		if final > 0 {
			out.Header["Nats-Batch-Id"] = []string{batch}
			out.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
		}
		if i < final { // only the commit is answered
			if err := s.broker.conn().PublishMsg(out); err != nil {
				return 0, s.unanswered(err)
			}
			continue
		}
		if final > 0 {
			out.Header["Nats-Batch-Commit"] = []string{"1"}
		}
		failpoint.Soon("relay.published")
		reply, err := s.broker.ask(ctx, out)
		if err != nil {
			return 0, s.unanswered(err)
		}
		return s.acknowledged(reply.Data, expectedLast+uint64(len(messages)))
	}
	return 0, nil
}

// ask sends a request and waits for its answer.
func (b *Broker) ask(ctx context.Context, out *nats.Msg) (*nats.Msg, error) {
	ctx, release := b.within(ctx)
	defer release()
	ctx, cancel := context.WithTimeout(ctx, request)
	defer cancel()
	reply, err := b.conn().RequestMsgWithContext(ctx, out)
	return reply, why(ctx, err)
}

// acknowledged reads the server's answer, which must be the sequence want.
func (s *Stream) acknowledged(data []byte, want uint64) (uint64, error) {
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return 0, fmt.Errorf("broker: append to %s: %w: the answer is not JSON: %w", s.name, ErrUnknown, err)
	}
	if a.Error != nil {
		return 0, s.failed("append", a.Error)
	}
	if a.Duplicate {
		return a.Sequence, fmt.Errorf("broker: append to %s: %w, at %d", s.name, ErrDuplicate, a.Sequence)
	}
	if a.Stream != s.name || a.Sequence != want {
		return 0, fmt.Errorf("broker: append to %s: %w: expected sequence %d and got %d of %q", s.name, ErrUnknown, want, a.Sequence, a.Stream)
	}
	return a.Sequence, nil
}

// outgoing is a message in the server's form.
func outgoing(m Message) *nats.Msg {
	out := nats.NewMsg(m.Subject)
	for name, value := range m.Header {
		out.Header[name] = []string{value}
	}
	out.Header[jetstream.MsgIDHeader] = []string{m.ID}
	out.Data = m.Data
	return out
}

// The server's numbers for what concerns Append.
const (
	codeStale         = 10071 // wrong last sequence
	codeStaleReplica  = 10164 // the same, from a replicated stream
	codeDuplicate     = 10201 // the batch holds an id that is stored
	codeDuplicateSoon = 10158 // the id is being stored at this moment
)

// unanswered is an Append without an answer.
func (s *Stream) unanswered(err error) error {
	if errors.Is(err, nats.ErrNoResponders) {
		return s.failed("append", err)
	}
	return fmt.Errorf("broker: %s: append: %w: %w", s.name, ErrUnknown, err)
}

// failed says what was tried and what kind of failure it was.
func (s *Stream) failed(tried string, err error) error {
	var kind error
	var api *jetstream.APIError
	var known jetstream.JetStreamError
	switch {
	case errors.As(err, &api):
		kind = refused(api)
	case errors.As(err, &known) && known.APIError() != nil:
		kind = refused(known.APIError())
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		kind = ErrNoStream
	}
	if kind == nil {
		return fmt.Errorf("broker: %s: %s: %w", s.name, tried, err)
	}
	return fmt.Errorf("broker: %s: %s: %w: %w", s.name, tried, kind, err)
}

// refused is the kind of a refusal, nil when it has no name here.
func refused(api *jetstream.APIError) error {
	switch api.ErrorCode {
	case codeStale, codeStaleReplica:
		return ErrStale
	case codeDuplicate, codeDuplicateSoon:
		return ErrDuplicate
	case jetstream.JSErrCodeStreamNotFound:
		return ErrNoStream
	default:
		return nil
	}
}
