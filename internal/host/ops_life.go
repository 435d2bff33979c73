package host

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
	"mallbots/internal/inbox"
	"mallbots/internal/outbox"
)

// Life is what happened to a key in one module, each thing with its cause, so
// that the lives in all modules join to one.
type Life struct {
	Module   string        `json:"module"`
	Events   []LifeEvent   `json:"events"`   // what was stored
	Messages []LifeMessage `json:"messages"` // what was published of it
}

// LifeEvent is a stored event, without its data: that may be personal.
type LifeEvent struct {
	ID        string    `json:"id"`
	Aggregate string    `json:"aggregate"`
	Version   int64     `json:"version"`
	Name      string    `json:"name"`
	At        time.Time `json:"at"`
	Actor     string    `json:"actor"`
	Thread    string    `json:"correlationId"`
	Cause     string    `json:"causationId"` // the id of a message or a request
}

// LifeMessage is a message of the key.
type LifeMessage struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	Sequence  int64           `json:"sequence"`
	Committed time.Time       `json:"committed"`
	Sent      time.Time       `json:"sent,omitzero"` // when the stream was known to hold it
	Thread    string          `json:"correlationId"`
	Cause     string          `json:"causationId"`
	Data      json.RawMessage `json:"data"` // its secrets masked
}

// lives tells what the modules of this process did to a key.
func (p *process) lives(r *http.Request) (any, error) {
	services, err := p.chosen(r)
	if err != nil {
		return nil, err
	}
	key := r.URL.Query().Get("key")
	if key == "" {
		return nil, fault.New(fault.Invalid, "KEY_MISSING", "say about what, as ?key=<id>")
	}
	lives := []Life{}
	for _, s := range services {
		life, err := s.life(r.Context(), key)
		if err != nil {
			return nil, err
		}
		lives = append(lives, life)
	}
	return map[string]any{"lives": lives}, nil
}

func (s *Service) life(ctx context.Context, key string) (Life, error) {
	life := Life{Module: s.Name, Events: []LifeEvent{}, Messages: []LifeMessage{}}
	happened, err := eventsourcing.About(ctx, s.DB, key)
	if err != nil {
		return life, err
	}
	for _, h := range happened {
		life.Events = append(life.Events, LifeEvent{
			ID: h.ID, Aggregate: h.Aggregate, Version: h.Version, Name: h.Name, At: h.OccurredAt,
			Actor: h.Actor, Thread: h.CorrelationID, Cause: h.CausationID,
		})
	}
	messages, _, err := outbox.About(ctx, s.DB, key)
	if err != nil {
		return life, err
	}
	for _, m := range messages {
		life.Messages = append(life.Messages, LifeMessage{
			ID: m.MessageID, Type: m.Type, Sequence: m.Sequence, Committed: m.Committed, Sent: m.Sent,
			Thread: m.CorrelationID, Cause: m.CausationID, Data: inbox.Decoded(m.Type, m.Payload),
		})
	}
	return life, nil
}

// heard tells what the consumers of this process did with some messages, which
// ?id= names.
func (p *process) heard(r *http.Request) (any, error) {
	services, err := p.chosen(r)
	if err != nil {
		return nil, err
	}
	type receipt struct {
		Module string `json:"module"`
		inbox.Receipt
	}
	all := []receipt{}
	ids := r.URL.Query()["id"]
	if len(ids) > 1000 {
		return nil, fault.New(fault.Invalid, "TOO_MANY_IDS", "name at most 1000 messages")
	}
	for _, s := range services {
		receipts, err := s.Inbox.Receipts(r.Context(), ids)
		if err != nil {
			return nil, err
		}
		for _, one := range receipts {
			all = append(all, receipt{s.Name, one})
		}
	}
	return map[string]any{"heard": all}, nil
}
