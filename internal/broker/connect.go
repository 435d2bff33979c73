package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
)

// A connection that is lost without a word, as when a cable is pulled, is found
// out when so many pings in a row had no answer: after 3 to 4 seconds. A server
// that answers more slowly is of no use either.
const (
	pingEvery = time.Second
	pingsLost = 3
)

// Connect uses the server or cluster at url (several, separated by commas).
// It returns at once, whether the server can be reached or not: the connection
// is tried again for ever, and Health tells how that goes. Only a malformed
// url is an error.
func Connect(ctx context.Context, url string, log *slog.Logger) (*Broker, error) {
	if url == "" {
		return nil, errors.New("broker: the NATS URL is empty; leave the setting out to use the embedded server")
	}
	return open(ctx, &Broker{log: log, url: url, login: []nats.Option{nats.Name("mallbots"), nats.CustomInboxPrefix(inboxPrefix(userOf(url)))}})
}

// options are those of every connection. Nothing is buffered while the server
// is away: whoever writes learns at once that nothing was written, and a late
// copy cannot turn up after the reconnect.
func (b *Broker) options(where string, closed chan struct{}) []nats.Option {
	longest := 500 * time.Millisecond
	if b.embedded != nil {
		longest = 200 * time.Millisecond
	}
	options := []nats.Option{
		nats.Timeout(time.Second),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectBufSize(-1),
		nats.CustomReconnectDelay(func(attempts int) time.Duration { return backoff(attempts, 50*time.Millisecond, longest) }),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(pingsLost),
		nats.DrainTimeout(request),
		nats.ConnectHandler(func(*nats.Conn) {
			b.connected()
			b.health.set("connection", nil)
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			b.connected()
			b.log.Info("broker: connected again", "to", where)
			b.health.set("connection", nil)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			b.disconnected()
			if err == nil {
				return // closed on purpose
			}
			b.log.Warn("broker: connection lost", "to", where, "error", err)
			b.health.set("connection", fmt.Errorf("no connection to %s: %w", where, err))
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			b.health.set("connection", fmt.Errorf("no connection to %s: %w", where, err))
		}),
		nats.ClosedHandler(func(*nats.Conn) {
			b.health.set("connection", fmt.Errorf("the connection to %s is closed", where))
			b.disconnected()
			close(closed)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			b.log.Error("broker: refused by the server", "error", err, "subject", subject)
			b.deny(err)
		}),
	}
	b.health.set("connection", fmt.Errorf("no connection to %s yet", where))
	if b.embedded != nil {
		options = append(options, nats.InProcessServer(b.embedded))
	}
	return append(options, b.login...)
}

// backoff is how long to wait before the next attempt: first, doubled each
// time, at most limit, and up to half of it taken off by chance.
func backoff(attempts int, first, limit time.Duration) time.Duration {
	wait := limit
	if attempts < 16 {
		wait = min(limit, first<<max(attempts-1, 0))
	}
	return wait - time.Duration(rand.Int64N(int64(wait)/2+1))
}
