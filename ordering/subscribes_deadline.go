package ordering

import (
	"context"
	"time"

	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/internal/outbox"
	"mallbots/internal/sabotage"
	"mallbots/internal/timers"
	"mallbots/ordering/internal/fulfilment"
)

// deadline is the name of the timer that ends the patience with the depot. Its
// key is the order's id.
const deadline = "fulfilment.deadline"

// lookAgain is how soon a deadline comes back that only waits for this module to
// have heard what the depot said until then.
const lookAgain = 2 * time.Second

// ear is how well this module can hear the depot.
type ear struct {
	// healthySince is since when its own parts are well without a break; zero
	// while they are not.
	healthySince func() time.Time
	// heardUntil is a moment up to which it has dealt with all that the depot had
	// published.
	heardUntil func() time.Time
	// parked says whether what the depot has published about an order waits here
	// for an operator.
	parked func(ctx context.Context, q database.Querier, orderID string) (bool, error)
}

// onDeadline gives the depot up, but only when its silence is its own. If this
// module was not well all the time, if the order left it late, or if it has not
// heard or not understood what the depot said, then the timer is armed again.
func (m *module) onDeadline(ctx context.Context, tx database.Tx, orderID string) error {
	f, err := m.fulfilments.Load(ctx, tx, orderID)
	if err != nil || !f.Waiting() {
		return ignoreUnknown(err)
	}
	again, err := m.patientUntil(ctx, tx, orderID)
	if err != nil {
		return err
	}
	if again.IsZero() || sabotage.On(sabotage.Hasty) {
		return ignoreUnknown(m.fulfilments.Update(ctx, tx, orderID, (*fulfilment.Fulfilment).DeadlinePassed))
	}
	return timers.Set(ctx, tx, deadline, orderID, again)
}

// patientUntil is how long the depot may still take to answer, now that its time
// has passed; zero when it had its chance.
func (m *module) patientUntil(ctx context.Context, tx database.Tx, orderID string) (time.Time, error) {
	now := m.now()
	since := m.ear.healthySince()
	if since.IsZero() {
		since = now
	}
	published, err := m.publishedAt(ctx, tx, orderID)
	if err != nil {
		return time.Time{}, err
	}
	if published.After(since) {
		since = published
	}
	due := since.Add(m.patience)
	if due.After(now) {
		return due, nil
	}
	parked, err := m.ear.parked(ctx, tx, orderID)
	switch {
	case err != nil:
		return time.Time{}, err
	case parked: // it has said something
		return now.Add(m.patience), nil
	case m.ear.heardUntil().Before(due):
		return now.Add(lookAgain), nil
	}
	return time.Time{}, nil
}

// publishedAt is when the stream was last seen to hold what this module has said
// about an order: now, if some of it is still in the outbox.
func (m *module) publishedAt(ctx context.Context, tx database.Tx, orderID string) (at time.Time, err error) {
	messages, _, err := outbox.About(ctx, tx, orderID)
	for _, message := range messages {
		if message.Sent.IsZero() {
			return m.now(), err
		}
		if message.Sent.After(at) {
			at = message.Sent
		}
	}
	return at, err
}

// ignoreUnknown forgives a timer whose fulfilment does not exist.
func ignoreUnknown(err error) error {
	if f, ok := fault.Of(err); ok && f.Kind == fault.NotFound {
		return nil
	}
	return err
}
