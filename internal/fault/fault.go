// Package fault gives errors a kind, so that the edge can answer with the
// right status without knowing the rule that was broken.
//
// A rule declares its refusal once, as a sentinel with a stable code:
//
//	var ErrEmpty = fault.New(fault.Conflict, "BASKET_EMPTY", "the basket is empty; add an item first")
//
// and returns it as it is, or with what was wrong this time:
//
//	return ErrEmpty.With("basket %s", id)
//
// Whatever is not a fault is internal: it is logged, and never shown.
package fault

import (
	"errors"
	"fmt"
)

// Kind is the class of a refusal. Each maps to one HTTP status and one RPC code.
type Kind int

// The kinds, with their HTTP status.
const (
	Internal        Kind = iota // 500: not the caller's doing
	Invalid                     // 400: the request can never succeed as it is
	Unauthenticated             // 401: who is asking is not known
	Forbidden                   // 403: who is asking may not
	NotFound                    // 404: there is no such thing
	Conflict                    // 409: wrong state, or a lost race
	Precondition                // 412: the version of If-Match is stale
	Unprocessable               // 422: an idempotency key used again for another request
	TooMany                     // 429: over a limit; try later
	Unavailable                 // 503: a part is down or behind; try again
)

// Violation names one field that is wrong, and how.
type Violation struct {
	Field       string
	Description string
}

// Error is a refusal with a kind, a stable code, and a sentence for people.
type Error struct {
	Kind       Kind
	Code       string
	Message    string
	Violations []Violation
}

// New returns a sentinel. Code is stable and in capitals; message names the
// remedy where there is one.
func New(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

// Error returns the sentence.
func (e *Error) Error() string { return e.Message }

// Is reports whether target is the same refusal, whatever its details.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Kind == e.Kind && other.Code == e.Code
}

// With returns a copy whose sentence continues with details.
func (e *Error) With(format string, args ...any) *Error {
	c := *e
	c.Message = e.Message + ": " + fmt.Sprintf(format, args...)
	return &c
}

// In returns a copy that blames field.
func (e *Error) In(field string) *Error {
	c := *e
	c.Violations = append(append([]Violation(nil), e.Violations...), Violation{Field: field, Description: e.Message})
	return &c
}

// Of finds the fault in err's chain.
func Of(err error) (*Error, bool) {
	return errors.AsType[*Error](err)
}

// KindOf returns the kind of err: Internal for what is no fault.
func KindOf(err error) Kind {
	if e, ok := Of(err); ok {
		return e.Kind
	}
	return Internal
}
