package main

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/host/hosttest"
)

// notState are the tables that say where a process is with its work, and not
// what the mall is.
var notState = []string{"inbox_positions", "sqlite_sequence", "crew", "members"}

// TestReplayingEveryStreamChangesNothing has a busy mall hear again everything
// that was ever published, twice: as a broker would that has lost its place, and
// with databases that have forgotten which messages they have seen and know only
// how far each key is. No row changes, and nothing is published.
func TestReplayingEveryStreamChangesNothing(t *testing.T) {
	server := brokertest.NewExternal(t)
	data := t.TempDir()
	serve := func() *process { return start(t, "--data="+data, "--nats-url="+server.URL()) }
	p := serve()
	_, errs, code := output(t, time.Minute, "busywork", "--server="+p.url, "--shoppers=4", "--orders=40", "--json")
	require.Zero(t, code, errs)
	p.audit(t)
	p.stop(t)
	before := stateOf(t, data)
	require.Greater(t, len(before), 40, "tables")
	conn, err := nats.Connect(server.URL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)

	again := func(t *testing.T) {
		published := forgetConsumers(t, js)
		p := serve()
		hosttest.Eventually(t, func() bool { return heardAll(t, js, published) })
		p.audit(t)
		p.stop(t)
		require.Equal(t, published, lastSequences(t, js), "nothing was published")
	}
	t.Run("a broker that forgot", func(t *testing.T) {
		again(t)
		require.Equal(t, before, stateOf(t, data))
	})
	t.Run("and databases that forgot the ids", func(t *testing.T) {
		for _, m := range modules {
			execute(t, data, m.Name, `DELETE FROM inbox`)
		}
		again(t)
		after := stateOf(t, data)
		empty := fmt.Sprintf("%x", sha256.New().Sum(nil))
		for _, m := range modules {
			require.Equal(t, empty, after[m.Name+".inbox"], "a duplicate writes nothing")
			after[m.Name+".inbox"] = before[m.Name+".inbox"]
		}
		require.Equal(t, before, after)
	})
}

// stateOf is a hash of every table of every module.
func stateOf(t *testing.T, data string) map[string]string {
	t.Helper()
	state := map[string]string{}
	for _, m := range modules {
		db := openFile(t, data, m.Name)
		for _, table := range column(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`) {
			if slices.Contains(notState, table) || strings.HasPrefix(table, "goose_") {
				continue
			}
			columns := column(t, db, `SELECT 'quote(' || name || ')' FROM pragma_table_info('`+table+`') ORDER BY cid`)
			sum := sha256.New()
			for _, row := range column(t, db, `SELECT `+strings.Join(columns, ` || ',' || `)+` AS line FROM "`+table+`" ORDER BY line`) {
				fmt.Fprintln(sum, row)
			}
			state[m.Name+"."+table] = fmt.Sprintf("%x", sum.Sum(nil))
		}
		require.NoError(t, db.Close())
	}
	return state
}

func openFile(t *testing.T, data, module string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(data, module+".db"))
	require.NoError(t, err)
	return db
}

func execute(t *testing.T, data, module, statement string) {
	t.Helper()
	db := openFile(t, data, module)
	_, err := db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// column is the first column of a result, as text.
func column(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err, query)
	defer func() { require.NoError(t, rows.Close()) }()
	var all []string
	for rows.Next() {
		var value string
		require.NoError(t, rows.Scan(&value), query)
		all = append(all, value)
	}
	require.NoError(t, rows.Err())
	return all
}

// forgetConsumers deletes every durable consumer, and returns how far each
// stream is.
func forgetConsumers(t *testing.T, js jetstream.JetStream) map[string]uint64 {
	t.Helper()
	deleted := 0
	for _, stream := range streams(t, js) {
		for name := range stream.ConsumerNames(t.Context()).Name() {
			require.NoError(t, stream.DeleteConsumer(t.Context(), name))
			deleted++
		}
	}
	require.GreaterOrEqual(t, deleted, 6, "each module hears of others")
	return lastSequences(t, js)
}

func streams(t *testing.T, js jetstream.JetStream) []jetstream.Stream {
	t.Helper()
	var all []jetstream.Stream
	for _, m := range modules {
		stream, err := js.Stream(t.Context(), "MALLBOTS_"+strings.ToUpper(m.Name))
		require.NoError(t, err)
		all = append(all, stream)
	}
	return all
}

func lastSequences(t *testing.T, js jetstream.JetStream) map[string]uint64 {
	t.Helper()
	last := map[string]uint64{}
	for _, stream := range streams(t, js) {
		last[stream.CachedInfo().Config.Name] = stream.CachedInfo().State.LastSeq
	}
	return last
}

// heardAll says whether the consumers, which are new, were given every message
// of their streams and have acknowledged all.
func heardAll(t *testing.T, js jetstream.JetStream, published map[string]uint64) bool {
	t.Helper()
	consumers := 0
	for _, stream := range streams(t, js) {
		for info := range stream.ListConsumers(t.Context()).Info() {
			consumers++
			last := published[info.Stream]
			if info.AckFloor.Stream < last || info.NumAckPending > 0 || info.Delivered.Consumer < last {
				return false
			}
		}
	}
	return consumers >= 6
}
