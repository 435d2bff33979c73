package inbox

// OneByOne gives every message a transaction of its own. It is for a module
// whose handlers lock rows that several keys have in common: each handler locks
// them in one order, which a transaction about many keys would not. Call it
// before Run.
func (in *Inbox) OneByOne() { in.settings.batch = 1 }
