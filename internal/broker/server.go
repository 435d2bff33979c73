package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Server is a NATS server in this process, for several connections.
type Server struct {
	local *localServer
	log   *slog.Logger
	stop  context.CancelFunc
}

// StartServer starts a server in this process that keeps its streams below dir
// and listens on no port; see Embedded. Only the users of rights can connect,
// each with a key that is made here and leaves the process never.
func StartServer(ctx context.Context, dir string, rights []Rights, log *slog.Logger) (*Server, error) {
	local := &localServer{dir: dir, log: log, users: map[string]*localUser{}}
	for _, r := range rights {
		user, err := newLocalUser(r)
		if err != nil {
			return nil, err
		}
		local.users[r.User] = user
	}
	return startServer(ctx, local, log)
}

func startServer(ctx context.Context, local *localServer, log *slog.Logger) (*Server, error) {
	if err := local.start(ctx); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{local: local, log: log, stop: stop}
	go s.watch(ctx)
	return s, nil
}

// Connect connects one of the users.
func (s *Server) Connect(ctx context.Context, user string) (*Broker, error) {
	login := []nats.Option{nats.Name("mallbots/" + user), nats.CustomInboxPrefix(inboxPrefix(user))}
	known, ok := s.local.users[user]
	if !ok {
		return nil, fmt.Errorf("broker: the embedded server has no user %q", user)
	}
	login = append(login, nats.Nkey(known.public, known.key.Sign))
	return open(ctx, &Broker{log: s.log, embedded: s.local, login: login})
}

// Health is nil when the server and every stream are well.
func (s *Server) Health() error {
	if err := s.local.healthy(); err != nil {
		return fmt.Errorf("broker: server: %w", err)
	}
	return nil
}

// Close stops the server. Connections should have been closed before.
func (s *Server) Close() error {
	s.stop()
	return s.local.close()
}

const (
	// sick is how long the embedded server may be unwell before it is restarted.
	sick = 2 * time.Second
	// room is what must be free on its disk for that, in bytes: a restart does
	// not mend a full disk.
	room = 8 << 20
	// The pauses between two restarts that did not help.
	firstRest, longestRest = 5 * time.Second, time.Minute
)

// watch starts a server again that could not write: it stays broken until then.
func (s *Server) watch(ctx context.Context) {
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	var since, again time.Time // unwell since; not restarted before
	rest := firstRest
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		problem := s.local.healthy()
		now := time.Now()
		switch {
		case problem == nil:
			since = time.Time{}
			if now.After(again) {
				rest = firstRest
			}
			continue
		case since.IsZero():
			since = now
		}
		if now.Sub(since) < sick || now.Before(again) || s.local.cramped() {
			continue
		}
		s.log.WarnContext(ctx, "broker: starting the embedded server again", "error", problem)
		if err := s.local.restart(ctx); err != nil {
			s.log.ErrorContext(ctx, "broker: the embedded server did not start", "error", err, "again in", rest)
		}
		again, since = time.Now().Add(rest), time.Time{}
		rest = min(2*rest, longestRest)
	}
}

// localUser is a user of a server in this process.
type localUser struct {
	rights Rights
	key    nkeys.KeyPair
	public string
}

func newLocalUser(r Rights) (*localUser, error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, fmt.Errorf("broker: a key for %s: %w", r.User, err)
	}
	public, err := key.PublicKey()
	return &localUser{rights: r, key: key, public: public}, errors.Join(err)
}

// option is the user as the server knows it.
func (u *localUser) option() *server.NkeyUser {
	return &server.NkeyUser{Nkey: u.public, Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: u.rights.Publish},
		Subscribe: &server.SubjectPermission{Allow: u.rights.Subscribe},
	}}
}
