package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// User says who connects.
type User struct {
	Name string
	// Password is asked at each attempt to connect, so that a new one needs no
	// restart.
	Password func() (string, error)
}

// ConnectAs is Connect as a user whose password is not part of the url.
func ConnectAs(ctx context.Context, url string, user User, log *slog.Logger) (*Broker, error) {
	if url == "" {
		return nil, errors.New("broker: the NATS URL is empty; leave the setting out to use the embedded server")
	}
	login := []nats.Option{
		nats.Name("mallbots/" + user.Name), nats.CustomInboxPrefix(inboxPrefix(user.Name)),
		nats.UserInfoHandler(func() (string, string) {
			password, err := user.Password()
			if err != nil {
				log.ErrorContext(ctx, "broker: no password to connect with", "user", user.Name, "error", err)
			}
			return user.Name, password
		}),
	}
	return open(ctx, &Broker{log: log, url: anonymous(url), login: login})
}

// parse reads one server's URL, which may lack its scheme.
func parse(server string) (*url.URL, error) {
	server = strings.TrimSpace(server)
	if !strings.Contains(server, "://") {
		server = "nats://" + server
	}
	return url.Parse(server)
}

// anonymous is a list of URLs without their users, which would go before the
// options. What cannot be parsed stays as it is; connecting says what is wrong.
func anonymous(urls string) string {
	list := strings.Split(urls, ",")
	for i, one := range list {
		if parsed, err := parse(one); err == nil {
			parsed.User = nil
			list[i] = parsed.String()
		}
	}
	return strings.Join(list, ",")
}

// userOf is the user that the first of urls names together with a password;
// without one it would be a token.
func userOf(urls string) string {
	first, _, _ := strings.Cut(urls, ",")
	parsed, err := parse(first)
	if err != nil {
		return ""
	}
	if _, ok := parsed.User.Password(); !ok {
		return ""
	}
	return parsed.User.Username()
}

// grudge is for how long a refusal is ill health. What was refused is asked for
// again and again by whoever needs it.
const grudge = 15 * time.Second

// deny notes that the server has refused something for want of rights: whoever
// asked gets no answer and could not say why.
func (b *Broker) deny(err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	b.mu.Lock()
	b.refused = time.Now()
	b.mu.Unlock()
	b.health.set("rights", fmt.Errorf("%w: give the server what this program prints: mallbots permissions nats", err))
}

// forgive ends the ill health when nothing was refused for a while.
func (b *Broker) forgive() {
	b.mu.Lock()
	over := !b.refused.IsZero() && time.Since(b.refused) > grudge
	if over {
		b.refused = time.Time{}
	}
	b.mu.Unlock()
	if over {
		b.health.set("rights", nil)
	}
}
