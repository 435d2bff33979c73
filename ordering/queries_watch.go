package ordering

import (
	"context"
	"time"

	"mallbots/internal/api"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	"mallbots/proto/mallbots/ordering/v1/orderingv1connect"
)

// watchPoll is how long a watch may miss a change that another process made.
const watchPoll = time.Second

// WatchOrder sends an order as it is, then again at each change, until the
// caller leaves. Who resumes is sent every change since the version they saw
// last, and not that version again.
func (m *module) WatchOrder(ctx context.Context, req *orderingv1.WatchOrderRequest, stream orderingv1connect.OrderingServiceWatchOrderServerStream) error {
	wake, stop := m.db.Listen(orderTopic(req.GetId()))
	defer stop()
	poll := time.NewTicker(watchPoll)
	defer poll.Stop()

	now, err := m.order(ctx, m.db, req.GetId())
	if err != nil {
		return err
	}
	seen, resumes := api.LastEventID(ctx)
	if !resumes || seen > now.version {
		seen = 0
	}
	if seen == now.version {
		if err := stream.SendHeaders(); err != nil { // so that the caller knows that it listens
			return err
		}
	}
	for {
		changes, err := m.changes(ctx, now, seen)
		if err != nil {
			return err
		}
		for _, o := range changes {
			if err := stream.Send(&orderingv1.WatchOrderResponse{Order: o.message()}); err != nil {
				return err
			}
			seen = o.version
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-poll.C:
		}
		if now, err = m.order(ctx, m.db, req.GetId()); err != nil {
			return err
		}
	}
}

// changes are the states of an order after the version seen, up to now. Who
// has seen nothing gets now only. What happened in one moment is one change.
func (m *module) changes(ctx context.Context, now orderRow, seen int64) ([]orderRow, error) {
	switch {
	case now.version <= seen:
		return nil, nil
	case seen == 0, now.version == seen+1:
		return []orderRow{now}, nil
	}
	history, err := m.orders.History(ctx, m.db, now.id)
	if err != nil {
		return nil, err
	}
	var changes []orderRow
	for _, e := range history {
		if e.Version <= seen {
			continue
		}
		o, err := m.orders.LoadAt(ctx, m.db, now.id, e.OccurredAt)
		if err != nil {
			return nil, err
		}
		if o.Version() == e.Version { // the last of its moment
			changes = append(changes, orderState(o, now.customerName))
		}
	}
	return changes, nil
}
