package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/fault"
)

// ErrNoLetter is returned for an id that is no dead letter of the module.
var ErrNoLetter = fault.New(fault.NotFound, "DEAD_LETTER_NOT_FOUND", "there is no such dead letter; list them")

// Letter is a message that was not applied: a dead letter, or one that is held
// behind a dead letter of its key.
type Letter struct {
	ID        string        `json:"id"`
	Consumer  string        `json:"consumer"`
	MessageID string        `json:"messageId"`
	Key       string        `json:"key"`
	Sequence  int64         `json:"sequence"`
	Type      string        `json:"type"`
	Subject   string        `json:"subject"`
	Headers   broker.Header `json:"headers"`
	Cause     string        `json:"cause"` // one of the Cause constants
	Error     string        `json:"error"`
	Stack     string        `json:"stack,omitempty"`
	Attempts  int64         `json:"attempts"`
	First     time.Time     `json:"first"`
	Last      time.Time     `json:"last"`
	Held      int64         `json:"held"` // later messages of the key that wait behind it
	// Original is the id of the letter that this one is an edited copy of.
	Original string `json:"original,omitempty"`
	// Closed says how an operator ended the letter, and Successor which copy took
	// its place; both are empty while it waits.
	Closed    string `json:"closed,omitempty"`
	Successor string `json:"successor,omitempty"`
	// Payload is the event as JSON with its secrets masked, or why it cannot be
	// shown; only Show fills it.
	Payload json.RawMessage `json:"payload,omitempty"`

	data []byte
}

// Filter says which letters to list. The zero Filter lists the dead ones; with
// CauseHeld it lists those that wait behind them.
type Filter struct {
	Type  string // the event's full name, or the end of it
	Key   string
	Cause string
	// Before and After bound when it first failed; zero means no bound.
	Before, After time.Time
}

const letterColumns = `SELECT id, consumer, message_id, key, sequence, type, subject, headers, payload,
	cause, error, stack, attempts, first_at, last_at, original`

const selectLetter = letterColumns + ` FROM dead_letters`

func scanLetter(row database.Row) (Letter, error) {
	var l Letter
	var headers string
	var first, last int64
	err := row.Scan(&l.ID, &l.Consumer, &l.MessageID, &l.Key, &l.Sequence, &l.Type, &l.Subject, &headers, &l.data,
		&l.Cause, &l.Error, &l.Stack, &l.Attempts, &first, &last, &l.Original)
	if err != nil {
		return l, err
	}
	l.First, l.Last = database.Time(first), database.Time(last)
	return l, json.Unmarshal([]byte(headers), &l.Headers)
}

// List returns at most limit letters, the oldest first, without their payload.
func (in *Inbox) List(ctx context.Context, filter Filter, limit int) ([]Letter, error) {
	until := int64(math.MaxInt64)
	if !filter.Before.IsZero() {
		until = database.Micros(filter.Before)
	}
	letters, err := database.All(ctx, in.db, scanLetter, selectLetter+`
		WHERE (($1 = '' AND cause <> 'held') OR cause = $1) AND ($2 = '' OR key = $2)
		AND ($3 = '' OR type = $3 OR type LIKE $4) AND first_at <= $5 AND first_at >= $6
		ORDER BY first_at, id LIMIT $7`, filter.Cause, filter.Key, filter.Type, "%."+filter.Type,
		until, database.Micros(filter.After), int64(limit))
	if err != nil {
		return nil, fmt.Errorf("inbox: list dead letters: %w", err)
	}
	for i := range letters {
		if letters[i].Held, err = in.heldBehind(ctx, letters[i]); err != nil {
			return nil, err
		}
	}
	return letters, nil
}

func (in *Inbox) heldBehind(ctx context.Context, l Letter) (int64, error) {
	if l.Cause == CauseHeld || l.Cause == CauseInvalid {
		return 0, nil
	}
	return database.One(ctx, in.db, database.Value[int64],
		`SELECT COUNT(*) FROM dead_letters WHERE consumer = $1 AND key = $2 AND cause = 'held'`, l.Consumer, l.Key)
}

// Show returns one letter with its payload as JSON, also one that an operator
// has ended, or ErrNoLetter.
func (in *Inbox) Show(ctx context.Context, id string) (Letter, error) {
	l, err := in.letter(ctx, in.db, id)
	if errors.Is(err, ErrNoLetter) {
		return in.archived(ctx, id)
	}
	if err != nil {
		return l, err
	}
	l.Payload = Decoded(l.Type, l.data)
	l.Held, err = in.heldBehind(ctx, l)
	return l, err
}

func (in *Inbox) letter(ctx context.Context, q database.Querier, id string) (Letter, error) {
	l, err := database.One(ctx, q, scanLetter, selectLetter+` WHERE id = $1`, id)
	if errors.Is(err, database.ErrNoRows) {
		return l, ErrNoLetter.With("%s", id)
	}
	return l, err
}

// Count returns how many letters are dead and how many are held behind them.
// Both are 0 when every message was applied.
func (in *Inbox) Count(ctx context.Context) (dead, held int64, err error) {
	type counts struct{ all, held int64 }
	n, err := database.One(ctx, in.db, func(row database.Row) (counts, error) {
		var n counts
		err := row.Scan(&n.all, &n.held)
		return n, err
	}, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN cause = 'held' THEN 1 ELSE 0 END), 0) FROM dead_letters`)
	if err != nil {
		return 0, 0, fmt.Errorf("inbox: count dead letters: %w", err)
	}
	return n.all - n.held, n.held, nil
}

// revive makes the message of a letter again.
func (c *consumer) revive(l Letter) *message {
	m := newMessage(c.source, broker.Message{Subject: l.Subject, ID: l.MessageID, Header: l.Headers, Data: l.data}, silent{}, time.Now())
	m.id, m.key, m.sequence, m.kind = l.MessageID, l.Key, l.Sequence, l.Type
	return m
}

// consumerOf finds the consumer a letter belongs to.
func (in *Inbox) consumerOf(l Letter) (*consumer, error) {
	source := strings.TrimPrefix(l.Consumer, in.db.Module()+"_")
	if c := in.consumers[source]; c != nil && c.name == l.Consumer {
		return c, nil
	}
	return nil, fault.New(fault.Conflict, "CONSUMER_GONE", "nothing in this process consumes as "+l.Consumer)
}
