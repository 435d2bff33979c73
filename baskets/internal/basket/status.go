package basket

// Status is where a basket is in its life.
type Status int

// The statuses. A basket that has ended stays as it ended.
const (
	StatusBlank Status = iota // nothing has happened yet
	StatusOpen
	StatusCheckedOut
	StatusCanceled
)

// String is the status in words, for sentences.
func (s Status) String() string {
	switch s {
	case StatusBlank:
		return "not started"
	case StatusOpen:
		return "open"
	case StatusCheckedOut:
		return "checked out"
	case StatusCanceled:
		return "canceled"
	}
	return "unknown"
}
