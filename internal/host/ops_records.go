package host

import (
	"encoding/json"
	"net/http"
	"time"

	"mallbots/internal/inbox"
	"mallbots/internal/operator"
	"mallbots/internal/outbox"
)

// actions lists what operators did.
func (p *process) actions(r *http.Request) (any, error) {
	services, err := p.chosen(r)
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(r)
	if err != nil {
		return nil, err
	}
	type action struct {
		Module string `json:"module"`
		operator.Action
	}
	all := []action{}
	for _, s := range services {
		found, err := operator.List(r.Context(), s.DB, r.URL.Query().Get("key"), limit)
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			all = append(all, action{s.Name, a})
		}
	}
	return map[string]any{"actions": all}, nil
}

// Lost is a message that a module's stream holds and its database does not know.
type Lost struct {
	Module   string          `json:"module"`
	Epoch    int64           `json:"epoch"` // the producer's, which began with the loss; 0 when others wrote the message
	Found    time.Time       `json:"found"`
	Place    uint64          `json:"place"` // in the stream
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Key      string          `json:"key"`
	Sequence int64           `json:"sequence"` // of the key
	Time     time.Time       `json:"time,omitzero"`
	Data     json.RawMessage `json:"data,omitempty"`
}

// lost lists what the databases of this process have lost.
func (p *process) lost(r *http.Request) (any, error) {
	services, err := p.chosen(r)
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(r)
	if err != nil {
		return nil, err
	}
	all := []Lost{}
	for _, s := range services {
		found, err := outbox.LostMessages(r.Context(), s.DB, r.URL.Query().Get("key"), limit)
		if err != nil {
			return nil, err
		}
		for _, l := range found {
			envelope, _ := l.Message.Open() // what it says, even when that is not sound
			all = append(all, Lost{
				Module: s.Name, Epoch: l.Epoch, Found: l.Found, Place: l.Place, ID: l.Message.ID, Type: envelope.Type,
				Key: l.Key, Sequence: l.Sequence, Time: envelope.Time, Data: inbox.Decoded(envelope.Type, l.Message.Data),
			})
		}
	}
	return map[string]any{"lost": all}, nil
}
