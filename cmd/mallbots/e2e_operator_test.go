package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"mallbots/internal/broker/brokertest"
	"mallbots/internal/commandline"
	"mallbots/internal/freeport"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
)

// TestForgedMessageIsADeadLetterThatAnOperatorDiscards sends what no module
// could read, straight to the stream.
func TestForgedMessageIsADeadLetterThatAnOperatorDiscards(t *testing.T) {
	server := brokertest.NewExternal(t)
	p := start(t, "--data="+t.TempDir(), "--nats-url="+server.URL())
	p.replay(t, write(t, smallHistory()))
	conn, err := nats.Connect(server.URL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	forged := &nats.Msg{Subject: "mallbots.stores.v1.ProductAdded.p00", Data: []byte("no protobuf, no headers")}
	_, err = js.PublishMsg(t.Context(), forged)
	require.NoError(t, err)

	list := func() (letters []struct{ ID string }) {
		out, errs, code := output(t, 30*time.Second, "deadletters", "list", "--ops="+p.ops, "--json")
		require.Zero(t, code, errs)
		var answer struct{ DeadLetters []struct{ ID string } }
		require.NoError(t, json.Unmarshal([]byte(out), &answer), out)
		return answer.DeadLetters
	}
	hosttest.Eventually(t, func() bool { return len(list()) == 2 }, "baskets and depot listen to stores")

	out, _, code := output(t, 30*time.Second, "audit", "--ops="+p.ops, "--wait=5s")
	require.Equal(t, 1, code)
	require.Contains(t, out, "FAIL  baskets: no dead letters")

	for _, letter := range list() {
		out, errs, code := output(t, 30*time.Second, "deadletters", "show", letter.ID, "--ops="+p.ops)
		require.Zero(t, code, errs)
		require.Contains(t, out, letter.ID)
		out, errs, code = output(t, 30*time.Second, "deadletters", "discard", letter.ID, "--reason=forged by a test", "--ops="+p.ops)
		require.Zero(t, code, errs)
		require.Contains(t, out, "is discarded")
	}
	p.audit(t)

	_, errs, code := output(t, 30*time.Second, "deadletters", "retry", "no-such-letter", "--ops="+p.ops)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "no-such-letter")
}

func TestReadModelsAreRebuilt(t *testing.T) {
	p := start(t, "--data="+t.TempDir())
	p.replay(t, write(t, smallHistory()))
	out, errs, code := output(t, 30*time.Second, "projections", "rebuild", "--module=ordering", "--ops="+p.ops)
	require.Zero(t, code, errs)
	require.Contains(t, out, "is rebuilt")
	p.audit(t)
	_, errs, code = output(t, 30*time.Second, "projections", "rebuild", "--module=shops", "--ops="+p.ops)
	require.Equal(t, 1, code)
	require.Contains(t, errs, `module "shops" does not run in this process`)
}

// TestTailShowsWhatPasses follows an order's events, from the process and from the server.
func TestTailShowsWhatPasses(t *testing.T) {
	server := brokertest.NewExternal(t)
	p := start(t, "--data="+t.TempDir(), "--nats-url="+server.URL())
	for _, from := range []string{"--ops=" + p.ops, "--nats-url=" + server.URL()} {
		tail := program(t, t.Context(), "events", "tail", from, "--type=OrderCompleted")
		stdout, err := tail.StdoutPipe()
		require.NoError(t, err)
		var errs bytes.Buffer
		tail.Stderr = &errs
		require.NoError(t, tail.Start())
		lines := make(chan string, 1)
		go func() {
			if in := bufio.NewScanner(stdout); in.Scan() {
				lines <- in.Text()
			}
		}()
		var line string
		hosttest.Eventually(t, func() bool { // the tail begins at some time after its start
			p.replay(t, write(t, smallHistory()))
			select {
			case line = <-lines:
				return true
			case <-time.After(200 * time.Millisecond):
				return false
			}
		}, "%s", &errs)
		var passing host.Passing
		require.NoError(t, json.Unmarshal([]byte(line), &passing), line)
		require.Equal(t, "mallbots.ordering.v1.OrderCompleted", passing.Type)
		require.Equal(t, "MALLBOTS_ORDERING", passing.Stream)
		require.Contains(t, string(passing.Data), "invoice-10248")
		require.NoError(t, tail.Process.Kill())
		_ = tail.Wait() // it was killed
	}
}

func TestDemoTellsTheLifeOfAnOrder(t *testing.T) {
	out, errs, code := output(t, time.Minute, "demo", "--duration=2s")
	require.Zero(t, code, errs+out)
	for _, event := range []string{"BasketCheckedOut", "OrderCreated", "StockReserved", "OrderApproved", "ShoppingListCompleted", "OrderReadied", "OrderCompleted"} {
		require.Contains(t, out, event)
	}
	require.Contains(t, out, "The books are right")
}

func TestNobodyAtTheOpsListener(t *testing.T) {
	ops := "--ops=" + freeport.Address(t)
	out, _, code := output(t, 30*time.Second, "audit", ops, "--json")
	require.Equal(t, 1, code)
	var v commandline.Verdict
	require.NoError(t, json.Unmarshal([]byte(out), &v), out)
	require.False(t, v.OK)
	require.Contains(t, v.Checks[0].Detail, "is the process running")
	for _, command := range [][]string{{"healthcheck"}, {"deadletters", "list"}, {"projections", "rebuild"}, {"events", "tail"}} {
		_, errs, code := output(t, 30*time.Second, append(command, ops)...)
		require.Equal(t, 1, code, command)
		require.Contains(t, errs, "is the process running", command)
	}
}
