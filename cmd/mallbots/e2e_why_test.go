package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/broker"
	"mallbots/internal/broker/brokertest"
	"mallbots/internal/host/hosttest"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
)

// call posts JSON to the API, and returns the id in the answer.
func (p *process) call(t *testing.T, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	var answer struct{ ID string }
	require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
	require.Equal(t, http.StatusOK, res.StatusCode, "%s %s: %+v", method, path, answer)
	return answer.ID
}

// forge publishes a check-out of which the module baskets knows nothing.
func forge(t *testing.T, server *brokertest.External, e *basketsv1.BasketCheckedOut, sequence int64) {
	t.Helper()
	data, err := proto.Marshal(e)
	require.NoError(t, err)
	envelope := broker.Envelope{
		ID: uuid.Must(uuid.NewV7()).String(), Source: "baskets", Type: string(e.ProtoReflect().Descriptor().FullName()), Key: e.GetBasketId(),
		Time: time.Now(), Sequence: sequence, CorrelationID: "forged", CausationID: "forged",
	}
	out := nats.NewMsg(envelope.Subject())
	for name, value := range envelope.Headers() {
		out.Header[name] = []string{value}
	}
	out.Header.Set("Nats-Msg-Id", envelope.ID)
	out.Data = data
	conn, err := nats.Connect(server.URL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.PublishMsg(t.Context(), out)
	require.NoError(t, err)
}

// TestAnOperatorFindsOutWhyAndHelps follows a check-out that makes no order:
// from the question to the edited copy that is handled, and all of it on record.
func TestAnOperatorFindsOutWhyAndHelps(t *testing.T) {
	server := brokertest.NewExternal(t)
	p := start(t, "--data="+t.TempDir(), "--nats-url="+server.URL())
	mallbots := func(code int, args ...string) string {
		t.Helper()
		out, errs, got := output(t, 30*time.Second, append(args, "--ops="+p.ops)...)
		require.Equal(t, code, got, "mallbots %v: %s%s", args, out, errs)
		return out + errs
	}
	customer := p.call(t, "POST", "/api/customers", `{"name":"Ada","smsNumber":"+44 1"}`)
	basket := p.call(t, "POST", "/api/baskets", `{"customerId":"`+customer+`"}`)
	product := uuid.Must(uuid.NewV7()).String()
	price := &moneyv1.Money{CurrencyCode: "USD", MinorUnits: 1099}
	hosttest.Eventually(t, func() bool { return strings.Contains(mallbots(0, "why", "basket/"+basket), "published BasketStarted") })
	forge(t, server, &basketsv1.BasketCheckedOut{
		BasketId: basket, CustomerId: customer, PaymentId: "4111-1111-1111-1111", Total: &moneyv1.Money{CurrencyCode: "USD", MinorUnits: 99},
		Items: []*basketsv1.BasketCheckedOutItem{{StoreId: product, ProductId: product, ProductName: "Tea", Price: price, Quantity: 2}},
	}, 2)

	var story string
	hosttest.Eventually(t, func() bool {
		story = mallbots(0, "why", "order/"+basket)
		return strings.Contains(story, "is a dead letter")
	})
	require.Contains(t, story, "basket "+basket+" is open")
	require.Contains(t, story, "basket 1: Started")
	require.Contains(t, story, "its lines make 2198, its total says 99")
	_, command, found := strings.Cut(story, "mallbots deadletters retry ")
	require.True(t, found, story)
	id, _, _ := strings.Cut(command, "\n")

	require.Contains(t, mallbots(0, "orders", "stuck", "--older-than=1ms"), basket)
	require.Contains(t, mallbots(0, "orders", "stuck", "--older-than=1h"), "No order is stuck")
	preview := mallbots(0, "deadletters", "preview", id)
	for _, part := range []string{"customer      " + customer, "basket        " + basket, "money         USD 0.99", "0 messages wait", "1 dead letters of 1 keys, USD 0.99"} {
		require.Contains(t, preview, part)
	}
	shown := mallbots(0, "deadletters", "show", id)
	require.NotContains(t, shown, "4111")

	require.Contains(t, mallbots(1, "deadletters", "retry", id, "--as=ada"), "its total says 99")
	require.Contains(t, mallbots(1, "deadletters", "retry"), "choose them with")
	var letter struct{ Payload json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(shown), &letter))
	fixed := bytes.Replace(letter.Payload, []byte(`"99"`), []byte(`"2198"`), 1)
	edited := mallbots(0, "deadletters", "edit", id, "--data="+string(fixed), "--reason=its total was wrong", "--as=ada")
	require.Contains(t, edited, "is in its place")
	require.Contains(t, mallbots(0, "deadletters", "retry", "--key="+basket, "--cause=rejected", "--rate=100", "--as=bob"), "1 of 1 were handled")
	hosttest.Eventually(t, func() bool {
		story = mallbots(0, "why", "order/"+basket)
		return strings.Contains(story, "order "+basket+" is REJECTED") && !strings.Contains(story, "dead letter")
	}, "the depot has none of it")

	actions := mallbots(0, "actions", "--key="+basket)
	for _, part := range []string{"operator ada  retry " + id, `operator ada  edit ` + id + `  "its total was wrong"`, "operator bob  retry"} {
		require.Contains(t, actions, part)
	}
	hosttest.Eventually(t, func() bool {
		return strings.Contains(mallbots(0, "lost"), "BasketCheckedOut  message 2 of "+basket)
	}, "its publisher notices within seconds that it never wrote this")
	require.Contains(t, mallbots(0, "lost"), "mallbots republish baskets")
	require.Contains(t, mallbots(0, "republish", "ordering"), "customer: 1 published again")
	require.Contains(t, mallbots(1, "why", "order/"+product), "no module of these processes knows")
	require.Contains(t, mallbots(0, "why", "customer/"+customer), "customer "+customer+" is ENABLED")
}
