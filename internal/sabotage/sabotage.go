// Package sabotage switches protections off, one at a time, to prove that the
// checks notice. A check that never failed proves nothing.
//
//	make sabotage
//
// Without the build tag sabotage, On is a constant false, and what it guards is
// not even compiled.
package sabotage

// Switch is a protection that can be switched off.
type Switch string

// The switches.
const (
	NoGate        Switch = "no-gate"        // a message is applied whatever came before, as often as it comes
	AckFirst      Switch = "ack-first"      // a message is acknowledged before its effects are committed, and nobody looks back
	GateFirst     Switch = "gate-first"     // a message is noted as applied in a transaction of its own, before its effects
	Swallow       Switch = "swallow"        // a message whose handler fails is acknowledged
	Unordered     Switch = "unordered"      // the relay takes the newest row first
	CursorRelay   Switch = "cursor-relay"   // the relay takes rows with higher ids than the last one it took
	MarkFirst     Switch = "mark-first"     // a row leaves the outbox before the broker has acknowledged it, and nobody looks back
	NoFence       Switch = "no-fence"       // the stream takes what does not follow what the relay believes to be its end
	BlindResume   Switch = "blind-resume"   // after an unknown outcome nobody looks at the stream
	NoRefill      Switch = "no-refill"      // what a stream has lost is not published again
	OutboxOutside Switch = "outbox-outside" // the outbox is written after the commit
	ForgetKeys    Switch = "forget-keys"    // Idempotency-Key is not looked at
	NoVersion     Switch = "no-version"     // a lost race for an aggregate is not noticed
	KeepStock     Switch = "keep-stock"     // the goods of a list that is called off stay where they are
	KeepLate      Switch = "keep-late"      // a reservation that comes after the order was given up stays
	DeafToCancel  Switch = "deaf-to-cancel" // the depot does not hear that an order was cancelled
	TellTwice     Switch = "tell-twice"     // a fact that is told in two versions takes effect in both
	Hasty         Switch = "hasty"          // the deadline passes whether ordering could hear the depot or not
)

// All are all the switches.
var All = []Switch{
	NoGate, AckFirst, GateFirst, Swallow, Unordered, CursorRelay, MarkFirst, NoFence, BlindResume, NoRefill,
	OutboxOutside, ForgetKeys, NoVersion, KeepStock, KeepLate, DeafToCancel, TellTwice, Hasty,
}
