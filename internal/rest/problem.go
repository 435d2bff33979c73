package rest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"connectrpc.com/connect/v2"

	"mallbots/internal/fault"
)

// problem is what an error looks like (RFC 9457).
type problem struct {
	Type       string      `json:"type"`
	Title      string      `json:"title"`
	Status     int         `json:"status"`
	Detail     string      `json:"detail"`
	Code       string      `json:"code"`
	Violations []violation `json:"violations"`
}

type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

// WriteError answers with err as application/problem+json. The status is that
// of the fault in err; what is no fault is told by its RPC code only.
func WriteError(w http.ResponseWriter, err error) {
	writeProblem(w, problemOf(err))
}

// WriteFault answers with f under a status that no kind of fault has.
func WriteFault(w http.ResponseWriter, status int, f *fault.Error) {
	writeProblem(w, newProblem(status, f))
}

func problemOf(err error) problem {
	if f, ok := fault.Of(err); ok {
		status, special := statuses[f.Code]
		if !special {
			status = f.Kind.Status()
		}
		return newProblem(status, f)
	}
	var wire *connect.Error
	if errors.As(err, &wire) && !wire.IsRemote() && wireStatuses[wire.Code()] != 0 {
		code := strings.ToUpper(wire.Code().String())
		return newProblem(wireStatuses[wire.Code()], fault.New(fault.Internal, code, cmp.Or(wire.Message(), code)))
	}
	return newProblem(http.StatusInternalServerError, fault.New(fault.Internal, "INTERNAL", "internal error"))
}

// wireStatuses are those of errors that a method words itself, by RPC code. The
// rest are 500.
var wireStatuses = map[connect.Code]int{
	connect.CodeCanceled:           499, // for the log of a proxy: there is nobody to read it
	connect.CodeInvalidArgument:    http.StatusBadRequest,
	connect.CodeOutOfRange:         http.StatusBadRequest,
	connect.CodeUnauthenticated:    http.StatusUnauthorized,
	connect.CodePermissionDenied:   http.StatusForbidden,
	connect.CodeNotFound:           http.StatusNotFound,
	connect.CodeAlreadyExists:      http.StatusConflict,
	connect.CodeFailedPrecondition: http.StatusConflict,
	connect.CodeAborted:            http.StatusConflict,
	connect.CodeResourceExhausted:  http.StatusTooManyRequests,
	connect.CodeUnimplemented:      http.StatusNotImplemented,
	connect.CodeUnavailable:        http.StatusServiceUnavailable,
	connect.CodeDeadlineExceeded:   http.StatusServiceUnavailable,
}

// statuses are those of faults that HTTP has a word of its own for.
var statuses = map[string]int{
	ErrBodyTooLarge.Code: http.StatusRequestEntityTooLarge,
	ErrMediaType.Code:    http.StatusUnsupportedMediaType,
}

func newProblem(status int, f *fault.Error) problem {
	p := problem{
		Type: "urn:mallbots:problem:" + f.Code, Title: http.StatusText(status), Status: status,
		Detail: f.Message, Code: f.Code, Violations: []violation{},
	}
	if p.Title == "" {
		p.Title = "Client Closed Request"
	}
	for _, v := range f.Violations {
		p.Violations = append(p.Violations, violation(v))
	}
	return p
}

func writeProblem(w http.ResponseWriter, p problem) {
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	switch p.Status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if header.Get("Retry-After") == "" {
			header.Set("Retry-After", "1")
		}
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer")
	}
	body := p.encode()
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the caller may have gone
}

// encode is the JSON of p, on one line.
func (p problem) encode() []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(p); err != nil {
		return []byte("{}\n") // strings and numbers always encode
	}
	return b.Bytes()
}
