// Package failpoint kills the process at a named point of its work, to prove
// that nothing is lost or doubled when it dies there. It does so only in a
// binary that was built with the tag failpoint, and only when the environment
// asks for it; otherwise each call compiles to nothing.
//
//	go build -tags failpoint ./cmd/mallbots
//	MALLBOTS_FAILPOINT=relay.acked:17 mallbots serve      # dies at the 17th time
//
// make chaos visits them all.
package failpoint

// Names are the points there are, in the order in which an event passes them.
var Names = []string{
	"command.begun", "event.appended", "outbox.inserted", "command.decided", "commit.before", "commit.after", "command.committed",
	"relay.published", "relay.acked", "relay.moving", "relay.moved",
	"inbox.committed", "inbox.retry", "inbox.parking",
	"timer.firing", "timer.fired",
}
