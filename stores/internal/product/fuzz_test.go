package product

import (
	"testing"

	"mallbots/internal/eventsourcing/aggregatetest"
)

func FuzzStoredEvents(f *testing.F) { aggregatetest.Fuzz(f, New, "testdata/events.golden") }
