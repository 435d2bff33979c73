package broker

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestIdsAreInTheOrderOfTheirTime(t *testing.T) {
	id := uuid.Must(uuid.NewV7()).String()
	require.Greater(t, id, FirstID(time.Now().Add(-time.Second)))
	require.Less(t, id, FirstID(time.Now().Add(time.Second)))
}
