package host

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
	"mallbots/internal/inbox"
	"mallbots/internal/operator"
	"mallbots/internal/outbox"
	"mallbots/internal/timers"
)

// Step is something that happened to a key in a module.
type Step struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// Wait is something that has to happen before it goes on with a key.
type Wait struct {
	Since   time.Time `json:"since,omitzero"`
	For     string    `json:"for"`
	Command string    `json:"command,omitempty"` // what ends the wait, if it does not end by itself
}

// Story is all that one module knows of a key.
type Story struct {
	Module    string       `json:"module"`
	Subjects  []Subject    `json:"subjects"`
	Steps     []Step       `json:"steps"`         // in the order of their times
	Waits     []Wait       `json:"waits"`         // what is in the way here
	Published int64        `json:"published"`     // the last sequence of the key that the stream holds
	Last      time.Time    `json:"last,omitzero"` // when that was published
	Gates     []inbox.Gate `json:"gates"`         // how far it is with what others have published of the key
}

// why tells what the modules of this process know of a key, and what it waits
// for. Nothing in it is particular to a module but what Describe adds.
func (p *process) why(r *http.Request) (any, error) {
	key := r.URL.Query().Get("key")
	if key == "" {
		return nil, fault.New(fault.Invalid, "KEY_MISSING", "say about what, as ?key=<id>")
	}
	services, err := p.chosen(r)
	if err != nil {
		return nil, err
	}
	stories := []Story{}
	for _, s := range services {
		story, err := s.story(r.Context(), key)
		if err != nil {
			return nil, err
		}
		stories = append(stories, story)
	}
	parts, _ := p.readiness.report()
	parts = slices.DeleteFunc(parts, func(part Part) bool { return part.OK })
	return map[string]any{"stories": stories, "broken": parts}, nil
}

// story collects what a module knows of a key.
func (s *Service) story(ctx context.Context, key string) (story Story, err error) {
	story = Story{Module: s.Name, Steps: []Step{}, Waits: []Wait{}}
	if story.Subjects, err = s.subjects(ctx, key); err != nil {
		return story, err
	}
	if story.Gates, err = s.Inbox.Gates(ctx, key); err != nil {
		return story, err
	}
	for _, tell := range []func(context.Context, *Story, string) error{s.tellEvents, s.tellOutbox, s.tellLetters, s.tellTimers, s.tellOperators} {
		if err := tell(ctx, &story, key); err != nil {
			return story, err
		}
	}
	slices.SortStableFunc(story.Steps, func(a, b Step) int { return a.At.Compare(b.At) })
	return story, nil
}

func (story *Story) step(at time.Time, format string, args ...any) {
	story.Steps = append(story.Steps, Step{at, fmt.Sprintf(format, args...)})
}

func (s *Service) tellEvents(ctx context.Context, story *Story, key string) error {
	happened, err := eventsourcing.About(ctx, s.DB, key)
	for _, h := range happened {
		by := ""
		if h.Actor != "" {
			by = " by " + h.Actor
		}
		story.step(h.OccurredAt, "%s %d: %s%s", h.Aggregate, h.Version, h.Name, by)
	}
	return err
}

func (s *Service) tellOutbox(ctx context.Context, story *Story, key string) error {
	messages, last, err := outbox.About(ctx, s.DB, key)
	if err != nil {
		return err
	}
	story.Published = last
	for _, m := range messages {
		if !m.Sent.IsZero() {
			story.step(m.Sent, "published %s, its message %d", short(m.Type), m.Sequence)
			story.Last = m.Sent
			continue
		}
		story.Published = min(story.Published, m.Sequence-1)
		story.Waits = append(story.Waits, Wait{
			m.Committed, fmt.Sprintf("the broker: %s, its message %d, is not published yet", short(m.Type), m.Sequence), "mallbots healthcheck",
		})
	}
	lost, err := outbox.LostMessages(ctx, s.DB, key, 100)
	for _, l := range lost {
		story.step(l.Found, "found message %d in the stream, which the database does not know; see: mallbots lost --key=%s", l.Sequence, key)
	}
	return err
}

func (s *Service) tellLetters(ctx context.Context, story *Story, key string) error {
	letters, err := s.Inbox.List(ctx, inbox.Filter{Key: key}, 100)
	for _, l := range letters {
		wait := Wait{l.First, fmt.Sprintf("an operator: %s, message %d, is a dead letter (%s: %s)", short(l.Type), l.Sequence, l.Cause, l.Error), "mallbots deadletters retry " + l.ID}
		if l.Held > 0 {
			wait.For += fmt.Sprintf("; %d later messages wait behind it", l.Held)
		}
		switch l.Cause {
		case inbox.CauseGap:
			wait.For = fmt.Sprintf("a message that never came: %s", l.Error)
			wait.Command = "mallbots deadletters preview " + l.ID
		case inbox.CauseInvalid:
			wait.Command = "mallbots deadletters discard --reason=… " + l.ID
		}
		story.Waits = append(story.Waits, wait)
	}
	return err
}

func (s *Service) tellTimers(ctx context.Context, story *Story, key string) error {
	armed, err := timers.About(ctx, s.DB, key)
	for _, a := range armed {
		switch {
		case a.Attempts > 0:
			story.Waits = append(story.Waits, Wait{a.Due, fmt.Sprintf("the timer %s, which has failed %d times", a.Name, a.Attempts), "mallbots healthcheck"})
		case time.Now().After(a.Due.Add(5 * time.Second)):
			story.Waits = append(story.Waits, Wait{a.Due, fmt.Sprintf("the timer %s, which is overdue", a.Name), "mallbots healthcheck"})
		}
	}
	return err
}

func (s *Service) tellOperators(ctx context.Context, story *Story, key string) error {
	actions, err := operator.List(ctx, s.DB, key, 100)
	for _, a := range actions {
		story.step(a.At, "%s: %s of %s, %s", a.Actor, a.Verb, a.Target, a.Outcome)
	}
	return err
}

// short is the last word of an event's full name.
func short(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '.' {
			return name[i+1:]
		}
	}
	return name
}

// stuck lists what has not come to an end although nothing changed for long, and
// whatever waits for an operator.
func (p *process) stuck(r *http.Request) (any, error) {
	services, err := p.chosen(r)
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(r)
	if err != nil {
		return nil, err
	}
	age := 5 * time.Minute
	if text := r.URL.Query().Get("olderThan"); text != "" {
		if age, err = time.ParseDuration(text); err != nil || age < 0 {
			return nil, fault.New(fault.Invalid, "AGE_INVALID", "olderThan must be a duration, such as 10m")
		}
	}
	all := []Subject{}
	for _, s := range services {
		found, err := s.stuck(r.Context(), time.Now().Add(-age), limit)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return map[string]any{"stuck": all}, nil
}

// stuck lists what of the module has not changed since a moment.
func (s *Service) stuck(ctx context.Context, before time.Time, limit int) ([]Subject, error) {
	var all []Subject
	for _, list := range s.unfinished {
		found, err := list(ctx, s.DB, before, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	letters, err := s.Inbox.List(ctx, inbox.Filter{Before: before}, limit)
	if err != nil {
		return nil, err
	}
	for _, l := range letters {
		all = append(all, Subject{
			Kind: "key", ID: l.Key, State: "parked", Since: l.First, WaitsFor: "an operator: " + short(l.Type) + ", " + l.Cause + ": " + l.Error,
			Command: "mallbots deadletters preview " + l.ID,
		})
	}
	waiting, err := database.All(ctx, s.DB, func(row database.Row) (Subject, error) {
		var key, subject string
		var since int64
		err := row.Scan(&key, &since, &subject)
		return Subject{Kind: "key", ID: key, State: "unpublished", Since: database.Time(since), WaitsFor: "the broker: " + subject, Command: "mallbots healthcheck"}, err
	}, `SELECT key, created_at, subject FROM outbox WHERE created_at < $1 ORDER BY id LIMIT $2`, database.Micros(before), int64(limit))
	if err != nil {
		return nil, fmt.Errorf("list what is not published: %w", err)
	}
	all = append(all, waiting...)
	for i := range all {
		all[i].Module = s.Name
	}
	return all, nil
}
