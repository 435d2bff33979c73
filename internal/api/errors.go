package api

import (
	"context"
	"errors"
	"strings"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/database"
	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
)

// The answers that no module gives but the platform.
var (
	ErrInternal    = fault.New(fault.Internal, "INTERNAL", "internal error; the log of the server knows it by the correlation id")
	ErrUnavailable = fault.New(fault.Unavailable, "UNAVAILABLE", "a part that this needs is not reachable; try again in a moment")
	ErrDeadline    = fault.New(fault.Unavailable, "DEADLINE_EXCEEDED", "it took too long and was given up; try again, with an Idempotency-Key if it changes something")
	ErrMalformed   = fault.New(fault.Invalid, "REQUEST_MALFORMED", "the request can't be read")
	ErrTooLarge    = fault.New(fault.Invalid, "BODY_TOO_LARGE", "a request holds at most 1 MiB")
)

// errorDomain says whose codes they are, in google.rpc.ErrorInfo.
const errorDomain = "mallbots"

// classify returns the fault that the caller is told of. What is no fault and
// has no better name becomes ErrInternal, and the truth is for the log only. It
// returns nil for errors that the transport has to word: cancellation, and
// verdicts of its own such as Unimplemented.
func classify(ctx context.Context, err error) *fault.Error {
	if f, ok := fault.Of(err); ok {
		return f
	}
	var wire *connect.Error
	switch {
	case errors.As(err, &wire) && !wire.IsRemote():
		return classifyWire(wire)
	case errors.Is(err, context.Canceled), errors.Is(ctx.Err(), context.Canceled):
		return nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ErrDeadline
	case database.Transient(err):
		return ErrUnavailable
	}
	return ErrInternal
}

// classifyWire names what the transport found wrong with a request.
func classifyWire(err *connect.Error) *fault.Error {
	switch err.Code() {
	case connect.CodeInvalidArgument:
		return ErrMalformed.With("%s", err.Message())
	case connect.CodeResourceExhausted:
		return ErrTooLarge
	case connect.CodeDeadlineExceeded:
		return ErrDeadline
	case connect.CodeInternal, connect.CodeUnknown, connect.CodeDataLoss:
		return ErrInternal
	case connect.CodeCanceled, connect.CodeNotFound, connect.CodeAlreadyExists, connect.CodePermissionDenied,
		connect.CodeFailedPrecondition, connect.CodeAborted, connect.CodeOutOfRange, connect.CodeUnimplemented,
		connect.CodeUnavailable, connect.CodeUnauthenticated:
	}
	return nil
}

// ToWire makes of a fault the error that travels: its code and sentence, its
// stable code and kind as google.rpc.ErrorInfo, its violations as
// google.rpc.BadRequest. The fault stays its cause within the process.
func ToWire(f *fault.Error) *connect.Error {
	err := withInfo(connect.NewError(codeOf(f), f.Message).WithCause(f), f)
	if len(f.Violations) == 0 {
		return err
	}
	bad := &errdetails.BadRequest{}
	for _, v := range f.Violations {
		bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: v.Field, Description: v.Description})
	}
	return withDetail(err, bad)
}

// FromWire makes of an error that a client received the fault that the server
// sent. It reports false for any other error.
func FromWire(err error) (*fault.Error, bool) {
	if f, ok := fault.Of(err); ok {
		return f, true
	}
	var wire *connect.Error
	if !errors.As(err, &wire) {
		return nil, false
	}
	var f *fault.Error
	var violations []fault.Violation
	for _, detail := range wire.Details() {
		message, err := connectproto.UnmarshalErrorDetail(detail)
		if err != nil {
			continue // a detail of someone else's
		}
		switch m := message.(type) {
		case *errdetails.ErrorInfo:
			if m.GetDomain() == errorDomain {
				f = fault.New(fault.KindNamed(m.GetMetadata()["kind"]), m.GetReason(), wire.Message())
			}
		case *errdetails.BadRequest:
			for _, v := range m.GetFieldViolations() {
				violations = append(violations, fault.Violation{Field: v.GetField(), Description: v.GetDescription()})
			}
		}
	}
	if f == nil {
		return nil, false
	}
	f.Violations = violations
	return f, true
}

// codeOf is the RPC code of a fault.
func codeOf(f *fault.Error) connect.Code {
	switch f.Kind {
	case fault.Invalid, fault.Unprocessable:
		return connect.CodeInvalidArgument
	case fault.Unauthenticated:
		return connect.CodeUnauthenticated
	case fault.Forbidden:
		return connect.CodePermissionDenied
	case fault.NotFound:
		return connect.CodeNotFound
	case fault.Conflict:
		switch {
		case f.Code == eventsourcing.ErrConflict.Code, f.Code == ErrKeyInFlight.Code:
			return connect.CodeAborted
		case strings.HasSuffix(f.Code, "_EXISTS"):
			return connect.CodeAlreadyExists
		}
		return connect.CodeFailedPrecondition
	case fault.Precondition:
		return connect.CodeFailedPrecondition
	case fault.TooMany:
		return connect.CodeResourceExhausted
	case fault.Unavailable:
		if f.Code == ErrDeadline.Code {
			return connect.CodeDeadlineExceeded
		}
		return connect.CodeUnavailable
	case fault.Internal:
	}
	return connect.CodeInternal
}

// withInfo adds the code and the kind of f to err.
func withInfo(err *connect.Error, f *fault.Error) *connect.Error {
	return withDetail(err, &errdetails.ErrorInfo{
		Reason: f.Code, Domain: errorDomain, Metadata: map[string]string{"kind": f.Kind.String()},
	})
}

// withDetail adds a detail to err. Messages of this binary always encode.
func withDetail(err *connect.Error, message proto.Message) *connect.Error {
	detail, failed := connectproto.NewErrorDetail(message)
	if failed != nil {
		return err
	}
	return err.WithDetail(detail)
}
