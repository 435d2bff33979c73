package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"mallbots/internal/bots"
	"mallbots/internal/client"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// busywork is one run: a street of its own in the mall, people, and a tally.
type busywork struct {
	busyworkCommand
	mall      *mall
	shelves   []*shelf
	customers []string

	tally
	started  atomic.Int64 // orders that shoppers have set out for
	journal  io.Writer
	journals sync.Mutex
}

func newBusywork(b busyworkCommand, m *mall, journal io.Writer) *busywork {
	w := &busywork{busyworkCommand: b, mall: m, journal: journal, tally: newTally()}
	m.Trouble = func(err error) { w.retries.count(client.Reason(err)) }
	return w
}

// run opens shops, lets everybody work, and waits for what is on its way.
func (w *busywork) run(ctx context.Context) error {
	if err := w.open(ctx); err != nil {
		return err
	}
	crew, err := w.mall.bots.Enlist(ctx, "busywork", w.Bots)
	if err != nil {
		return err
	}
	w.begin()
	working, goHome := context.WithCancel(ctx)
	defer goHome()
	var people sync.WaitGroup
	for i := range w.Keepers {
		people.Go(func() { w.keep(working, i) })
	}
	people.Go(func() {
		if w.Bots == 0 {
			return // somebody else's bots pick
		}
		s := &bots.Staff{Depot: w.mall.bots, Bots: crew, Picked: w.handOver, Failed: func(err error) { w.errors.count(client.Reason(err)) }}
		_ = s.Work(working) // ends only with working
	})

	var shoppers sync.WaitGroup
	closing := time.Now().Add(w.length())
	for i := range w.Shoppers {
		shoppers.Go(func() { w.shop(ctx, w.customers[i], closing) })
	}
	shoppers.Wait()
	w.await(ctx, func() bool { return w.completed.Load()+w.canceled.Load() >= w.approved.Load() || w.Bots == 0 })
	goHome()
	people.Wait()
	return ctx.Err()
}

// await waits until done, for as long as the drain may take.
func (w *busywork) await(ctx context.Context, done func() bool) {
	for deadline := time.Now().Add(w.Drain); !done() && time.Now().Before(deadline); {
		if client.Sleep(ctx, 20*time.Millisecond) != nil {
			return
		}
	}
}

// handOver gives a picked order to its customer.
func (w *busywork) handOver(ctx context.Context, id, position string) error {
	_, _, err := tell(ctx, w.mall, w.mall.ordering.CompleteOrder, &orderingv1.CompleteOrderRequest{Id: id, InvoiceId: "invoice-" + id}, position)
	switch {
	case client.Refused(err):
		w.refusals.count(client.Reason(err)) // cancelled while it was picked
	case err != nil:
		return fmt.Errorf("complete order %s: %w", id, err)
	default:
		w.completed.Add(1)
	}
	return nil
}

// note writes a line into the journal.
func (w *busywork) note(what, id string) {
	w.journals.Lock()
	defer w.journals.Unlock()
	if _, err := fmt.Fprintf(w.journal, "%s %s\n", what, id); err != nil {
		w.errors.count("journal")
	}
}
