package main

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCommittedDocumentIsCurrent(t *testing.T) {
	fresh, err := generate("../../../proto")
	require.NoError(t, err)
	again, err := generate("../../../proto")
	require.NoError(t, err)
	require.Equal(t, string(fresh), string(again), "the document differs from run to run")

	committed, err := os.ReadFile("../openapi.json")
	require.NoError(t, err)
	require.True(t, string(committed) == string(fresh), "internal/openapi/openapi.json is stale; run: go generate ./internal/openapi")
}

func TestEveryRPCIsInTheDocument(t *testing.T) {
	text, err := generate("../../../proto")
	require.NoError(t, err)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Tags        []string
			Responses   map[string]struct{ Content map[string]any }
		}
	}
	require.NoError(t, json.Unmarshal(text, &doc))

	described := map[string]string{}
	for _, verbs := range doc.Paths {
		for _, operation := range verbs {
			described[operation.OperationID] = operation.Tags[0]
		}
	}
	count := 0
	for _, file := range files {
		methods := file.Services().Get(0).Methods()
		for i := range methods.Len() {
			require.Equal(t, moduleOf(file), described[string(methods.Get(i).Name())], "%s", methods.Get(i).FullName())
			count++
		}
	}
	require.Len(t, described, count, "the document has an operation that no contract has")
	require.Contains(t, doc.Paths["/api/ordering/{id}/watch"]["get"].Responses["200"].Content, "text/event-stream")
}

func TestARuleThatTheDocumentCannotSayIsRefused(t *testing.T) {
	_, err := expression(&schema{}, "this.startsWith('x')")
	require.ErrorContains(t, err, "this.startsWith")

	s := &schema{}
	required, err := expression(s, "this >= 1 && this <= 10000")
	require.NoError(t, err)
	require.True(t, required, "a missing quantity is 0, which is refused")
	require.Equal(t, int64(1), *s.Minimum)
	require.Equal(t, int64(10000), *s.Maximum)
}
