package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/credential/credentialtest"
	"mallbots/internal/host/hosttest"
	depotv1 "mallbots/proto/mallbots/depot/v1"
)

// costRounds is how often each mall is measured: make bench/auth sets it.
var costRounds = flag.Int("auth.rounds", 0, "measure check-outs with and without authentication so often, and require that it costs at most a tenth")

// TestWhatAuthenticationCosts has the same shoppers check out at a mall that asks
// nobody and at two that ask everybody, by turns: with a token, and with an API key. Without -auth.rounds it measures once, and requires only that they work.
func TestWhatAuthenticationCosts(t *testing.T) {
	issuer := credentialtest.NewIssuer(t)
	off := start(t, "--data="+t.TempDir(), "--bots=1")
	on := start(t, "--data="+t.TempDir(), "--bots=1", "--auth=on", "--oidc-issuer="+issuer.URL, "--oidc-audience="+credentialtest.Audience)
	tokens := start(t, "--data="+t.TempDir(), "--bots=1", "--auth=on", "--oidc-issuer="+issuer.URL, "--oidc-audience="+credentialtest.Audience) // of the same age
	out, errs, code := output(t, 30*time.Second, "keys", "create", "shoppers", "--role=service", "--ops="+on.ops)
	require.Zero(t, code, errs)
	key := strings.TrimSpace(out)
	token := issuer.Token(t, credentialtest.Claims{"sub": "shoppers", "roles": "service"})

	_, errs, code = output(t, 30*time.Second, "busywork", "--server="+on.url, "--orders=1", "--shoppers=1", "--patience=1s")
	require.NotZero(t, code, "nobody shops without saying who they are")
	require.Contains(t, errs, "say who you are")

	orders := "20"
	if *costRounds > 0 {
		orders = "500"
	}
	measure := func(p *process, credential string) measured {
		before := cpu(t, p)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := program(t, ctx, "busywork", "--server="+p.url, "--shoppers=8", "--orders="+orders, "--keepers=0", "--bots=0", "--json")
		cmd.Env = append(cmd.Env, "MALLBOTS_TOKEN="+credential)
		text, err := cmd.Output()
		require.NoError(t, err, string(text))
		var r struct {
			Approved int64
			Seconds  float64
			Errors   map[string]int64
		}
		require.NoError(t, json.Unmarshal(text, &r))
		require.Empty(t, r.Errors)
		require.Positive(t, r.Approved)
		return measured{float64(r.Approved) / r.Seconds, float64(cpu(t, p)-before) * 10 / float64(r.Approved)}
	}
	var without, withToken, withKey []measured
	for round := range max(1, *costRounds) {
		without, withToken, withKey = append(without, measure(off, "")), append(withToken, measure(tokens, token)), append(withKey, measure(on, key))
		t.Logf("round %2d: off %s; token %s; API key %s", round+1, without[round], withToken[round], withKey[round])
	}
	base, byToken, byKey := median(without), median(withToken), median(withKey)
	t.Logf("median:   off %s; token %s, ratio %.3f; API key %s, ratio %.3f", base, byToken, byToken.rate/base.rate, byKey, byKey.rate/base.rate)
	t.Logf("processor time of an order, ratio to off: token %.3f, API key %.3f", byToken.cpu/base.cpu, byKey.cpu/base.cpu)
	if *costRounds > 0 {
		require.Greater(t, byToken.rate/base.rate, 0.9)
		require.Greater(t, byKey.rate/base.rate, 0.9)
	}
	t.Setenv("MALLBOTS_TOKEN", key)
	staff, err := dial(on.url, 30*time.Second)
	require.NoError(t, err)
	hosttest.Eventually(t, func() bool {
		left, err := staff.depot.ListShoppingLists(t.Context(), &depotv1.ListShoppingListsRequest{Status: depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_AVAILABLE})
		require.NoError(t, err)
		return len(left.GetShoppingLists()) == 0
	}, "the mall's own bots are let in")
	on.audit(t)
}

// measured is one measurement: orders a second, and the processor time that the
// mall took for each, in milliseconds. The latter is much the same on a busy machine.
type measured struct{ rate, cpu float64 }

func (s measured) String() string { return fmt.Sprintf("%.0f/s (%.1f ms CPU)", s.rate, s.cpu) }

// median is that of each figure by itself.
func median(all []measured) measured {
	rates, cpus := make([]float64, len(all)), make([]float64, len(all))
	for i, s := range all {
		rates[i], cpus[i] = s.rate, s.cpu
	}
	slices.Sort(rates)
	slices.Sort(cpus)
	return measured{rates[len(rates)/2], cpus[len(cpus)/2]}
}

// cpu is the processor time that a process has taken, in hundredths of a second.
func cpu(t *testing.T, p *process) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	require.NoError(t, err)
	_, after, ok := strings.Cut(string(text), ") ") // the name may hold blanks
	require.True(t, ok)
	fields := strings.Fields(after)
	user, err := strconv.ParseInt(fields[11], 10, 64)
	require.NoError(t, err)
	system, err := strconv.ParseInt(fields[12], 10, 64)
	require.NoError(t, err)
	return user + system
}
