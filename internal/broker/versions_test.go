package broker

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAnEnvelopeNamesTheNewerVersions goes there and back, and is refused when
// it names more than there can be.
func TestAnEnvelopeNamesTheNewerVersions(t *testing.T) {
	e := Envelope{
		ID: "m2", Source: "kiosk", Type: "mallbots.kiosk.v1.PaperSold", Key: "today", Time: time.Unix(1, 0).UTC(),
		Sequence: 2, CorrelationID: "talk", CausationID: "request", Newer: []string{"m1", "m0"},
	}
	opened, err := Message{Subject: e.Subject(), ID: e.ID, Header: e.Headers()}.Open()
	require.NoError(t, err)
	require.Equal(t, e, opened)

	e.Newer = slices.Repeat([]string{"m"}, MaxVersions)
	require.ErrorContains(t, e.Validate(), HeaderNewer)
	e.Newer = []string{strings.Repeat("m", 600)}
	require.ErrorContains(t, e.Validate(), HeaderNewer)
}
