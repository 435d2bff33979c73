package simulation

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectinprocess"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/api"
	"mallbots/internal/fault"
	"mallbots/proto/mallbots/baskets/v1/basketsv1connect"
	"mallbots/proto/mallbots/depot/v1/depotv1connect"
	"mallbots/proto/mallbots/ordering/v1/orderingv1connect"
	"mallbots/proto/mallbots/stores/v1/storesv1connect"
)

// clients speak to the API of one life of the process.
type clients struct {
	stores   storesv1connect.StoresServiceClient
	baskets  basketsv1connect.BasketsServiceClient
	ordering orderingv1connect.OrderingServiceClient
	depot    depotv1connect.DepotServiceClient
}

func newClients(server *connect.Server) *clients {
	c := connect.NewClient(connectinprocess.New(server))
	return &clients{
		stores: storesv1connect.NewStoresServiceClient(c), baskets: basketsv1connect.NewBasketsServiceClient(c),
		ordering: orderingv1connect.NewOrderingServiceClient(c), depot: depotv1connect.NewDepotServiceClient(c),
	}
}

// actor is somebody who uses the mall: a routine that says after each request
// how long it thinks.
type actor struct {
	name    string
	at      time.Time // not before
	done    bool
	resting bool // waits until the mall is at rest
	live    func(think)
	next    func() (time.Duration, bool)
	stop    func()
}

// think waits; it reports false when the actor has to go.
type think = func(time.Duration) bool

func newActor(name string, live func(think)) *actor {
	return &actor{name: name, at: time.Now(), live: live}
}

// act lets the actor go on until it thinks again.
func (a *actor) act() {
	if a.next == nil {
		a.next, a.stop = iter.Pull(iter.Seq[time.Duration](a.live))
	}
	pause, more := a.next()
	if a.done = !more; more {
		a.at = time.Now().Add(pause)
	}
}

// leave sends the actor home.
func (a *actor) leave() {
	if a.stop != nil {
		a.stop()
	}
}

// outcome is what the sender of a request learns.
type outcome struct {
	refused *fault.Error // why nothing was done
	unknown bool         // whether it was done
}

func (o outcome) ok() bool { return o.refused == nil && !o.unknown }

func (o outcome) String() string {
	switch {
	case o.unknown:
		return "unknown"
	case o.refused != nil:
		return o.refused.Code
	}
	return "ok"
}

// request sends one request. A key makes it safe to repeat.
func request[Res proto.Message](w *World, who, what, key string, send func(context.Context, *clients) (Res, error)) (Res, outcome) {
	var none Res
	lost := w.faults.at(onRequest, "") != nil
	if w.life() == 0 {
		return none, outcome{unknown: true}
	}
	ctx, info := connect.NewClientContext(w.process.ctx)
	if key != "" {
		info.RequestHeader().Set("Idempotency-Key", key)
	}
	res, err := send(ctx, w.process.clients)
	o := judge(err)
	if w.life() == 0 && o.ok() { // the answer was not sent any more
		o = outcome{unknown: true}
	}
	if o.ok() && key != "" && w.ledger != nil {
		w.ledger.answered(w, key, res)
	}
	if lost {
		o = outcome{unknown: true}
	}
	w.trace.line("  %s: %s: %s", who, what, o)
	if !o.ok() {
		return none, o
	}
	return res, o
}

// judge says what an error tells its receiver.
func judge(err error) outcome {
	if err == nil {
		return outcome{}
	}
	f, ok := api.FromWire(err)
	switch {
	case !ok, f.Kind == fault.Unavailable, f.Kind == fault.Internal, f.Kind == fault.TooMany:
		return outcome{unknown: true}
	}
	return outcome{refused: f}
}

// person is an actor's character.
type person struct {
	w     *World
	name  string
	dice  *rand.Rand
	keys  int
	hasty bool // gives up now and then, and never learns the outcome
}

func (w *World) person(name string, stream uint64) *person {
	return &person{w: w, name: name, dice: rand.New(rand.NewPCG(w.seed, stream))}
}

// within is a random time up to limit.
func (p *person) within(limit time.Duration) time.Duration {
	return time.Duration(p.dice.Int64N(int64(limit)) + 1)
}

// chance is true so many times out of a hundred.
func (p *person) chance(percent int) bool { return p.dice.IntN(100) < percent }

// insist sends a request with a key again and again until its outcome is known,
// or patience ends.
func insist[Res proto.Message](p *person, think think, what string, send func(context.Context, *clients) (Res, error)) (Res, outcome, bool) {
	p.keys++
	key := fmt.Sprintf("%s-%d", p.name, p.keys)
	patience := 30
	if p.hasty && p.chance(10) {
		patience = 1
	}
	for {
		res, o := request(p.w, p.name, what, key, send)
		patience--
		if !o.unknown || patience == 0 {
			return res, o, true
		}
		if !think(p.within(2 * time.Second)) {
			return res, o, false
		}
	}
}
