package simulation

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"
	_ "unsafe" // for the clock of UUIDs

	"github.com/google/uuid"
)

// Result is what became of a seed.
type Result struct {
	Seed      uint64
	Faults    []*Fault // planned; those that struck say so
	Fired     int
	Violation []string // nil when everything holds
	Hash      string   // of the trace
	Steps     int
	Lives     int
	Orders    int
	Virtual   time.Duration
	Lines     []string // of the history that was played
}

// Options change a run.
type Options struct {
	Faults []*Fault     // instead of those of the seed
	Absent []string     // people who stay at home
	Play   int          // no people come, but a history of so many requests is played
	Trace  func(string) // gets each line of the trace
	Log    *slog.Logger // hears what the modules log
}

// lastID is the time of the latest UUIDv7. It moves forward only, which the
// clock of the next seed does not.
//
//go:linkname lastID github.com/google/uuid.lastV7time
var lastID int64

// The random numbers of a seed come from several sources, so that a fault less
// changes as little as possible.
const (
	streamFaults uint64 = iota + 1
	streamScheduler
	streamDice
	streamIDs
)

// Simulate runs one seed. Call it in a bubble of testing/synctest, and never two
// at the same time.
func Simulate(ctx context.Context, seed uint64, options Options) (Result, error) {
	images, err := templates()
	if err != nil {
		return Result{}, err
	}
	w := &World{
		seed: seed, trace: newTrace(options.Trace), disks: map[string]*disk{}, ledger: newLedger(), log: options.Log,
		scheduler: rand.New(rand.NewPCG(seed, streamScheduler)), dice: rand.New(rand.NewPCG(seed, streamDice)),
		deaf: map[string]time.Time{}, away: map[string]time.Time{},
	}
	plan := options.Faults
	if plan == nil {
		plan = Plan(seed)
	}
	w.faults, w.bus = newFaults(w, plan), newBus(w)
	lastID = 0
	uuid.SetRand(random{rand.New(rand.NewPCG(seed, streamIDs))})
	defer uuid.SetRand(nil)
	for _, name := range moduleNames {
		d, err := newDisk(w, name, images[name])
		if err != nil {
			return Result{}, fmt.Errorf("make the disk of %s: %w", name, err)
		}
		defer func() { _ = d.close() }()
		w.disks[name] = d
	}
	w.actors = slices.DeleteFunc(w.people(), func(a *actor) bool { return options.Play > 0 || slices.Contains(options.Absent, a.name) })
	defer func() {
		for _, a := range w.actors {
			a.leave()
		}
	}()
	var played *history
	if options.Play > 0 {
		w.ledger = nil // the people who would keep it are not here
		place := &imagined{world: w}
		played = newHistory(seed, place)
		place.actor = newActor("player", func(think think) {
			place.think = think
			played.play(options.Play)
		})
		w.actors = append(w.actors, place.actor)
	}
	begun := time.Now()
	if err := w.run(ctx); err != nil {
		return Result{}, err
	}
	if len(w.violation) == 0 {
		w.check()
	}
	result := Result{
		Seed: seed, Faults: plan, Violation: w.violation, Hash: w.trace.hash(), Steps: w.steps,
		Lives: w.lives, Virtual: time.Since(begun),
	}
	for _, f := range plan {
		if f.fired {
			result.Fired++
		}
	}
	if played != nil {
		result.Lines = played.lines
	} else {
		result.Orders = len(w.ledger.checkouts)
	}
	if w.process == nil {
		return result, nil
	}
	return result, w.process.bury()
}

// Plan is what goes wrong in a seed.
func Plan(seed uint64) []*Fault { return planFaults(rand.New(rand.NewPCG(seed, streamFaults))) }

// random reads random bytes.
type random struct{ from *rand.Rand }

var _ io.Reader = random{}

func (r random) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.from.Uint32())
	}
	return len(p), nil
}
