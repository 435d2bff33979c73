package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"
)

// World is one run of the simulator.
type World struct {
	seed      uint64
	trace     *trace
	faults    *faults
	disks     map[string]*disk
	bus       *bus
	scheduler *rand.Rand
	dice      *rand.Rand // of what rolls dice in production
	process   *process
	lives     int
	starting  bool
	log       *slog.Logger // nil: nobody listens

	actors    []*actor
	ledger    *ledger
	healedAt  time.Time // when the faults ended
	steps     int
	alive     time.Time            // when the inboxes last told that work goes on
	deaf      map[string]time.Time // consumers to which nothing is delivered, and until when
	away      map[string]time.Time // disks that fail, and until when
	violation []string
}

// life implements keeper.
func (w *World) life() int {
	if w.process == nil || w.process.dead {
		return 0
	}
	return w.process.life
}

// crash implements keeper.
func (w *World) crash(why string) {
	if w.life() == 0 {
		return
	}
	w.trace.line("CRASH %s", why)
	w.process.dead = true
	w.process.cancel()
	for _, name := range moduleNames {
		w.disks[name].powerOff()
	}
}

// violated implements keeper: an invariant does not hold.
func (w *World) violated(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.trace.line("VIOLATION %s", text)
	w.violation = append(w.violation, text)
}

// statement implements keeper.
func (w *World) statement(d *disk, text string) statementEnd {
	if w.starting || w.faults == nil {
		return succeeds
	}
	if time.Now().Before(w.away[d.module]) {
		if text == "ROLLBACK" {
			return succeeds
		}
		return fails
	}
	if text == "COMMIT" {
		if f := w.faults.at(onCommit, d.module); f != nil {
			switch f.Kind {
			case CommitFails:
				return fails
			case CommitUnheard:
				return succeedsUnheard
			case CrashAfter:
				return crashesAfter
			default: // the other kinds do not strike at a commit
			}
		}
	}
	f := w.faults.at(onStatement, d.module)
	if f == nil || text == "ROLLBACK" {
		return succeeds
	}
	switch f.Kind {
	case StatementFails:
		return fails
	case CrashBefore:
		return crashesBefore
	case StatementSlow:
		time.Sleep(f.lasts())
	case DiskAway:
		w.away[d.module] = time.Now().Add(f.lasts())
		return fails
	default: // the other kinds do not strike at a statement
	}
	return succeeds
}

// chance is the dice of production.
func (w *World) chance(limit time.Duration) time.Duration {
	if limit <= 0 || w.dice == nil {
		return 0
	}
	return time.Duration(w.dice.Int64N(int64(limit) + 1))
}

// option is something that could happen now.
type option struct {
	name   string
	weight int
	do     func()
}

// run lets things happen until everybody is done and the mall is at rest, or
// something is wrong.
func (w *World) run(ctx context.Context) error {
	for len(w.violation) == 0 {
		if w.process == nil || w.process.dead {
			if err := w.rise(ctx); err != nil {
				return err
			}
		}
		w.befall()
		if w.process.dead {
			continue
		}
		options, later := w.options()
		if len(options) == 0 {
			if w.rest(later) {
				return nil
			}
			continue
		}
		if w.steps++; w.steps > mostSteps {
			w.violated("liveness: %d steps, and no end", w.steps)
		}
		o := w.choose(options)
		w.trace.line("%s", o.name)
		o.do()
		if w.scheduler.IntN(4) == 0 {
			time.Sleep(time.Duration(w.scheduler.IntN(5000)) * time.Microsecond)
		}
	}
	return nil
}

// mostSteps is more than any seed needs.
const mostSteps = 50_000

// choose picks one of the options.
func (w *World) choose(options []option) option {
	total := 0
	for _, o := range options {
		total += o.weight
	}
	pick := w.scheduler.IntN(total)
	for _, o := range options {
		if pick -= o.weight; pick < 0 {
			return o
		}
	}
	return options[0]
}

// rise starts the process again after it died.
func (w *World) rise(ctx context.Context) error {
	if w.process != nil {
		if err := w.process.bury(); err != nil {
			w.violated("close the databases of a dead process: %v", err)
		}
		time.Sleep(time.Duration(w.scheduler.IntN(3000)) * time.Millisecond)
	}
	clear(w.away)
	w.lives++
	_, err := start(ctx, w, w.lives)
	w.trace.line("START life %d", w.lives)
	return err
}

// befall lets faults happen that strike between two steps.
func (w *World) befall() {
	for _, c := range consumersOf {
		name := c[0] + "_" + c[1]
		if f := w.faults.at(onStep, name); f != nil {
			w.deaf[name] = time.Now().Add(f.lasts())
		}
	}
	f := w.faults.at(onStep, "")
	switch {
	case f == nil:
	case f.Kind == CrashIdle:
		w.crash("between two steps")
	case f.Kind == BrokerAway:
		w.bus.away = time.Now().Add(f.lasts())
	case f.Kind == Restart:
		if err := w.process.stop(); err != nil {
			w.violated("stop: %v", err)
		}
		w.process.dead = true
		w.trace.line("STOP")
	}
}

// settling is how long the mall may take to come to rest.
const settling = time.Minute

// rest waits until something can happen, and reports whether nothing will.
func (w *World) rest(later time.Time) bool {
	now := time.Now()
	done := true
	for _, a := range w.actors {
		done = done && a.done
		if a.resting && len(w.waiting()) == 0 {
			a.resting = false
			return false
		}
	}
	if done && w.healedAt.IsZero() && !w.outage(now) {
		w.heal()
		return false
	}
	if done && !w.healedAt.IsZero() {
		waiting := w.waiting()
		if len(waiting) == 0 {
			return true
		}
		if now.Sub(w.healedAt) > settling {
			w.violated("liveness: not at rest %s after the last fault: %s", settling, strings.Join(waiting, "; "))
			return false
		}
	}
	if later.IsZero() {
		later = now.Add(time.Second)
	}
	if next := w.alive.Add(time.Second); next.Before(later) {
		later = next
	}
	time.Sleep(max(later.Sub(now), time.Microsecond))
	w.beat()
	return false
}

// outage reports whether a fault lasts that will be over by itself.
func (w *World) outage(now time.Time) bool {
	last := w.bus.away
	for _, name := range moduleNames {
		if until := w.away[name]; until.After(last) {
			last = until
		}
	}
	for _, until := range w.deaf {
		if until.After(last) {
			last = until
		}
	}
	return last.After(now)
}

// beat does what happens every second.
func (w *World) beat() {
	now := time.Now()
	if now.Sub(w.alive) >= time.Second {
		w.alive = now
		for _, m := range w.process.modules {
			m.inbox.KeepAlive()
		}
		w.process.assembly.CheckHealth(w.process.ctx)
	}
}

// heal ends all faults.
func (w *World) heal() {
	w.trace.line("HEAL")
	w.faults.healed = true
	w.healedAt = time.Now()
	clear(w.deaf)
	clear(w.away)
	w.bus.away = time.Time{}
	w.actors = append(w.actors, w.closers()...)
}
