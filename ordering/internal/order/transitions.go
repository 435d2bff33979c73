package order

import "mallbots/internal/fault"

// Status is how far an order is. It is stored in the read model.
type Status string

// The states. An order that was not placed yet has none.
const (
	StatusNone      Status = ""
	StatusPending   Status = "PENDING"
	StatusApproved  Status = "APPROVED"
	StatusRejected  Status = "REJECTED"
	StatusReady     Status = "READY"
	StatusCompleted Status = "COMPLETED"
	StatusCanceled  Status = "CANCELED"
)

// command is what can be asked of an order.
type command string

const (
	place    command = "placed"
	approve  command = "approved"
	reject   command = "rejected"
	ready    command = "made ready"
	complete command = "completed"
	cancel   command = "canceled"
)

// ErrState refuses a command that the order's state does not allow.
var ErrState = fault.New(fault.Conflict, "ORDER_STATE", "the order's state does not allow it")

// transitions says for every pair of state and command whether it is allowed.
// Whatever is false is refused with ErrState, which names the state.
var transitions = map[Status]map[command]bool{
	StatusNone:      {place: true, approve: false, reject: false, ready: false, complete: false, cancel: false},
	StatusPending:   {place: false, approve: true, reject: true, ready: false, complete: false, cancel: true},
	StatusApproved:  {place: false, approve: false, reject: false, ready: true, complete: false, cancel: true},
	StatusRejected:  {place: false, approve: false, reject: false, ready: false, complete: false, cancel: false},
	StatusReady:     {place: false, approve: false, reject: false, ready: false, complete: true, cancel: false},
	StatusCompleted: {place: false, approve: false, reject: false, ready: false, complete: false, cancel: false},
	StatusCanceled:  {place: false, approve: false, reject: false, ready: false, complete: false, cancel: false},
}

// permit asks the table.
func (o *Order) permit(c command) error {
	if transitions[o.status][c] {
		return nil
	}
	if o.status == StatusNone {
		return ErrState.With("it was never placed, so it cannot be %s", c)
	}
	return ErrState.With("it is %s, so it cannot be %s", o.status, c)
}
