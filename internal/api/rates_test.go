package api

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mallbots/internal/identity"
)

// from is where a request comes from.
func from(peer string, forwarded ...string) origin { return origin{peer, forwarded} }

// many is how many requests at once are let through.
func many(r *rates, from origin, who identity.Principal, refused error) int {
	for n := range 100_000 {
		if r.allow(from, who, refused) > 0 {
			return n
		}
	}
	return -1
}

// stopped are rates whose clock stands still, so that a busy machine lets nobody through.
func stopped(limits Rates) *rates {
	r, now := newRates(limits), time.Now()
	r.now = func() time.Time { return now }
	return r
}

func TestWhoAsksTooOftenWaits(t *testing.T) {
	ada := identity.Principal{Subject: "ada", Roles: []identity.Role{identity.Customer}}
	shop := identity.Principal{Subject: "shop", Roles: []identity.Role{identity.Service}}
	limits := Rates{Principal: 20, Address: 50, Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	here := from("127.0.0.1:1234")

	r := stopped(limits)
	near := func(want, got int) { t.Helper(); require.InDelta(t, want, got, float64(want)/10+1) }
	near(40, many(r, here, ada, nil))
	near(40, many(r, from("192.0.2.1:1"), identity.Principal{Subject: "grace", Roles: ada.Roles}, nil))
	near(800, many(r, here, shop, nil))
	wait := r.allow(here, ada, nil)
	require.Positive(t, wait)
	require.Less(t, wait, time.Second)
	require.Equal(t, -1, many(r, here, identity.Anonymous(), nil), "nobody is asked who they are: nobody is counted here")

	r = stopped(limits)
	near(100, many(r, from("192.0.2.1:1"), identity.Nobody(), nil))
	require.Positive(t, r.allow(from("192.0.2.1:2"), ada, nil), "another connection is the same address")
	near(100, many(r, from("192.0.2.2:1"), identity.Anonymous(), nil))
	near(800, many(r, from("192.0.2.1:1"), shop, nil))
	near(5, many(r, from("192.0.2.3:1"), identity.Principal{}, errors.New("a guess")))
	near(100, many(r, from("[2001:db8::1]:1"), identity.Nobody(), nil))
	require.Positive(t, r.allow(from("[2001:db8::ffff:2]:1"), identity.Nobody(), nil), "64 bits are one caller")
	require.Zero(t, r.allow(from("[2001:db8:0:1::2]:1"), identity.Nobody(), nil))

	near(100, many(r, from("10.1.1.1:1", "198.51.100.7"), identity.Nobody(), nil))
	require.Zero(t, r.allow(from("10.1.1.1:1", "198.51.100.8"), identity.Nobody(), nil), "a proxy asks for many")
	require.Positive(t, r.allow(from("10.1.1.1:1", "6.6.6.6, 198.51.100.7, 10.2.2.2"), identity.Nobody(), nil), "what the caller wrote is not believed")
	require.Positive(t, r.allow(from("192.0.2.1:3", "6.6.6.6"), identity.Nobody(), nil), "who is no proxy is not believed")

	require.Equal(t, -1, many(newRates(Rates{}), from("192.0.2.1:1"), ada, nil), "0 is no limit")
}

func TestThereAreNeverTooManyBuckets(t *testing.T) {
	b := newBuckets(1)
	now := time.Now()
	for n := range mostBuckets * 3 {
		b.take(fmt.Sprint(n), 1, now)
		if len(b.recent)+len(b.before) > mostBuckets {
			require.Fail(t, "too many")
		}
	}
}
