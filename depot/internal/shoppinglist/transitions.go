package shoppinglist

import "mallbots/internal/fault"

// Status is how far a list is. It is stored in the read model.
type Status string

// The states. A list that was not created yet has none.
const (
	StatusNone      Status = ""
	StatusAvailable Status = "AVAILABLE"
	StatusAssigned  Status = "ASSIGNED"
	StatusCompleted Status = "COMPLETED"
	StatusCanceled  Status = "CANCELED"
)

// command is what can be asked of a list.
type command string

const (
	create   command = "created"
	assign   command = "assigned"
	complete command = "completed"
	cancel   command = "canceled"
	callOff  command = "called off"
)

// outcome is what becomes of a command.
type outcome int

const (
	refused  outcome = iota // with ErrState, which names the state
	accepted                // an event is recorded
	absorbed                // it has happened already: nothing is recorded
)

// ErrState refuses a command that the list's state does not allow.
var ErrState = fault.New(fault.Conflict, "SHOPPING_LIST_STATE", "the shopping list's state does not allow it")

// transitions says for every pair of state and command what becomes of it.
var transitions = map[Status]map[command]outcome{
	StatusNone:      {create: accepted, assign: refused, complete: refused, cancel: refused, callOff: refused},
	StatusAvailable: {create: refused, assign: accepted, complete: refused, cancel: accepted, callOff: accepted},
	StatusAssigned:  {create: refused, assign: accepted, complete: accepted, cancel: accepted, callOff: accepted},
	StatusCompleted: {create: refused, assign: refused, complete: refused, cancel: refused, callOff: accepted},
	StatusCanceled:  {create: refused, assign: refused, complete: refused, cancel: refused, callOff: absorbed},
}

// permit asks the table whether to go on. When not, the error says why, or is
// nil for what has happened already.
func (l *List) permit(c command) (goOn bool, err error) {
	switch transitions[l.status][c] {
	case accepted:
		return true, nil
	case absorbed:
		return false, nil
	case refused:
	}
	if l.status == StatusNone {
		return false, ErrState.With("it was never created, so it cannot be %s", c)
	}
	return false, ErrState.With("it is %s, so it cannot be %s", l.status, c)
}
