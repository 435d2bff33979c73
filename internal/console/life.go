package console

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"mallbots/internal/web"
)

// life is all that happened to a key in all modules, in the order of time.
type life struct {
	Steps []step
	Took  time.Duration // from the first to the last
}

// step is one thing that happened: an event that a module stored, or a message
// that it published.
type step struct {
	ID, Module, Name string
	Message          bool
	At               time.Time
	Since            time.Duration // since the first step
	Actor            string
	Cause            string // in words
	CauseID, Thread  string
	Hop              time.Duration // since what caused it was committed, if that was a message
	Wait             time.Duration // a message's, until the stream held it
	Waiting          bool          // it is not published yet
	Heard            []receipt
	Data             string // of a message, as JSON for people
}

// receipt is what a module did with a message, and how long after its commit.
type receipt struct {
	Module, Status string
	After          time.Duration
}

// told is what a process answers to /life.
type told struct {
	Lives []struct {
		Events []struct {
			ID, Aggregate, Name, Actor string
			At                         time.Time
			CorrelationID, CausationID string
		}
		Messages []struct {
			ID, Type                   string
			Committed, Sent            time.Time
			CorrelationID, CausationID string
			Data                       json.RawMessage
		}
	}
}

// lifeOf asks all modules what happened to a key, and joins the answers.
func (c *console) lifeOf(ctx context.Context, key string) (life, error) {
	var all life
	ids := url.Values{}
	err := each(ctx, c, "/life", url.Values{"key": {key}}, func(module string, answer told) {
		for _, l := range answer.Lives {
			for _, e := range l.Events {
				all.Steps = append(all.Steps, step{
					ID: e.ID, Module: module, Name: e.Aggregate + " " + web.Words(e.Name), At: e.At, Actor: e.Actor, CauseID: e.CausationID, Thread: e.CorrelationID,
				})
			}
			for _, m := range l.Messages {
				s := step{
					ID: m.ID, Module: module, Name: lastWord(m.Type), Message: true, At: m.Committed, CauseID: m.CausationID, Thread: m.CorrelationID,
					Waiting: m.Sent.IsZero(), Data: indented(m.Data),
				}
				if !s.Waiting {
					s.Wait = m.Sent.Sub(m.Committed)
				}
				all.Steps = append(all.Steps, s)
				ids.Add("id", m.ID)
			}
		}
	})
	if err != nil {
		return all, err
	}
	slices.SortStableFunc(all.Steps, func(a, b step) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	if err := c.addReceipts(ctx, &all, ids); err != nil {
		return all, err
	}
	all.explain()
	return all, nil
}

// addReceipts asks all modules what they did with the messages.
func (c *console) addReceipts(ctx context.Context, all *life, ids url.Values) error {
	if len(ids) == 0 {
		return nil
	}
	type answer struct {
		Heard []struct {
			MessageID, Status string
			At                time.Time
		}
	}
	return each(ctx, c, "/heard", ids, func(module string, a answer) {
		for _, h := range a.Heard {
			i := slices.IndexFunc(all.Steps, func(s step) bool { return s.ID == h.MessageID })
			if i >= 0 && h.Status != "ignored" {
				all.Steps[i].Heard = append(all.Steps[i].Heard, receipt{module, h.Status, h.At.Sub(all.Steps[i].At)})
			}
		}
	})
}

// explain words the cause of each step, and how long it took to follow.
func (l *life) explain() {
	if len(l.Steps) == 0 {
		return
	}
	messages := map[string]step{}
	for _, s := range l.Steps {
		if s.Message {
			messages[s.ID] = s
		}
	}
	first := l.Steps[0].At
	for i := range l.Steps {
		s := &l.Steps[i]
		s.Since = s.At.Sub(first)
		cause, known := messages[s.CauseID]
		switch {
		case known:
			s.Cause, s.Hop = cause.Name+" of "+cause.Module, s.At.Sub(cause.At)
		case s.CauseID != "":
			s.Cause = "request " + web.Short(s.CauseID)
		}
	}
	l.Took = l.Steps[len(l.Steps)-1].Since
}

// momentOf is an order as it was at the step of its life that ?step= names, or
// else as it is after the last.
func (c *console) momentOf(r *http.Request, id string, l life) (moment, error) {
	m := moment{ID: id, Last: len(l.Steps) - 1, Index: len(l.Steps) - 1}
	if m.Last < 0 {
		return m, nil
	}
	if text := r.URL.Query().Get("step"); text != "" {
		if n, err := strconv.Atoi(text); err == nil {
			m.Index = min(max(n, 0), m.Last)
		}
	}
	m.Step = l.Steps[m.Index]
	var found struct{ Order order }
	err := c.mall.Get(r.Context(), "ordering", "/api/ordering/"+url.PathEscape(id), url.Values{"asOf": {m.Step.At.Format(time.RFC3339Nano)}}, &found)
	if web.Refused(err, http.StatusNotFound) {
		return m, nil
	}
	m.Order = &found.Order
	return m, err
}

// wait is something that has to happen before it goes on with a key.
type wait struct {
	Module, For, Command string
	Since                time.Time
}

// waitsOf asks all modules what a key waits for.
func (c *console) waitsOf(ctx context.Context, key string) ([]wait, error) {
	type answer struct {
		Stories []struct {
			Waits    []wait
			Subjects []struct {
				WaitsFor, Command string
				Since             time.Time
			}
		}
	}
	var all []wait
	err := each(ctx, c, "/why", url.Values{"key": {key}}, func(module string, a answer) {
		for _, s := range a.Stories {
			for _, w := range s.Waits {
				w.Module = module
				all = append(all, w)
			}
			for _, subject := range s.Subjects {
				if subject.WaitsFor != "" {
					all = append(all, wait{Module: module, For: subject.WaitsFor, Since: subject.Since})
				}
			}
		}
	})
	return all, err
}

// lastWord is the end of an event's full name.
func lastWord(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '.' {
			return name[i+1:]
		}
	}
	return name
}

// indented is JSON for people.
func indented(data json.RawMessage) string {
	text, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return string(data)
	}
	return string(text)
}
