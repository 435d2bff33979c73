package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/tracing/tracingtest"
)

// TestATraceRunsFromTheRequestToTheLastHandler checks out a basket, and follows
// the trace of that request through outbox, stream and handlers until the order
// is approved: in one process, and over four.
func TestATraceRunsFromTheRequestToTheLastHandler(t *testing.T) {
	t.Run("one process", func(t *testing.T) {
		receiver := tracingtest.Start(t)
		p := start(t, "--data="+t.TempDir())
		spans := follow(t, receiver, map[string]*process{"stores": p, "baskets": p, "ordering": p, "depot": p})
		for _, s := range spans {
			require.Equal(t, "mallbots", s.Service)
		}
	})
	t.Run("four processes", func(t *testing.T) {
		receiver := tracingtest.Start(t)
		nats := brokertest.NewExternal(t)
		mall := map[string]*process{}
		for _, m := range modules {
			mall[m.Name] = start(t, "--modules="+m.Name, "--nats-url="+nats.URL(), "--data="+t.TempDir())
		}
		services := map[string]bool{}
		for _, s := range follow(t, receiver, mall) {
			services[s.Service] = true
		}
		require.Equal(t, map[string]bool{"mallbots-baskets": true, "mallbots-ordering": true, "mallbots-depot": true}, services)
	})
}

// The messages that a check-out leads to, and whose handler the last of them is
// for. Nobody has a use for the order's approval.
var journey = []struct{ message, publisher, handler string }{
	{"mallbots.baskets.v1.BasketCheckedOut", "baskets", "ordering"},
	{"mallbots.ordering.v1.OrderCreated", "ordering", "depot"},
	{"mallbots.depot.v1.StockReserved", "depot", "ordering"},
	{"mallbots.ordering.v1.OrderApproved", "ordering", ""},
}

// follow checks out a basket, and requires that its trace has no hole.
func follow(t *testing.T, receiver *tracingtest.Receiver, mall map[string]*process) []tracingtest.Span {
	t.Helper()
	trace, caller := hexadecimal(t, 16), hexadecimal(t, 8)
	order := checkOut(t, mall, "00-"+trace+"-"+caller+"-01")
	spans := receiver.Await(t, trace, func(spans []tracingtest.Span) bool {
		sent := 0
		for _, s := range spans {
			if s.Name == "send MALLBOTS_ORDERING" {
				sent++
			}
		}
		return sent == 2 && len(spans) >= 1+4+4+4+3
	})

	byID := map[string]tracingtest.Span{}
	for _, s := range spans {
		require.NotContains(t, byID, s.ID)
		byID[s.ID] = s
		require.False(t, s.Failed, "%+v", s)
		require.False(t, s.End.Before(s.Begin), "%+v", s)
	}
	// One root, whose parent is the caller's span; every other parent is there.
	root := spans[0]
	for _, s := range spans {
		if s.Parent == caller {
			root = s
			continue
		}
		require.Contains(t, byID, s.Parent, "the parent of %s is missing", s.Name)
	}
	require.Equal(t, "PUT /api/baskets/{id}/checkout", root.Name)
	require.Equal(t, "SPAN_KIND_SERVER", root.Kind)
	require.Equal(t, caller, root.Parent)
	for name, value := range map[string]any{
		"http.request.method": "PUT", "http.route": "/api/baskets/{id}/checkout", "http.response.status_code": int64(200),
		"url.path": "/api/baskets/" + order + "/checkout", "rpc.method": "mallbots.baskets.v1.BasketsService/CheckoutBasket",
		"rpc.response.status_code": "ok",
	} {
		require.Equal(t, value, root.Attributes[name], name)
	}

	parent := root
	for _, step := range journey {
		create := only(t, spans, parent, "create "+step.message, "SPAN_KIND_PRODUCER")
		stream := "MALLBOTS_" + strings.ToUpper(step.publisher)
		wait := only(t, spans, create, "wait in the outbox", "SPAN_KIND_INTERNAL")
		send := only(t, spans, create, "send "+stream, "SPAN_KIND_CLIENT")
		require.False(t, wait.End.After(send.Begin))
		require.Positive(t, send.Attributes["mallbots.stream.sequence"])
		for _, s := range []tracingtest.Span{create, wait, send} {
			require.Equal(t, "nats", s.Attributes["messaging.system"])
			require.Equal(t, step.message, s.Attributes["messaging.destination.name"])
			require.Equal(t, create.Attributes["messaging.message.id"], s.Attributes["messaging.message.id"])
			require.Equal(t, order, s.Attributes["mallbots.key"])
			require.Equal(t, step.publisher, s.Attributes["mallbots.module"])
		}
		if step.handler == "" {
			continue
		}
		process := only(t, spans, create, "process "+step.message, "SPAN_KIND_CONSUMER")
		require.Equal(t, step.handler, process.Attributes["mallbots.module"])
		require.Equal(t, step.handler+"_"+step.publisher, process.Attributes["messaging.consumer.group.name"])
		require.Equal(t, create.Attributes["messaging.message.id"], process.Attributes["messaging.message.id"])
		require.Equal(t, create.Attributes["messaging.message.conversation_id"], process.Attributes["messaging.message.conversation_id"])
		parent = process
	}
	return spans
}

// only is the one span of that name and kind below a parent.
func only(t *testing.T, spans []tracingtest.Span, parent tracingtest.Span, name, kind string) tracingtest.Span {
	t.Helper()
	var found []tracingtest.Span
	for _, s := range spans {
		if s.Parent == parent.ID && s.Name == name && s.Kind == kind {
			found = append(found, s)
		}
	}
	require.Len(t, found, 1, "%q of kind %s below %q, in %+v", name, kind, parent.Name, spans)
	return found[0]
}

func hexadecimal(t *testing.T, bytes int) string {
	t.Helper()
	data := make([]byte, bytes)
	_, err := rand.Read(data)
	require.NoError(t, err)
	return hex.EncodeToString(data)
}

// checkOut has a customer buy something, and sends a traceparent with the
// check-out alone. It returns the order's id.
func checkOut(t *testing.T, mall map[string]*process, traceparent string) string {
	t.Helper()
	ask := func(module, method, path, body string, headers ...string) string {
		return request(t, mall[module], method, path, body, headers...)
	}
	store := ask("stores", "POST", "/api/stores", `{"name":"Teas","location":"Hall 1"}`)
	ask("stores", "PUT", "/api/stores/"+store+"/participating", "")
	tea := ask("stores", "POST", "/api/stores/"+store+"/products", `{"name":"Tea","sku":"T1","price":{"currencyCode":"USD","minorUnits":999}}`)
	ask("depot", "PUT", "/api/depot/stock/"+tea+"/receive", `{"quantity":10}`, "Mallbots-After", "stores/"+tea+"@1")
	ada := ask("ordering", "POST", "/api/customers", `{"name":"Ada","smsNumber":"+44 20"}`)
	basket := ask("baskets", "POST", "/api/baskets", `{"customerId":"`+ada+`"}`, "Mallbots-After", "ordering/"+ada+"@1")
	ask("baskets", "PUT", "/api/baskets/"+basket+"/addItem", `{"productId":"`+tea+`","quantity":2}`, "Mallbots-After", "stores/"+store+"@2, stores/"+tea+"@1")
	ask("baskets", "PUT", "/api/baskets/"+basket+"/checkout", `{"paymentId":"visa-1"}`, "Traceparent", traceparent)
	return basket
}

// request calls the API of a process until it has caught up, and returns the id in
// the answer.
func request(t *testing.T, p *process, method, path, body string, headers ...string) string {
	t.Helper()
	var answer struct{ ID, Code, Detail string }
	hosttest.Eventually(t, func() bool {
		req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
		require.NoError(t, err)
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer func() { require.NoError(t, res.Body.Close()) }()
		require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
		if answer.Code == "NOT_YET_CAUGHT_UP" {
			return false
		}
		require.Equal(t, http.StatusOK, res.StatusCode, "%s %s: %+v", method, path, answer)
		return true
	})
	return answer.ID
}
