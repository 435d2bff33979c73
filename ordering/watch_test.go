package ordering_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/host/hosttest"
)

// event is one of a stream of server-sent events.
type event struct {
	id     string
	order  object
	status string
}

// watch follows an order; events end when the test or stop says so.
func (m *mall) watch(t *testing.T, id, lastEventID string) (events <-chan event, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL+"/api/ordering/"+id+"/watch", nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "text/event-stream")
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode)
	require.Contains(t, res.Header.Get("Content-Type"), "text/event-stream")
	sent := make(chan event, 16)
	go func() {
		defer close(sent)
		defer func() { _ = res.Body.Close() }()
		var e event
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ":")
			value = strings.TrimSpace(value)
			switch {
			case field == "id":
				e.id = value
			case field == "data":
				var body struct{ Order object }
				if json.Unmarshal([]byte(value), &body) == nil && body.Order != nil {
					e.order = body.Order
					e.status, _ = body.Order["status"].(string)
				}
			case lines.Text() == "" && e.order != nil:
				sent <- e
				e = event{}
			}
		}
	}()
	t.Cleanup(cancel)
	return sent, cancel
}

func next(t *testing.T, events <-chan event) event {
	t.Helper()
	select {
	case e, ok := <-events:
		require.True(t, ok, "the watch ended")
		return e
	case <-time.After(hosttest.Patience):
		require.Fail(t, "nothing was sent")
		return event{}
	}
}

func TestAWatchSendsTheOrderAndEachChange(t *testing.T) {
	const limit = 1900 * time.Millisecond
	m := start(t)
	took := limit
	for round := 0; round < 5 && took >= limit; round++ { // while the machine is busy it takes longer
		id := m.checkOut(t, m.customer(t))
		events, _ := m.watch(t, id, "")
		e := next(t, events)
		require.Equal(t, "ORDER_STATUS_PENDING", e.status)
		require.Equal(t, m.OK(t, "GET", "/api/ordering/"+id, nil)["order"], e.order, "the same order")
		require.Equal(t, "1", e.id)

		begin := time.Now()
		m.reserved(t, id)
		require.Equal(t, "ORDER_STATUS_APPROVED", next(t, events).status)
		m.picked(t, id)
		require.Equal(t, "ORDER_STATUS_READY", next(t, events).status)
		m.OK(t, "PUT", "/api/ordering/"+id+"/complete", object{"invoiceId": "i1"})
		e = next(t, events)
		require.Equal(t, "ORDER_STATUS_COMPLETED", e.status)
		require.Equal(t, "4", e.id)
		took = time.Since(begin)
	}
	require.Less(t, took, limit, "woken: who looks once a second needs two for three changes")
}

func TestAWatchResumesAfterTheLastVersionSeen(t *testing.T) {
	m := start(t)
	id := m.in(t, "READY")
	events, stop := m.watch(t, id, "1")
	require.Equal(t, "ORDER_STATUS_APPROVED", next(t, events).status, "every change since")
	require.Equal(t, "ORDER_STATUS_READY", next(t, events).status)
	stop()

	events, stop = m.watch(t, id, "3") // has seen all
	m.OK(t, "PUT", "/api/ordering/"+id+"/complete", object{"invoiceId": "i1"})
	require.Equal(t, "ORDER_STATUS_COMPLETED", next(t, events).status, "and nothing before it")
	stop()

	for _, nonsense := range []string{"99", "x", "-1"} {
		events, stop = m.watch(t, id, nonsense)
		require.Equal(t, "ORDER_STATUS_COMPLETED", next(t, events).status, "the current order")
		stop()
	}
}

func TestAWatchEndsWithTheProcess(t *testing.T) {
	const limit = 5 * time.Second
	m := start(t)
	took := limit
	for round := 0; round < 4 && took >= limit; round++ { // while the machine is busy it takes longer
		if round > 0 {
			m.Restart(t)
		}
		events, _ := m.watch(t, m.checkOut(t, m.customer(t)), "")
		next(t, events)
		begin := time.Now()
		m.Stop(t)
		took = time.Since(begin)
		_, open := <-events
		require.False(t, open)
	}
	require.Less(t, took, limit, "an open watch does not hold up the drain")
}
