package api

import (
	"context"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect/v2"
	"golang.org/x/time/rate"

	"mallbots/internal/fault"
	"mallbots/internal/identity"
)

// ErrTooFast is the answer to who asks more often than they may.
var ErrTooFast = fault.New(fault.TooMany, "RATE_EXCEEDED", "too many requests; slow down, and try again after the seconds in Retry-After")

// Rates are how many requests a second are taken; 0 is no limit. Twice as many
// may come at once.
type Rates struct {
	// Principal is for each who has said who they are. A service, which acts for
	// many, may serviceFactor times as much.
	Principal float64
	// Address is for each address but those of this machine. A service is not
	// counted; a request whose credential is refused counts failureCost times.
	Address float64
	// Proxies are believed when they say for whom they ask, in X-Forwarded-For.
	Proxies []netip.Prefix
}

const (
	serviceFactor = 20
	failureCost   = 20
	mostBuckets   = 20_000 // of each kind; who comes then takes the place of who was away longest
)

// rates limits principals and addresses.
type rates struct {
	proxies              []netip.Prefix
	principals, services *buckets
	addresses            *buckets
	now                  func() time.Time
}

func newRates(r Rates) *rates {
	return &rates{
		proxies: r.Proxies, principals: newBuckets(r.Principal), services: newBuckets(r.Principal * serviceFactor), addresses: newBuckets(r.Address),
		now: time.Now,
	}
}

// origin is where a request comes from, as the connection and as X-Forwarded-For
// say it.
type origin struct {
	peer      string
	forwarded []string
}

func originOf(ctx context.Context) origin {
	info, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return origin{}
	}
	return origin{info.PeerAddr, info.RequestHeader().Values("X-Forwarded-For")}
}

// allow says how long whoever asks must wait, nothing when not at all. Refused
// is what is wrong with their credential, or nil.
func (r *rates) allow(from origin, who identity.Principal, refused error) time.Duration {
	now := r.now()
	anonymous := who.Subject == identity.Anonymous().Subject
	service := refused == nil && !anonymous && who.Has(identity.Service)
	if address, ok := r.address(from); ok && !service {
		cost := 1
		if refused != nil {
			cost = failureCost
		}
		if wait := r.addresses.take(address, cost, now); wait > 0 {
			return wait
		}
	}
	switch {
	case refused != nil, anonymous, !who.Known():
		return 0
	case service:
		return r.services.take(who.Subject, 1, now)
	}
	return r.principals.take(who.Subject, 1, now)
}

// address is where a request comes from: for IPv6 its network of 64 bits, which
// one customer of a provider has. It reports false for this machine.
func (r *rates) address(o origin) (string, bool) {
	from, ok := parseAddress(o.peer)
	if !ok {
		return "", false
	}
	if r.isProxy(from) {
		forwarded := strings.Split(strings.Join(o.forwarded, ","), ",")
		for n := len(forwarded) - 1; n >= 0; n-- { // the nearest wrote last
			hop, ok := parseAddress(strings.TrimSpace(forwarded[n]))
			if !ok {
				break
			}
			if from = hop; !r.isProxy(hop) {
				break
			}
		}
	}
	if from.IsLoopback() {
		return "", false
	}
	if from.Is6() {
		network, _ := from.Prefix(64) // an address has 64 bits
		return network.String(), true
	}
	return from.String(), true
}

func (r *rates) isProxy(address netip.Addr) bool {
	for _, p := range r.proxies {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// parseAddress reads an address with or without a port.
func parseAddress(text string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return address.Unmap().WithZone(""), err == nil
}

// buckets are one token bucket for each key, and never more than mostBuckets.
type buckets struct {
	limit rate.Limit
	burst int

	mu             sync.Mutex
	recent, before map[string]*rate.Limiter
}

func newBuckets(perSecond float64) *buckets {
	return &buckets{limit: rate.Limit(perSecond), burst: max(int(2*perSecond), failureCost), recent: map[string]*rate.Limiter{}}
}

// take takes so much out of the bucket of key, or says after how long it can.
func (b *buckets) take(key string, cost int, now time.Time) time.Duration {
	if b.limit <= 0 {
		return 0
	}
	r := b.bucket(key).ReserveN(now, cost)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

func (b *buckets) bucket(key string) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok := b.recent[key]
	if ok {
		return l
	}
	if l, ok = b.before[key]; !ok {
		l = rate.NewLimiter(b.limit, b.burst)
	}
	if len(b.recent) >= mostBuckets/2 {
		b.before, b.recent = b.recent, map[string]*rate.Limiter{}
	}
	b.recent[key] = l
	return l
}

// tooFast is the refusal, with the seconds to wait in the response's header.
func tooFast(ctx context.Context, wait time.Duration) error {
	setHeader(ctx, headerRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return ErrTooFast
}
