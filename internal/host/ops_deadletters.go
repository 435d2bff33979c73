package host

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"mallbots/internal/cause"
	"mallbots/internal/fault"
	"mallbots/internal/identity"
	"mallbots/internal/inbox"
)

// headerAs names the operator, who is recorded with what is done.
const headerAs = "Mallbots-As"

// asOperator puts into the context who asks: whoever was made sure of, or else
// who they say they are. A listener on loopback trusts its callers: it is for the
// people who could as well edit the database.
func asOperator(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get(headerAs)
		if name == "" {
			name = "unknown"
		}
		actor := "operator " + name[:min(len(name), 100)]
		if who, ok := identity.From(r.Context()); ok {
			actor = who.Subject
		}
		ctx := cause.With(r.Context(), cause.Cause{Actor: actor})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// filterOf reads what the query of a request asks for.
func filterOf(r *http.Request) (inbox.Filter, int, error) {
	query := r.URL.Query()
	filter := inbox.Filter{Type: query.Get("type"), Key: query.Get("key"), Cause: query.Get("cause")}
	now := time.Now()
	for _, bound := range []struct {
		name string
		into *time.Time
	}{{"olderThan", &filter.Before}, {"youngerThan", &filter.After}} {
		text := query.Get(bound.name)
		if text == "" {
			continue
		}
		age, err := time.ParseDuration(text)
		if err != nil || age < 0 {
			return filter, 0, fault.New(fault.Invalid, "AGE_INVALID", bound.name+" must be a duration, such as 90m")
		}
		*bound.into = now.Add(-age)
	}
	limit, err := limitOf(r)
	return filter, limit, err
}

// limitOf reads how much is asked for, 100 when it is not said.
func limitOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return 100, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > 1000 {
		return 0, fault.New(fault.Invalid, "LIMIT_INVALID", "limit must be a number from 1 to 1000")
	}
	return limit, nil
}

func (p *process) deadLetters(r *http.Request) (any, error) {
	services, err := p.chosen(r)
	if err != nil {
		return nil, err
	}
	filter, limit, err := filterOf(r)
	if err != nil {
		return nil, err
	}
	letters := []inbox.Letter{}
	for _, s := range services {
		found, err := s.Inbox.List(r.Context(), filter, limit)
		if err != nil {
			return nil, err
		}
		letters = append(letters, found...)
	}
	return map[string]any{"deadLetters": letters}, nil
}

// previewDeadLetters says what some letters are about: those that ?id= names, or
// else those that the filter finds.
func (p *process) previewDeadLetters(r *http.Request) (any, error) {
	services, err := p.chosen(r)
	if err != nil {
		return nil, err
	}
	filter, limit, err := filterOf(r)
	if err != nil {
		return nil, err
	}
	type about struct {
		Module string `json:"module"`
		inbox.Preview
		Subjects []Subject `json:"subjects"`
	}
	previews := []about{}
	for _, s := range services {
		ids := r.URL.Query()["id"]
		if len(ids) == 0 {
			letters, err := s.Inbox.List(r.Context(), filter, limit)
			if err != nil {
				return nil, err
			}
			for _, l := range letters {
				ids = append(ids, l.ID)
			}
		}
		for _, id := range ids {
			preview, err := s.Inbox.Preview(r.Context(), id)
			if errors.Is(err, inbox.ErrNoLetter) {
				continue
			}
			if err != nil {
				return nil, err
			}
			subjects, err := s.subjects(r.Context(), preview.Key)
			if err != nil {
				return nil, err
			}
			previews = append(previews, about{s.Name, preview, subjects})
		}
	}
	return map[string]any{"previews": previews}, nil
}

// find asks each module for a dead letter until one has it.
func (p *process) find(r *http.Request, do func(ctx context.Context, s *Service, id string) (any, error)) (any, error) {
	id := chi.URLParam(r, "id")
	for _, s := range p.here() {
		result, err := do(r.Context(), s, id)
		if fault.KindOf(err) == fault.NotFound && errors.Is(err, inbox.ErrNoLetter) {
			continue
		}
		return result, err
	}
	return nil, inbox.ErrNoLetter.With("%s", id)
}

func (p *process) deadLetter(r *http.Request) (any, error) {
	return p.find(r, func(ctx context.Context, s *Service, id string) (any, error) { return s.Inbox.Show(ctx, id) })
}

func (p *process) retryDeadLetter(r *http.Request) (any, error) {
	return p.find(r, func(ctx context.Context, s *Service, id string) (any, error) {
		return map[string]string{"retried": id}, s.Inbox.Retry(ctx, id)
	})
}

// change is the body of a verb that changes what is stored.
type change struct {
	Reason string          `json:"reason"`
	Data   json.RawMessage `json:"data"`
}

func changeOf(r *http.Request) (change, error) {
	var body change
	err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&body)
	if err != nil || body.Reason == "" {
		return body, fault.New(fault.Invalid, "REASON_MISSING", `say why, as {"reason":"…"}`)
	}
	return body, nil
}

func (p *process) discardDeadLetter(r *http.Request) (any, error) {
	body, err := changeOf(r)
	if err != nil {
		return nil, err
	}
	return p.find(r, func(ctx context.Context, s *Service, id string) (any, error) {
		return map[string]string{"discarded": id}, s.Inbox.Discard(ctx, id, body.Reason)
	})
}

func (p *process) editDeadLetter(r *http.Request) (any, error) {
	body, err := changeOf(r)
	if err != nil {
		return nil, err
	}
	if len(body.Data) == 0 {
		return nil, fault.New(fault.Invalid, "DATA_MISSING", `give the event, as {"reason":"…","data":{…}}`)
	}
	return p.find(r, func(ctx context.Context, s *Service, id string) (any, error) {
		copied, err := s.Inbox.Edit(ctx, id, body.Data, body.Reason)
		return map[string]string{"edited": id, "copy": copied}, err
	})
}
