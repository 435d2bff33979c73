// Package outboxtest shows what a module sends, for tests.
package outboxtest

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/internal/contracts"
	"mallbots/internal/database"
)

// Published is what the outbox holds, one line each: key, event, and JSON.
func Published(t *testing.T, db database.DB) string {
	t.Helper()
	type row struct {
		key, subject string
		payload      []byte
	}
	rows, err := database.All(t.Context(), db, func(r database.Row) (m row, err error) {
		err = r.Scan(&m.key, &m.subject, &m.payload)
		return m, err
	}, `SELECT key, subject, payload FROM outbox ORDER BY id`)
	require.NoError(t, err)
	var text strings.Builder
	for _, r := range rows {
		name := r.subject[:strings.LastIndex(r.subject, ".")]
		kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
		require.NoError(t, err)
		m := kind.New().Interface()
		require.NoError(t, proto.Unmarshal(r.payload, m))
		data, err := protojson.Marshal(m)
		require.NoError(t, err)
		var compact bytes.Buffer // protojson puts blanks in at random
		require.NoError(t, json.Compact(&compact, data))
		text.WriteString(r.key + " " + name + " " + compact.String() + "\n")
	}
	return text.String()
}

// Declared are the events of a file: its messages that are no part of another.
func Declared(file protoreflect.FileDescriptor) []string {
	var names []string
	for _, event := range contracts.Declared(file) {
		names = append(names, string(event.FullName()))
	}
	return names
}

// Golden compares text with a file; UPDATE_GOLDEN=1 writes it.
func Golden(t *testing.T, file, text string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "write it with UPDATE_GOLDEN=1")
	require.Equal(t, string(want), text)
}
