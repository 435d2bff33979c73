package broker

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNobodySeesWhoConnects(t *testing.T) {
	require.Equal(t, "nats://a:1,nats://b:2,tls://c", shown("nats://mall:canary@a:1, canary@b:2,tls://canary@c"))
	for _, address := range []string{"nats://u:canary@[::1", "nats://u:canary %zz@h", "nats://canary:x y@h:port"} {
		require.NotContains(t, shown(address), "canary")
		_, err := Connect(t.Context(), address, slog.New(slog.DiscardHandler))
		require.Error(t, err)
		require.NotContains(t, err.Error(), "canary")
	}
}
