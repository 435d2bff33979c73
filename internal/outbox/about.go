package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"mallbots/internal/broker"
	"mallbots/internal/database"
)

// Published is a message of a key that was published, or waits to be.
type Published struct {
	MessageID string
	Type      string
	Sequence  int64     // of the key
	Committed time.Time // when it was put into the outbox
	Sent      time.Time // when the stream was known to hold it; zero while it waits

	CorrelationID, CausationID string
	Payload                    []byte // the protobuf message
}

// About returns what was published of a key within the stream's retention, in
// order, and what waits; and the key's last sequence.
func About(ctx context.Context, q database.Querier, key string) (messages []Published, last int64, err error) {
	messages, err = database.All(ctx, q, func(from database.Row) (Published, error) {
		var p Published
		var subject, headers string
		var committed, sent int64
		err := from.Scan(&p.MessageID, &subject, &p.Sequence, &committed, &sent, &headers, &p.Payload)
		p.Type, p.Committed, p.Sent = kind(subject), database.Time(committed), database.Time(sent)
		var envelope broker.Header
		if err == nil {
			err = json.Unmarshal([]byte(headers), &envelope)
		}
		p.CorrelationID, p.CausationID = envelope[broker.HeaderCorrelation], envelope[broker.HeaderCausation]
		return p, err
	}, `SELECT message_id, subject, sequence, created_at, sent_at, headers, payload FROM outbox_sent WHERE key = $1
		UNION ALL SELECT message_id, subject, sequence, created_at, 0, headers, payload FROM outbox WHERE key = $1 ORDER BY 3`, key)
	if err == nil {
		last, err = database.One(ctx, q, database.Value[int64], `SELECT COALESCE(MAX(sequence), 0) FROM outbox_keys WHERE key = $1`, key)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("outbox: about %s: %w", key, err)
	}
	return messages, last, nil
}
