// Package bot holds the rules of a bot, which picks shopping lists.
//
// A bot's own history is short: it was registered. Whether it is busy follows
// from the lists that are assigned to it, so that a bot that picks thousands
// of lists doesn't get a history of thousands of events.
package bot

import (
	"strings"

	"mallbots/internal/eventsourcing"
	"mallbots/internal/fault"
)

// Why a bot is refused.
var (
	ErrNameBlank  = fault.New(fault.Invalid, "BOT_NAME_BLANK", "a bot needs a name")
	ErrRegistered = fault.New(fault.Conflict, "BOT_REGISTERED", "the bot is registered already")
)

// Bot picks shopping lists.
type Bot struct {
	eventsourcing.Root[Event]
	name string
}

// New returns a blank bot.
func New(id string) *Bot {
	b := &Bot{}
	b.Root = eventsourcing.NewRoot(id, b.apply, decode)
	return b
}

// Register makes the bot known.
func (b *Bot) Register(name string) error {
	name = strings.TrimSpace(name)
	switch {
	case b.name != "":
		return ErrRegistered
	case name == "":
		return ErrNameBlank.In("name")
	}
	b.Record(Registered{Name: name})
	return nil
}

// Name is what the bot is called.
func (b *Bot) Name() string { return b.name }

// apply changes the state. It decides nothing and never fails.
func (b *Bot) apply(e Event) {
	switch e := e.(type) {
	case Registered:
		b.name = e.Name
	}
}
