package fault

import "net/http"

// String names the kind the way it travels with an error: in lower case.
func (k Kind) String() string {
	switch k {
	case Invalid:
		return "invalid"
	case Unauthenticated:
		return "unauthenticated"
	case Forbidden:
		return "forbidden"
	case NotFound:
		return "not_found"
	case Conflict:
		return "conflict"
	case Precondition:
		return "precondition"
	case Unprocessable:
		return "unprocessable"
	case TooMany:
		return "too_many"
	case Unavailable:
		return "unavailable"
	case Internal:
	}
	return "internal"
}

// KindNamed is the reverse of String: Internal for a name that it does not know.
func KindNamed(name string) Kind {
	for k := Invalid; k <= Unavailable; k++ {
		if k.String() == name {
			return k
		}
	}
	return Internal
}

// Status is the HTTP status of the kind.
func (k Kind) Status() int {
	switch k {
	case Invalid:
		return http.StatusBadRequest
	case Unauthenticated:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case NotFound:
		return http.StatusNotFound
	case Conflict:
		return http.StatusConflict
	case Precondition:
		return http.StatusPreconditionFailed
	case Unprocessable:
		return http.StatusUnprocessableEntity
	case TooMany:
		return http.StatusTooManyRequests
	case Unavailable:
		return http.StatusServiceUnavailable
	case Internal:
	}
	return http.StatusInternalServerError
}
