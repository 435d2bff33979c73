package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/internal/operator"
	"mallbots/internal/transfer"
)

// Why a module does not arrive.
var (
	errHomeAlready = fault.New(fault.Conflict, "MODULE_HOME_ALREADY", "the module runs in this process already")
	errNotEmpty    = fault.New(fault.Conflict, "TARGET_NOT_EMPTY", "the database of the module holds data here; move it to an empty one")
	errNotThere    = fault.New(fault.Conflict, "MODULE_NOT_THERE", "the module does not run in the process that it is to come from")
	errUnreachable = fault.New(fault.Unavailable, "SOURCE_UNREACHABLE", "the process that the module is to come from does not answer")
	errOtherBroker = fault.New(fault.Conflict, "OTHER_BROKER", "the two processes use different brokers; start both with the same --nats-url")
	errTooLong     = fault.New(fault.Conflict, "PAUSE_TOO_SHORT", "the module has too many rows for such a pause; allow a longer one with --pause")
	errGivenUp     = fault.New(fault.Unavailable, "MOVE_UNDONE", "the move was undone, and the module works on where it was")
	errUndecided   = fault.New(fault.Unavailable, "MOVE_UNDECIDED", "the process that the module is to come from does not say whether it has let it go; this one asks on, and takes the module when it has")
)

// MoveRequest is what a process is asked that is to take a module.
type MoveRequest struct {
	From  string `json:"from"`  // the ops listener of the process that has it
	Ops   string `json:"ops"`   // the ops listener of this process, as that one reaches it
	API   string `json:"api"`   // the API of this process, as that one reaches it
	Pause string `json:"pause"` // how long the module may pause at most
}

// Moved is what a move did.
type Moved struct {
	Module  string         `json:"module"`
	Move    string         `json:"move"`
	Copied  transfer.Stats `json:"copied"`
	Before  float64        `json:"beforeMs"` // how long it was copied while it worked there
	Paused  float64        `json:"pausedMs"` // how long it worked nowhere
	Resumed bool           `json:"resumed"`  // an earlier move was finished
}

// arrival is one move to this process.
type arrival struct {
	p      *process
	here   *resident
	there  *peer
	asked  MoveRequest
	pause  time.Duration
	before residence // what this database said
	move   string
	copied *transfer.Copy
}

// arrive takes a module over from another process.
func (p *process) arrive(r *http.Request) (any, error) {
	here, err := p.resident(chi.URLParam(r, "module"))
	if err != nil {
		return nil, err
	}
	a := &arrival{p: p, here: here}
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<16)).Decode(&a.asked); err != nil {
		return nil, errMoveMalformed.With("%s", err)
	}
	if a.pause, err = time.ParseDuration(a.asked.Pause); err != nil || a.pause <= 0 || a.pause > longestPause {
		return nil, errMoveMalformed.With("the pause %q must be a duration to %s", a.asked.Pause, longestPause)
	}
	if _, err := forwarder(a.asked.API); err != nil {
		return nil, errMoveMalformed.With("%s", err)
	}
	a.there = &peer{ops: a.asked.From, module: here.Name}
	release, err := here.claim()
	if err != nil {
		return nil, err
	}
	defer release()
	if here.works() {
		return nil, errHomeAlready.With("%s", here.Name)
	}
	return a.run(r.Context())
}

// run makes the move. Whatever fails before the other process has let the module
// go leaves it there; whoever asked may as well go away until then.
func (a *arrival) run(ctx context.Context) (any, error) {
	a.before = a.here.residence()
	if a.before.State == Ready { // an earlier move, of which only the decision is not known here
		if gone, err := a.p.inquire(ctx, a.here); err != nil || gone {
			return Moved{Module: a.here.Name, Move: a.before.Move, Resumed: true}, err
		}
		a.before = a.here.residence()
	}
	if err := a.look(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := a.copy(ctx); err != nil {
		return nil, errGivenUp.With("%s", err)
	}
	before := time.Since(began)
	began = time.Now()
	if err := a.take(ctx); err != nil {
		return nil, err
	}
	return Moved{
		Module: a.here.Name, Move: a.move, Copied: a.copied.Stats(),
		Before: milliseconds(before), Paused: milliseconds(time.Since(began)),
	}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// look refuses what cannot go well, before anything is changed.
func (a *arrival) look(ctx context.Context) error {
	there, err := a.there.look(ctx)
	if err != nil {
		return err
	}
	mine := a.p.whereabouts(ctx, a.here)
	switch {
	case mine.Problem != "":
		return fault.New(fault.Unavailable, "TARGET_NOT_WELL", "this process cannot take the module: "+mine.Problem)
	case there.Leaving:
		return errMoveUnderWay.With("%s", a.here.Name)
	case !there.Works:
		return errNotThere.With("%s at %s", a.here.Name, a.asked.From)
	case there.Problem != "":
		return errNotThere.With("%s", there.Problem)
	case there.Stream == "" || there.Stream != mine.Stream:
		return errOtherBroker
	}
	if a.copied, err = transfer.Open(ctx, a.here.DB); err != nil {
		return err
	}
	if a.before.State == "" && !a.copied.Empty() {
		return errNotEmpty.With("%s", a.here.Name)
	}
	a.move = uuid.Must(uuid.NewV7()).String()
	return a.note(ctx, residence{State: Arriving, Move: a.move, Ops: a.asked.From, API: a.before.API})
}

// note writes where the module lives.
func (a *arrival) note(ctx context.Context, where residence) error {
	err := a.here.DB.InTx(ctx, func(tx database.Tx) error { return writeResidence(ctx, tx, where) })
	if err == nil {
		a.here.settled(where)
	}
	return err
}

// copy copies while the module works there: all, and then what changed
// meanwhile, which takes about as long as the last copy will, in the pause.
func (a *arrival) copy(ctx context.Context) error {
	var last time.Duration
	for range 2 {
		began := time.Now()
		if err := a.there.rows(ctx, a.copied); err != nil {
			return err
		}
		last = time.Since(began)
	}
	if 2*last > a.pause { // it is read once more for the sums
		return errTooLong.With("%d rows take some %s, and the pause is %s", a.copied.Stats().Rows, (2 * last).Round(time.Millisecond), a.pause)
	}
	return nil
}

// take is what happens in the pause.
func (a *arrival) take(ctx context.Context) error {
	if a.here.residence().API == "" { // else requests come from there, to be sent back
		a.here.gate.set(hold)
	}
	paused, cancel := context.WithTimeout(ctx, a.pause)
	defer cancel()
	leaving := Leaving{Move: a.move, Pause: a.pause.String(), Ops: a.asked.Ops, API: a.asked.API}
	if err := a.there.post(paused, "leave", leaving); err != nil {
		return a.giveUp(ctx, leaving, err)
	}
	err := a.there.rows(paused, a.copied)
	if err == nil {
		err = a.copied.Verify(paused)
	}
	if err == nil {
		err = a.note(paused, residence{State: Ready, Move: a.move, Ops: a.asked.From, API: a.before.API})
	}
	if err != nil {
		return a.giveUp(ctx, leaving, err)
	}
	a.here.gate.set(hold)
	ctx = context.WithoutCancel(ctx) // what is decided there is not undone here
	if err := a.there.post(paused, "goodbye", leaving); err == nil {
		return a.p.moveIn(ctx, a.here)
	}
	gone, err := a.p.inquire(ctx, a.here)
	if err == nil && !gone {
		return a.giveUp(ctx, leaving, errLeaseOver)
	}
	return err
}

// giveUp undoes a move that was not decided.
func (a *arrival) giveUp(ctx context.Context, leaving Leaving, reason error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = a.there.post(ctx, "stay", leaving) // it does so by itself when its time is over
	if state := a.here.residence(); state.State == Ready {
		state.State = Arriving
		reason = errors.Join(reason, a.note(ctx, state))
	}
	return errors.Join(errGivenUp.With("%s", reason), a.p.sendBack(a.here))
}

// sendBack has the gate do what it did before the module was to arrive.
func (p *process) sendBack(r *resident) error {
	if api := r.residence().API; api != "" {
		return r.gate.sendTo(api)
	}
	r.gate.set(standby)
	return nil
}

// moveIn makes the module this process's: the other one has let it go.
func (p *process) moveIn(ctx context.Context, r *resident) error {
	where := r.residence()
	where.State, where.API = Home, ""
	for {
		err := r.DB.InTx(ctx, func(tx database.Tx) error {
			operator.Record(ctx, tx, operator.Action{Verb: "move", Target: r.Name, Reason: "from " + where.Ops})
			return writeResidence(ctx, tx, where)
		})
		if err == nil {
			break
		}
		p.log.ErrorContext(ctx, "the module has arrived and that could not be noted, trying again", "module", r.Name, "error", err)
		select {
		case <-p.stopping:
			return fmt.Errorf("the module has arrived, and starts with this process the next time: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
	r.settled(where)
	p.begin(r)
	r.gate.set(letIn)
	p.log.WarnContext(ctx, "module moved to this process", "module", r.Name, "move", where.Move, "from", where.Ops)
	return nil
}

// inquire asks the process that a module was to come from, until it answers for a
// while, whether it has let it go, and takes it then.
func (p *process) inquire(ctx context.Context, r *resident) (gone bool, err error) {
	where := r.residence()
	there := &peer{ops: where.Ops, module: r.Name}
	for deadline := time.Now().Add(5 * time.Second); ; {
		answer, err := there.look(ctx)
		switch {
		case err == nil && answer.State == Away && answer.Move == where.Move:
			return true, p.moveIn(ctx, r)
		case err == nil && !answer.Leaving:
			where.State = Arriving
			err := r.DB.InTx(ctx, func(tx database.Tx) error { return writeResidence(ctx, tx, where) })
			if err == nil {
				r.settled(where)
			}
			return false, errors.Join(err, p.sendBack(r))
		case time.Now().After(deadline):
			return false, errors.Join(errUndecided.With("%s", where.Ops), p.sendBack(r))
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-p.stopping:
			return false, errUndecided.With("%s", where.Ops)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// evict stops a module that another process of the same database has let go
// since this one has looked.
func (p *process) evict(ctx context.Context, r *resident) error {
	where, err := readResidence(ctx, r.DB)
	if err != nil || where.home() {
		return err
	}
	p.log.ErrorContext(ctx, "another process has moved the module: it stops here", "module", r.Name, "to", where.API)
	r.settled(where)
	bounded, cancel := context.WithTimeout(ctx, longestPause)
	defer cancel()
	err = r.gate.shut(bounded)
	_, late := r.rest(bounded)
	return errors.Join(err, late, p.sendBack(r))
}

// inquireAlways takes a module that another process let go while this one was
// away, or did not hear of it.
func (p *process) inquireAlways(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		for _, r := range p.residents {
			if !r.doubtful(ctx) {
				continue
			}
			release, err := r.claim()
			if err != nil {
				continue
			}
			switch {
			case r.works():
				err = p.evict(ctx, r)
			case r.residence().State == Ready:
				_, err = p.inquire(ctx, r)
			}
			if err != nil && ctx.Err() == nil {
				p.log.WarnContext(ctx, "a module may live elsewhere", "module", r.Name, "error", err)
			}
			release()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
