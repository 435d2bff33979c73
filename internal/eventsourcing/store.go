package eventsourcing

import (
	"context"
	"time"

	"github.com/google/uuid"

	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/sabotage"
)

// Stored is one event as the store holds it. Data is JSON, personal fields opened.
type Stored struct {
	ID            string
	Version       int64
	Name          string
	Data          []byte
	OccurredAt    time.Time
	Actor         string
	CorrelationID string
	CausationID   string
}

const columns = `aggregate_id, id, version, name, data, occurred_at, actor, correlation_id, causation_id`

// row is a stored event with the aggregate it belongs to.
type row struct {
	aggregateID string
	Stored
}

func scanRow(r database.Row) (row, error) {
	var (
		s  row
		at int64
		d  string
	)
	err := r.Scan(&s.aggregateID, &s.ID, &s.Version, &s.Name, &d, &at, &s.Actor, &s.CorrelationID, &s.CausationID)
	s.Data, s.OccurredAt = []byte(d), database.Time(at)
	return s, err
}

// read returns the events of one aggregate up to a moment, in order.
func read(ctx context.Context, q database.Querier, aggregate, id string, until int64) ([]row, error) {
	return database.All(ctx, q, scanRow, `
		SELECT `+columns+` FROM events
		WHERE aggregate = $1 AND aggregate_id = $2 AND occurred_at <= $3
		ORDER BY version`, aggregate, id, until)
}

// readPage returns the events of the next aggregates after an id: all events
// of each, at most limit aggregates.
func readPage(ctx context.Context, q database.Querier, aggregate, after string, limit int) ([]row, error) {
	ids, err := database.All(ctx, q, database.Value[string], `
		SELECT aggregate_id FROM events
		WHERE aggregate = $1 AND aggregate_id > $2 AND version = 1
		ORDER BY aggregate_id LIMIT $3`, aggregate, after, limit)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return database.All(ctx, q, scanRow, `
		SELECT `+columns+` FROM events
		WHERE aggregate = $1 AND aggregate_id > $2 AND aggregate_id <= $3
		ORDER BY aggregate_id, version`, aggregate, after, ids[len(ids)-1])
}

// add queues one event. The version is the lock: when another transaction
// stored it first, this one fails with lost.
func add(ctx context.Context, tx database.Tx, aggregate, id string, version int64, name string, data []byte, at time.Time, lost error) {
	c := cause.From(ctx)
	otherwise := ""
	if sabotage.On(sabotage.NoVersion) {
		otherwise = " ON CONFLICT (aggregate, aggregate_id, version) DO NOTHING"
	}
	tx.Queue(database.Statement{
		SQL: `
			INSERT INTO events (aggregate, aggregate_id, version, id, name, data, occurred_at, actor, correlation_id, causation_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)` + otherwise,
		Args: []any{
			aggregate, id, version, uuid.Must(uuid.NewV7()).String(), name, string(data), database.Micros(at),
			c.Actor, c.CorrelationID, c.CausationID,
		},
		Taken: lost,
	})
}
