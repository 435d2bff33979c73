// Package inbox makes a module react to the events of others: each exactly
// once, in order per key, and never one key at the expense of another.
//
//	in := inbox.New(db, log)
//	inbox.On(in, m.onBasketCheckedOut) // func(ctx, tx, *basketsv1.BasketCheckedOut) error
//	inbox.Ignore[*basketsv1.BasketStarted](in)
//	err := in.Check()                  // names what is neither
//	err = in.Run(ctx, broker)
//
// One durable consumer per source module, named <module>_<source>. Its
// messages are spread over lanes by their key; a lane applies up to 50 of them
// in one transaction. Lanes and batches are speed; the guarantee is the gate, a
// row per (consumer, key) with the last sequence that was applied, moved in the
// transaction of the effects:
//
//	sequence <= last     a duplicate: acknowledged, nothing is written
//	sequence  = last+1   applied
//	sequence  > last+1   a gap: waits a little for what is missing, then parks
//
// A snapshot, which carries all there is to know of its key, begins a key that
// was never seen and closes a gap that nobody can fill any more (see
// outbox.Snapshot). What this binary has no word for, an enum number without a
// name or an unknown field numbered 1000 to 1999, is never guessed.
//
// A message is acknowledged after the commit, never before.
//
// A handler that fails because of the weather (database.Transient, a lost race,
// fault.Unavailable) is tried again for ever. A refusal (any other fault) and
// bytes that cannot be decoded go to the dead letters at once; anything else,
// panics and timeouts included, after eight attempts in about thirty seconds.
// Meanwhile the key is set aside with its later messages, and all other keys
// go on. A dead letter parks its key: later messages are held behind it, in
// order, until an operator retries, edits or discards it. Who did so, when and why
// is kept (see internal/operator).
//
// Every two seconds the inbox compares its database with what the broker has for
// acknowledged. A database that was restored to an earlier time hears again what
// it has forgotten.
package inbox
