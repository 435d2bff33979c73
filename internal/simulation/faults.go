package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Kind is what goes wrong.
type Kind string

// What can go wrong.
const (
	StatementFails  Kind = "statement-fails"  // a statement answers with an I/O error
	CommitFails     Kind = "commit-fails"     // a commit fails, and nothing is committed
	CommitUnheard   Kind = "commit-unheard"   // a commit succeeds and answers with an error
	CrashBefore     Kind = "crash-before"     // the process dies before a statement, which may be a commit
	CrashAfter      Kind = "crash-after"      // the process dies after a commit, before anybody hears of it
	StatementSlow   Kind = "statement-slow"   // a statement takes seconds
	DiskAway        Kind = "disk-away"        // all statements of a module fail for a time
	AppendLost      Kind = "append-lost"      // a publish never arrives, and nobody says so
	AppendUnheard   Kind = "append-unheard"   // it is stored, and the answer is lost
	AppendLate      Kind = "append-late"      // it arrives after it was given up
	AppendRefused   Kind = "append-refused"   // it is refused as stale, for no reason
	AppendCrash     Kind = "append-crash"     // it is stored, and the process dies
	BrokerAway      Kind = "broker-away"      // nobody can reach the broker for a time
	DeliveryLost    Kind = "delivery-lost"    // a delivery never arrives; it comes again after AckWait
	DeliveryTwice   Kind = "delivery-twice"   // a delivery arrives twice
	DeliveryLate    Kind = "delivery-late"    // others overtake it
	AckLost         Kind = "ack-lost"         // an acknowledgement never arrives
	ConsumerRewound Kind = "consumer-rewound" // the server forgets the newest acknowledgements
	WindowForgotten Kind = "window-forgotten" // the server forgets which ids it has seen
	StreamCut       Kind = "stream-cut"       // the broker dies, perhaps with the process, and loses the end of a stream
	StreamLost      Kind = "stream-lost"      // the broker dies, perhaps with the process, and loses a stream
	ConsumerDeaf    Kind = "consumer-deaf"    // nothing is delivered to a consumer for a time
	CrashIdle       Kind = "crash-idle"       // the process dies between two steps
	Restart         Kind = "restart"          // the process is stopped and started again
	AnswerLost      Kind = "answer-lost"      // a shopper does not get the answer to a request
)

// Fault is one thing that goes wrong: the Count-th time that something happens
// to Where.
type Fault struct {
	Kind  Kind
	Where string // a module, a consumer, or empty for the whole process
	Count int
	Size  int // of what is lost, in messages; or how long it takes, in seconds

	event event
	fired bool
}

// String describes the fault in one line.
func (f *Fault) String() string {
	text := fmt.Sprintf("%s %s #%d", f.Kind, f.Where, f.Count)
	if f.Size > 0 {
		text += fmt.Sprintf(" size %d", f.Size)
	}
	if f.fired {
		text += " (fired)"
	}
	return text
}

// forgets says whether the server has forgotten the ids that it knew by the time
// somebody asks: it took that long.
func (f *Fault) forgets() bool { return f.Size > 2 }

// event is what a fault waits for.
type event int

const (
	onStatement event = iota // of a module
	onCommit                 // of a module
	onAppend                 // of a module
	onDelivery               // of a consumer
	onAck                    // of a consumer
	onStep                   // of the scheduler, with regard to a consumer or to none
	onRequest                // of a shopper
)

// recipe is how faults of a kind are made.
type recipe struct {
	kind    Kind
	event   event
	within  int // the count is at most this, so that it is likely to be reached
	size    int // at most
	weight  int
	outside bool // of any module
}

var recipes = []recipe{
	{kind: StatementFails, event: onStatement, within: 900, weight: 8},
	{kind: StatementSlow, event: onStatement, within: 900, size: 12, weight: 2},
	{kind: DiskAway, event: onStatement, within: 900, size: 8, weight: 2},
	{kind: CommitFails, event: onCommit, within: 120, weight: 6},
	{kind: CommitUnheard, event: onCommit, within: 120, weight: 8},
	{kind: CrashBefore, event: onStatement, within: 900, weight: 5},
	{kind: CrashAfter, event: onCommit, within: 120, weight: 4},
	{kind: AppendLost, event: onAppend, within: 50, weight: 4},
	{kind: AppendUnheard, event: onAppend, within: 50, size: 3, weight: 6},
	{kind: AppendLate, event: onAppend, within: 50, size: 3, weight: 6},
	{kind: AppendRefused, event: onAppend, within: 50, weight: 3},
	{kind: AppendCrash, event: onAppend, within: 50, size: 3, weight: 3},
	{kind: BrokerAway, event: onStep, within: 1200, size: 10, weight: 2, outside: true},
	{kind: DeliveryLost, event: onDelivery, within: 60, weight: 6},
	{kind: DeliveryTwice, event: onDelivery, within: 60, weight: 6},
	{kind: DeliveryLate, event: onDelivery, within: 60, size: 8, weight: 6},
	{kind: AckLost, event: onAck, within: 60, weight: 6},
	{kind: ConsumerRewound, event: onDelivery, within: 60, size: 40, weight: 4},
	{kind: WindowForgotten, event: onAppend, within: 50, weight: 3},
	{kind: StreamCut, event: onAppend, within: 50, size: 12, weight: 2},
	{kind: StreamLost, event: onAppend, within: 50, size: 2, weight: 1},
	{kind: ConsumerDeaf, event: onStep, within: 1000, size: 20, weight: 3},
	{kind: CrashIdle, event: onStep, within: 1200, weight: 3, outside: true},
	{kind: Restart, event: onStep, within: 1200, weight: 2, outside: true},
	{kind: AnswerLost, event: onRequest, within: 150, weight: 10, outside: true},
}

// fewest and spread are how many faults a seed has.
const (
	fewest = 15
	spread = 12
)

// unheard is how long a module hears nothing that outlasts all patience, in seconds.
const unheard = 900

// consumersOf are the durable consumers of the mall: module and source.
var consumersOf = [][2]string{
	{"baskets", "stores"},
	{"baskets", "ordering"},
	{"ordering", "baskets"},
	{"ordering", "depot"},
	{"depot", "stores"},
	{"depot", "ordering"},
}

// planFaults makes the faults of a seed.
func planFaults(r *rand.Rand) []*Fault {
	total := 0
	for _, recipe := range recipes {
		total += recipe.weight
	}
	var all []*Fault
	for range fewest + r.IntN(spread) {
		pick := r.IntN(total)
		i := 0
		for ; pick >= recipes[i].weight; i++ {
			pick -= recipes[i].weight
		}
		all = append(all, recipes[i].make(r))
	}
	return all
}

func (recipe recipe) make(r *rand.Rand) *Fault {
	f := &Fault{Kind: recipe.kind, event: recipe.event, Count: 1 + r.IntN(recipe.within)}
	if recipe.size > 0 {
		f.Size = 1 + r.IntN(recipe.size)
	}
	switch {
	case recipe.outside:
	case recipe.event == onDelivery, recipe.event == onAck, recipe.event == onStep:
		c := consumersOf[r.IntN(len(consumersOf))]
		f.Where = c[0] + "_" + c[1]
	default:
		f.Where = moduleNames[r.IntN(len(moduleNames))]
	}
	if f.Kind == ConsumerDeaf && (f.Where == "depot_ordering" || f.Where == "ordering_depot") && r.IntN(3) == 0 {
		f.Size = unheard // longer than the patience with the depot
	}
	return f
}

// faults are those of a run, and what has happened so far.
type faults struct {
	world   *World
	pending map[place][]*Fault
	counts  map[place]int
	healed  bool
}

// place is where something happens.
type place struct {
	event event
	where string
}

func newFaults(w *World, plan []*Fault) *faults {
	all := &faults{world: w, pending: map[place][]*Fault{}, counts: map[place]int{}}
	for _, f := range plan {
		at := place{f.event, f.Where}
		all.pending[at] = append(all.pending[at], f)
	}
	return all
}

// at counts that something happens, and returns what goes wrong with it.
func (all *faults) at(e event, where string) *Fault {
	at := place{e, where}
	all.counts[at]++
	if all.healed {
		return nil
	}
	for _, f := range all.pending[at] {
		if f.Count <= all.counts[at] && !f.fired {
			f.fired = true
			all.world.trace.line("FAULT %s", f)
			return f
		}
	}
	return nil
}

// struck reports whether a fault of some kind has struck.
func (all *faults) struck(is func(*Fault) bool) bool {
	for _, pending := range all.pending {
		if slices.ContainsFunc(pending, func(f *Fault) bool { return f.fired && is(f) }) {
			return true
		}
	}
	return false
}

// lasts is how long a fault lasts that is over by itself.
func (f *Fault) lasts() time.Duration { return time.Duration(f.Size) * time.Second }
