package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/internal/operator"
	"mallbots/internal/transfer"
)

// Why a module does not move.
var (
	errNotHere       = fault.New(fault.NotFound, "MODULE_NOT_HERE", "this process has no module of that name")
	errNotHome       = fault.New(fault.Conflict, "MODULE_NOT_HOME", "the module does not run in this process")
	errMoveUnderWay  = fault.New(fault.Conflict, "MOVE_UNDER_WAY", "a move of the module is under way already")
	errBusy          = fault.New(fault.Unavailable, "MODULE_BUSY", "the module could not pause in time, and works on; try again, or allow a longer pause with --pause")
	errLeaseOver     = fault.New(fault.Conflict, "PAUSE_OVER", "the pause is over and the module works on here; nothing has moved")
	errShared        = fault.New(fault.Conflict, "MODULE_SHARED", "several processes share the module's work; stop all but one before it moves")
	errMoveMalformed = fault.New(fault.Invalid, "MOVE_MALFORMED", `a move is {"move":"an id","pause":"2s", …}`)
)

// longestPause bounds what a move may ask for.
const longestPause = 30 * time.Second

// lease is a pause of a module, in which another process may take it over. When
// it ends without that, the module works on: the other one may have died.
type lease struct {
	move  string
	until time.Time
	timer *time.Timer
}

// Leaving is what a process is asked that is to let a module go.
type Leaving struct {
	Move  string `json:"move"`            // the id of the move
	Pause string `json:"pause,omitempty"` // how long the module may pause at most
	Ops   string `json:"ops,omitempty"`   // the ops listener of the process that takes it
	API   string `json:"api,omitempty"`   // its API
}

// leave pauses the module for a move: its requests wait, and its loops have
// ended when this is answered. What it has by then, and no more, is what moves.
func (p *process) leave(r *http.Request) (any, error) {
	here, asked, err := p.asked(r)
	if err != nil {
		return nil, err
	}
	pause, err := time.ParseDuration(asked.Pause)
	if err != nil || asked.Move == "" || pause <= 0 || pause > longestPause {
		return nil, errMoveMalformed
	}
	release, err := here.claim()
	if err != nil {
		return nil, err
	}
	if !here.works() {
		release()
		return nil, errNotHome.With("%s", here.Name)
	}
	if others := len(database.CrewOf(here.DB).Members) - 1; others > 0 {
		release()
		return nil, errShared.With("%d others", others)
	}
	until := time.Now().Add(pause)
	ctx, cancel := context.WithDeadline(r.Context(), until)
	defer cancel()
	if err := p.pauseModule(ctx, here, release); err != nil {
		return nil, errBusy.With("%s", err)
	}
	if err := p.farewell(ctx, here, asked); err != nil {
		p.resume(here)
		release()
		return nil, err
	}
	here.mu.Lock()
	defer here.mu.Unlock()
	l := &lease{move: asked.Move, until: until}
	l.timer = time.AfterFunc(time.Until(until), func() {
		if p.endLease(here, l) {
			p.log.Warn("a move was not finished in its time: the module works on here", "module", here.Name, "move", l.move, "pause", pause)
		}
	})
	here.lease, here.release = l, release
	p.log.Info("module paused for a move", "module", here.Name, "move", asked.Move)
	return map[string]any{"until": until}, nil
}

// farewell makes sure that the module is at work nowhere, and notes that it is to
// move: now, so that the note goes along.
func (p *process) farewell(ctx context.Context, r *resident, asked Leaving) error {
	if err := alone(ctx, r); err != nil {
		return err
	}
	err := r.DB.InTx(ctx, func(tx database.Tx) error {
		operator.Record(ctx, tx, operator.Action{Verb: "move", Target: r.Name, Reason: "to " + asked.API, Outcome: "begun"})
		return nil
	})
	if err != nil {
		return errBusy.With("%s", err)
	}
	return nil
}

// alone refuses a module of which other processes are at work on the same
// database, while this one is not.
func alone(ctx context.Context, r *resident) error {
	others, err := database.Attending(ctx, r.DB)
	if err != nil {
		return errBusy.With("%s", err)
	}
	if others > 0 {
		return errShared.With("%d others", others)
	}
	return nil
}

// pauseModule lets nobody in, and ends the module's loops. When that takes too
// long the module works on.
func (p *process) pauseModule(ctx context.Context, r *resident, release func()) error {
	err := r.gate.shut(ctx)
	if err == nil {
		err = p.pauseVerbs(ctx)
	}
	if err != nil {
		r.gate.set(letIn)
		release()
		return err
	}
	ended, err := r.rest(ctx)
	if err == nil {
		return nil
	}
	go func() {
		<-ended
		p.resume(r)
		release()
	}()
	return err
}

// resume has a module that paused work on.
func (p *process) resume(r *resident) {
	p.verbs.Unlock()
	p.begin(r)
	r.gate.set(letIn)
}

// pauseVerbs waits until no operator is at work, and keeps the next one waiting.
func (p *process) pauseVerbs(ctx context.Context) error {
	for !p.verbs.TryLock() {
		select {
		case <-ctx.Done():
			return errors.New("an operator's request, such as an audit, is being answered")
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// endLease ends a lease that still holds, and has the module work on. It reports
// whether it did.
func (p *process) endLease(r *resident, l *lease) bool {
	r.mu.Lock()
	if r.lease != l {
		r.mu.Unlock()
		return false
	}
	r.lease = nil
	r.mu.Unlock()
	l.timer.Stop()
	p.resume(r)
	r.release()
	return true
}

// stay ends the pause of a move that is given up.
func (p *process) stay(r *http.Request) (any, error) {
	here, asked, err := p.asked(r)
	if err != nil {
		return nil, err
	}
	here.mu.Lock()
	l := here.lease
	here.mu.Unlock()
	if l == nil || l.move != asked.Move || !p.endLease(here, l) {
		return nil, errLeaseOver
	}
	p.log.Warn("a move was given up: the module works on here", "module", here.Name, "move", asked.Move)
	return map[string]any{}, nil
}

// goodbye is the decision: the module is the other process's from here on. It is
// written before it is told, so that this one remembers after a crash.
func (p *process) goodbye(r *http.Request) (any, error) {
	here, asked, err := p.asked(r)
	if err != nil {
		return nil, err
	}
	if _, err := forwarder(asked.API); err != nil {
		return nil, errMoveMalformed.With("%s", err)
	}
	here.mu.Lock()
	l := here.lease
	if l == nil || l.move != asked.Move || asked.Move == "" {
		here.mu.Unlock()
		return nil, errLeaseOver
	}
	here.lease = nil // nothing but this decides from here on
	here.mu.Unlock()
	l.timer.Stop()

	where := residence{State: Away, Move: asked.Move, Ops: asked.Ops, API: asked.API, Since: time.Now()}
	ctx := context.WithoutCancel(r.Context())
	decided, err := false, alone(ctx, here)
	if err == nil {
		decided, err = p.decide(ctx, here, where)
	}
	if !decided {
		p.resume(here)
		here.release()
		return nil, fmt.Errorf("note that the module is gone: %w", err)
	}
	here.settled(where)
	p.verbs.Unlock()
	if err := here.gate.sendTo(asked.API); err != nil {
		return nil, err
	}
	here.release()
	p.log.Warn("module moved to another process: its requests are sent there", "module", here.Name, "move", asked.Move, "to", asked.API)
	return map[string]any{}, nil
}

// decide writes where the module lives, and finds out whether that was kept: a
// commit without an answer is asked for until the database tells.
func (p *process) decide(ctx context.Context, r *resident, where residence) (bool, error) {
	err := r.DB.InTx(ctx, func(tx database.Tx) error {
		return writeResidence(ctx, tx, where)
	})
	for err != nil {
		now, failed := readResidence(ctx, r.DB)
		if failed == nil {
			return now.Move == where.Move && now.State == Away, err
		}
		p.log.ErrorContext(ctx, "a move may be decided or not: asking the database", "module", r.Name, "error", errors.Join(err, failed))
		select {
		case <-p.stopping:
			return false, err
		case <-time.After(100 * time.Millisecond):
		}
	}
	return true, nil
}

// rows writes all that the module has.
func (p *process) rows(w http.ResponseWriter, r *http.Request) {
	here, _, err := p.asked(r)
	if err == nil && !here.residence().home() {
		err = errNotHome.With("%s", here.Name)
	}
	if err != nil {
		answer(w, fault.KindOf(err).Status(), map[string]string{"error": err.Error()})
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := transfer.Write(r.Context(), here.DB, w); err != nil && r.Context().Err() == nil {
		p.log.Warn("the rows of the module could not be sent", "module", here.Name, "error", err)
		panic(http.ErrAbortHandler) // so that the reader does not take it for the end
	}
}
