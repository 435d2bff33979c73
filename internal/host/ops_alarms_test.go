package host

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/docs/runbooks"
)

func TestEveryAlarmHasARunbook(t *testing.T) {
	for _, alarm := range alarms {
		require.Contains(t, runbooks.Names(), alarm.alert)
	}
	require.Contains(t, runbooks.Names(), "ProcessDown", "which the console adds")
}
