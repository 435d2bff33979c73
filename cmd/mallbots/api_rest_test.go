package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// play plays stories over REST on a new mall.
func play(t *testing.T, stories ...[]exchange) (*process, *caller) {
	t.Helper()
	p := start(t, "--data="+t.TempDir())
	c := &caller{door: restDoor{p.url}, ids: map[string]string{"nobody": "01920000-0000-7000-8000-000000000000"}}
	for _, story := range stories {
		for _, e := range story {
			c.exchange(t, e)
		}
	}
	return p, c
}

// TestRequestsThatCannotBeReadAreRefused covers what only REST lets a caller
// get wrong.
func TestRequestsThatCannotBeReadAreRefused(t *testing.T) {
	_, c := play(t, storesStory[:1])
	for _, e := range []exchange{
		{call: "POST /api/stores", body: `{"name":"A","location":"B","colour":"red"}`, want: "400 FIELD_UNKNOWN colour"},
		{call: "POST /api/stores", body: `{"name":5,"location":"B"}`, want: "400 FIELD_INVALID name"},
		{call: "POST /api/stores", body: `{"name":"A","name":"A"}`, want: "400 FIELD_INVALID name"},
		{call: "POST /api/stores", body: `{"name":`, want: "400 JSON_MALFORMED"},
		{call: "POST /api/stores", body: `[]`, want: "400 JSON_MALFORMED"},
		{call: "POST /api/stores", body: "{\"name\":\"\xff\",\"location\":\"B\"}", want: "400 JSON_MALFORMED"},
		{call: "POST /api/stores", body: `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, want: "413 BODY_TOO_LARGE"},
		{call: "PUT /api/stores/$store/rebrand", body: `{"id":"$nobody","name":"A"}`, want: "400 PATH_AND_BODY_DIFFER id"},
		{call: "GET /api/stores/$store", body: `{"id":"$store"}`, want: "400 BODY_UNEXPECTED"},
		{call: "GET /api/stores?colour=red", want: "400 PARAMETER_UNKNOWN colour"},
		{call: "GET /api/stores?pageSize=many", want: "400 FIELD_INVALID pageSize"},
		{call: "GET /api/stores?pageSize=1&pageSize=2", want: "400 FIELD_INVALID pageSize"},
		{call: "GET /api/ordering?status=LOST", want: "400 FIELD_INVALID status"},
		{call: "GET /api/ordering?createdAfter=yesterday", want: "400 FIELD_INVALID createdAfter"},
		{call: "GET /api/ordering/$nobody?asOf=yesterday", want: "400 FIELD_INVALID asOf"},
		{call: "GET /api/ordering/$nobody/watch", want: "404 ORDER_NOT_FOUND"},
		{call: "GET /api/ordering/basket/watch", want: "400 string.uuid id"},
		{call: "GET /api/ordering/%ff", want: "400 FIELD_INVALID id"},
		{call: "GET /api/shops", want: "404 ROUTE_UNKNOWN"},
		{call: "PATCH /api/stores", want: "405 METHOD_NOT_ALLOWED"},
		{call: "GET /api/stores", is: `{"nextPageToken":"","stores":[{"id":"$store","name":"Teas","location":"Hall 1","participating":false}]}`},
	} {
		c.exchange(t, e)
	}
}

func TestListsComeInPagesAndInAStableOrder(t *testing.T) {
	_, c := play(t)
	var made []string
	for n := range 53 {
		c.exchange(t, exchange{call: "POST /api/stores", body: `{"name":"Store ` + strconv.Itoa(n) + `","location":"Hall"}`, as: "store"})
		made = append(made, c.ids["store"])
	}
	for size, pages := range map[string][]int{"": {50, 3}, "pageSize=0&": {50, 3}, "pageSize=20&": {20, 20, 13}, "pageSize=100&": {53}} {
		var ids []string
		var sizes []int
		for token, more := "", true; more; more = token != "" {
			a := c.door.send(t, "GET", "/api/stores?"+size+"pageToken="+token, "", nil)
			require.Equal(t, 200, a.status, a.body)
			var page struct {
				Stores        []struct{ ID string }
				NextPageToken string
			}
			require.NoError(t, json.Unmarshal([]byte(a.body), &page))
			for _, store := range page.Stores {
				ids = append(ids, store.ID)
			}
			token, sizes = page.NextPageToken, append(sizes, len(page.Stores))
		}
		require.Equal(t, pages, sizes, size)
		require.Equal(t, made, ids, size)
	}
}

func TestAKeyIsHonouredAfterACrash(t *testing.T) {
	data := t.TempDir()
	p := start(t, "--data="+data)
	body, key := `{"name":"Teas","location":"Hall 1"}`, []string{"Idempotency-Key", "k-1"}
	made := restDoor{p.url}.send(t, "POST", "/api/stores", body, key)
	require.Equal(t, 200, made.status, made.body)
	p.kill(t)

	p = start(t, "--data="+data)
	require.Equal(t, made, restDoor{p.url}.send(t, "POST", "/api/stores", body, key))
	a := restDoor{p.url}.send(t, "POST", "/api/stores", `{"name":"Cups","location":"Hall 1"}`, key)
	require.Equal(t, []any{422, "IDEMPOTENCY_KEY_REUSED"}, []any{a.status, a.code})
	a = restDoor{p.url}.send(t, "POST", "/api/depot/bots", `{"name":"R2"}`, key)
	require.Equal(t, 200, a.status, "a key belongs to its method: %s", a.body)
	var found struct{ Stores []struct{ ID string } }
	require.Equal(t, 200, getJSON(t, p.url+"/api/stores", &found))
	require.Len(t, found.Stores, 1)
}

func TestThePastOfAnOrderIsInclusive(t *testing.T) {
	p, c := play(t, storesStory, customersStory, basketsStory, ordersStory)
	url := p.url + "/api/ordering/" + c.ids["basket"]
	var history struct {
		Events []struct {
			Name       string
			OccurredAt time.Time
		}
	}
	require.Equal(t, 200, getJSON(t, url+"/history", &history))
	for n, status := range []string{"ORDER_STATUS_PENDING", "ORDER_STATUS_APPROVED"} {
		var then struct {
			Order struct{ Status, Version string }
		}
		at := history.Events[n].OccurredAt
		require.Equal(t, 200, getJSON(t, url+"?asOf="+at.Format(time.RFC3339Nano), &then))
		require.Equal(t, status, then.Order.Status, "at the very moment")
		require.Equal(t, strconv.Itoa(n+1), then.Order.Version)
	}
	var problem struct{ Code string }
	before := history.Events[0].OccurredAt.Add(-time.Microsecond)
	require.Equal(t, 404, getJSON(t, url+"?asOf="+before.Format(time.RFC3339Nano), &problem))
	require.Equal(t, "ORDER_NOT_FOUND", problem.Code)
}

func TestAWatchGoesOnWhereItBroke(t *testing.T) {
	p, c := play(t, storesStory, customersStory, basketsStory, ordersStory)
	all := watch(t, p, c.ids["basket"], "")
	require.Equal(t, [2]string{"2", "ORDER_STATUS_APPROVED"}, <-all, "the current order comes first")
	c.exchange(t, exchange{call: "DELETE /api/ordering/$basket"})
	require.Equal(t, [2]string{"3", "ORDER_STATUS_CANCELED"}, <-all, "then each change")

	late := watch(t, p, c.ids["basket"], "1")
	require.Equal(t, [2]string{"2", "ORDER_STATUS_APPROVED"}, <-late)
	require.Equal(t, [2]string{"3", "ORDER_STATUS_CANCELED"}, <-late)

	stream, err := newGRPCDoor(t, p.url).connection.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/mallbots.ordering.v1.OrderingService/WatchOrder")
	require.NoError(t, err)
	require.NoError(t, stream.SendMsg(&orderingv1.WatchOrderRequest{Id: c.ids["basket"]}))
	require.NoError(t, stream.CloseSend())
	var res orderingv1.WatchOrderResponse
	require.NoError(t, stream.RecvMsg(&res))
	require.Equal(t, orderingv1.OrderStatus_ORDER_STATUS_CANCELED, res.GetOrder().GetStatus())
}

// watch follows an order, and passes on each event's id and the order's status.
func watch(t *testing.T, p *process, order, lastEventID string) <-chan [2]string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/ordering/"+order+"/watch", nil)
	require.NoError(t, err)
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { stop(); _ = res.Body.Close() })
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	events := make(chan [2]string, 10)
	go func() {
		defer close(events)
		id := ""
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if value, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				id = value
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var event struct{ Order struct{ Status string } }
				_ = json.Unmarshal([]byte(data), &event) // a malformed one has no status, and is seen
				events <- [2]string{id, event.Order.Status}
			}
		}
	}()
	return events
}
