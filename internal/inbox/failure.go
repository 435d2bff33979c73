package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
)

// Why a message is a dead letter, or is held.
const (
	CauseRejected    = "rejected"         // the domain refuses it
	CauseUndecodable = "undecodable"      // its bytes are not what its type says
	CauseUnknown     = "unknown-content"  // it says something that this binary has no word for
	CauseInvalid     = "invalid-envelope" // its headers are missing, wrong or forged
	CauseExhausted   = "exhausted"        // it failed in every attempt
	CausePanic       = "panic"            // its handler panicked in every attempt
	CauseTimeout     = "timeout"          // its handler took too long in every attempt
	CauseGap         = "gap"              // what comes before it never arrived
	CauseHeld        = "held"             // it waits behind one of the above
)

var (
	errUndecodable = errors.New("inbox: undecodable")
	errTimeout     = errors.New("inbox: the handler took longer than")
)

// panicked is a handler's panic.
type panicked struct {
	value any
	stack string
}

func (p *panicked) Error() string { return fmt.Sprintf("inbox: the handler panicked: %v", p.value) }

// failure is an error and what it means for the message.
type failure struct {
	err       error
	cause     string // of the dead letter it may become
	stack     string
	transient bool // will pass: tried for ever
	atOnce    bool // will never pass: not tried again
}

// classify judges an error. ctx is for asking whether the database is well,
// which tells a slow handler from a slow database.
func (in *Inbox) classify(ctx context.Context, err error) failure {
	f := failure{err: err, cause: CauseExhausted}
	if p, ok := errors.AsType[*panicked](err); ok {
		f.cause, f.stack = CausePanic, p.stack
		return f
	}
	switch {
	case errors.Is(err, errTimeout):
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		f.cause, f.transient = CauseTimeout, in.db.Ping(ctx) != nil
		return f
	case errors.Is(err, errUndecodable):
		f.cause, f.atOnce = CauseUndecodable, true
		return f
	case errors.Is(err, errUnknownContent):
		f.cause, f.atOnce = CauseUnknown, true
		return f
	case errors.Is(err, eventsourcing.ErrConflict), errors.Is(err, errNotNext), database.Transient(err):
		f.transient = true
		return f
	}
	if refusal, ok := fault.Of(err); ok {
		switch refusal.Kind {
		case fault.Unavailable, fault.TooMany:
			f.transient = true
		case fault.Internal:
		case fault.Invalid, fault.Unauthenticated, fault.Forbidden, fault.NotFound, fault.Conflict, fault.Precondition, fault.Unprocessable:
			f.cause, f.atOnce = CauseRejected, true
		}
	}
	return f
}

// strike counts a failed attempt of m and reports whether it was the last: at
// once what will never pass, never what will, and the rest after so many tries
// or so long, but sooner when a crowd waits behind m.
func (m *message) strike(s settings, f failure, now time.Time, crowd bool) bool {
	m.attempts++
	if f.transient {
		return false
	}
	m.strikes++
	if m.strikes == 1 {
		m.failed = now
	}
	return f.atOnce || m.strikes >= s.tries || m.strikes >= 3 && (crowd || now.Sub(m.failed) >= s.span)
}

// delay is how long m waits for its next attempt: exponential, and the second
// half of it random.
func (m *message) delay(s settings, f failure) time.Duration {
	d := s.first << min(max(m.strikes-1, 0), 7)
	if f.transient {
		d = min(s.first/10<<min(m.attempts-1, 20), s.calm)
	}
	return d/2 + s.chance(d/2)
}
