package host

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/internal/broker"
)

// Passing is an event on its way, as the tail shows it.
type Passing struct {
	Stream   string          `json:"stream"`
	Position uint64          `json:"position"` // in the stream
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Key      string          `json:"key"`
	Sequence int64           `json:"sequence"` // of the key
	Time     string          `json:"time"`
	Cause    string          `json:"causationId"`
	Thread   string          `json:"correlationId"`
	Data     json.RawMessage `json:"data,omitempty"`
	Problem  string          `json:"problem,omitempty"` // why it cannot be shown
}

// Show decodes a message for people.
func Show(stream string, m broker.Message) Passing {
	e, err := m.Open()
	p := Passing{
		Stream: stream, Position: m.Sequence, ID: m.ID, Type: e.Type, Key: e.Key, Sequence: e.Sequence,
		Time: e.Time.Format("2006-01-02T15:04:05.000000Z07:00"), Cause: e.CausationID, Thread: e.CorrelationID,
	}
	if err != nil {
		p.Problem = err.Error()
		return p
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(e.Type))
	if err != nil {
		p.Problem = "this binary does not know the type"
		return p
	}
	event := kind.New().Interface()
	if err := proto.Unmarshal(m.Data, event); err != nil {
		p.Problem = err.Error()
		return p
	}
	if p.Data, err = protojson.Marshal(event); err != nil {
		p.Problem = err.Error()
	}
	return p
}

// events streams what passes on the streams of this process's modules, as
// server-sent events.
func (p *process) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	var writing sync.Mutex
	write := func(text string) {
		writing.Lock()
		defer writing.Unlock()
		if _, err := fmt.Fprint(w, text); err == nil {
			_ = out.Flush() // a reader that is gone ends the request's context
		}
	}
	write(": the tail begins\n\n")
	var wait sync.WaitGroup
	for _, s := range p.here() {
		wait.Go(func() {
			err := p.brokers.of[s.Name].Tail(r.Context(), s.Name, func(m broker.Message) {
				data, err := json.Marshal(Show(p.brokers.of[s.Name].Stream(s.Name).Name(), m))
				if err != nil {
					data, _ = json.Marshal(Passing{ID: m.ID, Problem: err.Error()})
				}
				write("data: " + string(data) + "\n\n")
			})
			if err != nil {
				problem, _ := json.Marshal(map[string]string{"problem": err.Error()})
				write("event: problem\ndata: " + string(problem) + "\n\n")
			}
		})
	}
	wait.Wait()
}
