package bot

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/eventsourcing/aggregatetest"
)

func TestBot(t *testing.T) {
	register := func(name string) func(*Bot) error {
		return func(b *Bot) error { return b.Register(name) }
	}
	registered := Registered{Name: "R2"}
	aggregatetest.Run(t, New, []aggregatetest.Case[*Bot, Event]{
		{Name: "a bot is registered under the trimmed name", When: register(" R2 "), Then: []Event{registered}},
		{Name: "a bot without name is refused", When: register(" "), Err: ErrNameBlank},
		{Name: "a bot is registered once", Given: []Event{registered}, When: register("R2"), Err: ErrRegistered},
	})
}

func TestStoredEventsNeverChange(t *testing.T) {
	aggregatetest.Golden[Event](t, "testdata/events.golden", Registered{Name: "R2"})
	_, err := decode("Scrapped", []byte("{}"))
	require.ErrorContains(t, err, "Scrapped")
}
