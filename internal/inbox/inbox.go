package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/contracts"
	"mallbots/internal/database"
	"mallbots/internal/tracing"
)

// Inbox is where one module hears of the others. Register with On and Ignore,
// then Check, then Run. The operator's verbs and Await work without Run.
type Inbox struct {
	db       database.DB
	log      *slog.Logger
	settings settings

	handlers  map[string]handler // by the event's full name
	consumers map[string]*consumer
	files     map[string]protoreflect.FileDescriptor
	problems  []error

	mu      sync.Mutex
	broker  Broker
	running bool
}

// handler is what becomes of one type of event.
type handler struct {
	apply func(ctx context.Context, tx database.Tx, data []byte) error // nil: nothing
}

// settings are the patience and the sizes.
type settings struct {
	lanes   int
	net     time.Duration // how often Await looks without being woken; ten times as often when there are other processes
	batch   int           // deliveries in one transaction
	timeout time.Duration // for one handler, and for one batch
	gap     time.Duration // how long a gap may stay open before its key parks; what is missing may be with a colleague that was paused
	pause   time.Duration // between looks at a gap, at most; the first are sooner
	first   time.Duration // before the second attempt; doubles from there
	calm    time.Duration // the longest pause between attempts of a transient failure
	span    time.Duration // after so long, and three attempts, a failure is final
	tries   int           // attempts before a failure is final
	crowd   int           // followers of a key in trouble that end its patience
	keep    time.Duration // how long rows of the inbox are kept
	deaf    time.Duration // after so long without a delivery, though some wait, it subscribes anew
	twice   bool
	chance  func(limit time.Duration) time.Duration // a pause's random part
	witness func(ctx context.Context, tx database.Tx, consumer, message string) error
	tracer  *tracing.Tracer // nil: no spans
}

// Option changes how an Inbox works.
type Option func(*settings)

// Lanes sets how many keys are worked on at the same time, per source.
func Lanes(n int) Option { return func(s *settings) { s.lanes = n } }

// Trace makes a span of each message that is handled.
func Trace(tracer *tracing.Tracer) Option { return func(s *settings) { s.tracer = tracer } }

// Twice hands every message to the lanes two times. Whoever counts on a single
// delivery is found out in the tests of the modules.
func Twice() Option { return func(s *settings) { s.twice = true } }

// New returns the inbox of the module that owns db.
func New(db database.DB, log *slog.Logger, options ...Option) *Inbox {
	lanes := 16
	if db.Dialect() == database.Postgres {
		lanes = 4 // each holds a connection, and few have more to write at a time
	}
	in := &Inbox{
		db:  db,
		log: tracing.Logs(log),
		settings: settings{
			lanes: lanes, net: 250 * time.Millisecond, batch: together, timeout: 10 * time.Second,
			gap: 10 * time.Second, pause: 250 * time.Millisecond,
			first: 250 * time.Millisecond, calm: 2 * time.Second, span: 30 * time.Second,
			tries: 8, crowd: 256, keep: 21 * 24 * time.Hour, deaf: 15 * time.Second,
			chance: func(limit time.Duration) time.Duration { return rand.N(limit + 1) },
		},
		handlers:  map[string]handler{},
		consumers: map[string]*consumer{},
		files:     map[string]protoreflect.FileDescriptor{},
	}
	for _, option := range options {
		option(&in.settings)
	}
	return in
}

// OneByOne gives every message a transaction of its own. It is for a module
// whose handlers lock rows that several keys have in common: each handler locks
// them in one order, which a transaction about many keys would not. Call it
// before Run.
func (in *Inbox) OneByOne() { in.settings.batch = 1 }

// On gives the events of one type to handle, in the transaction that records
// them as applied. The context of handle carries the cause: the module as the
// actor, and the message as what led here. It ends after 10 seconds.
func On[T any, E interface {
	*T
	proto.Message
}](in *Inbox, handle func(ctx context.Context, tx database.Tx, e E) error) {
	descriptor := E(nil).ProtoReflect().Descriptor()
	in.register(descriptor, handler{apply: func(ctx context.Context, tx database.Tx, data []byte) error {
		event := E(new(T))
		if err := proto.Unmarshal(data, event); err != nil {
			return fmt.Errorf("%w: %s: %w", errUndecodable, descriptor.FullName(), err)
		}
		if err := understood(event.ProtoReflect()); err != nil {
			return fmt.Errorf("%s: %w", descriptor.FullName(), err)
		}
		return handle(ctx, tx, event)
	}})
}

// Ignore says that the module has no use for the events of type E.
func Ignore[E proto.Message](in *Inbox) {
	var event E
	in.register(event.ProtoReflect().Descriptor(), handler{})
}

// register keeps h for the events described by d; Check tells what is wrong.
func (in *Inbox) register(d protoreflect.MessageDescriptor, h handler) {
	name := string(d.FullName())
	source, ok := sourceOf(name)
	if !ok {
		in.problems = append(in.problems, fmt.Errorf("inbox %s: %s is no event; events are named mallbots.<module>.v<N>.<Event>", in.db.Module(), name))
		return
	}
	if _, twice := in.handlers[name]; twice {
		in.problems = append(in.problems, fmt.Errorf("inbox %s: %s is registered twice; keep one On or Ignore", in.db.Module(), name))
		return
	}
	in.handlers[name] = h
	exposeTrouble(in.db.Module(), source, name)
	in.files[d.ParentFile().Path()] = d.ParentFile()
	if in.consumers[source] == nil {
		in.consumers[source] = newConsumer(in, source)
		rewound.WithLabelValues(in.db.Module(), source)
		passed.WithLabelValues(in.db.Module(), source)
	}
}

// sourceOf returns the module that publishes the event of that full name.
func sourceOf(name string) (string, bool) {
	parts := strings.Split(name, ".")
	if len(parts) != 4 || parts[0] != "mallbots" {
		return "", false
	}
	return parts[1], true
}

// Check reports every event that is declared in the file of a registered one
// and is neither On nor Ignore. Messages that serve as a field of another one
// are parts, not events.
func (in *Inbox) Check() error {
	problems := slices.Clone(in.problems)
	for _, file := range in.files {
		for _, event := range contracts.Declared(file) {
			name := event.FullName()
			if _, known := in.handlers[string(name)]; !known {
				problems = append(problems, fmt.Errorf("inbox %s: %s is neither handled nor ignored; add inbox.On or inbox.Ignore", in.db.Module(), name))
			}
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

// Sources returns the modules whose events this one consumes, sorted.
func (in *Inbox) Sources() []string {
	var names []string
	for source := range in.consumers {
		names = append(names, source)
	}
	slices.Sort(names)
	return names
}
