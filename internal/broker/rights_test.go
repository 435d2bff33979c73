package broker

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// mall is who has rights in these tests.
var mall = []Rights{
	ModuleRights("baskets", []string{"mallbots.baskets.v1.BasketStarted"}, []string{"stores"}),
	ModuleRights("stores", []string{"mallbots.stores.v1.StoreCreated"}, nil),
	ModuleRights("ordering", []string{"mallbots.ordering.v1.OrderCreated"}, []string{"baskets"}),
	OnlookerRights([]string{"stores", "baskets", "ordering"}),
}

// eachSecured runs a test on a server in this process that has the users of
// mall, and on one that was configured with what Authorization writes.
func eachSecured(t *testing.T, test func(t *testing.T, as func(user string) *Broker)) {
	t.Run("embedded", func(t *testing.T) {
		s, err := StartServer(t.Context(), t.TempDir(), mall, quiet())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		require.NoError(t, s.Health())
		test(t, func(user string) *Broker {
			b, err := s.Connect(t.Context(), user)
			require.NoError(t, err)
			t.Cleanup(func() { closeBroker(t, b) })
			return connected(t, b)
		})
	})
	t.Run("external", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "mallbots.conf")
		require.NoError(t, os.WriteFile(file, []byte(Authorization(mall)), 0o600))
		for _, r := range mall {
			t.Setenv(PasswordVariable(r.User), "p"+r.User)
		}
		options, err := server.ProcessConfigFile(file)
		require.NoError(t, err)
		e := newExternal(t)
		options.Host, options.Port, options.StoreDir, options.ServerName = e.options.Host, e.options.Port, e.options.StoreDir, e.options.ServerName
		e.options = *options
		e.start(t)
		test(t, func(user string) *Broker {
			b, err := ConnectAs(t.Context(), e.url(), User{Name: user, Password: func() (string, error) { return "p" + user, nil }}, quiet())
			require.NoError(t, err)
			t.Cleanup(func() { closeBroker(t, b) })
			return connected(t, b)
		})
	})
}

func TestModulesDoAllTheyNeedWithTheirOwnRights(t *testing.T) {
	eachSecured(t, func(t *testing.T, as func(string) *Broker) {
		producer, consumer := as("baskets"), as("ordering")
		s := ensured(t, producer, "baskets")
		require.NoError(t, s.Own(t.Context(), Owner{"db", "there"}))
		require.NoError(t, s.Ensure(t.Context()))
		require.Equal(t, Owner{"db", "there"}, s.Owner())

		seen := make(chan Message, 10_000)
		watching, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		looking := as(Onlooker)
		for _, b := range []*Broker{producer, looking} {
			go func() { ended <- b.Tail(watching, "baskets", func(m Message) { seen <- m }) }()
		}
		arrived := collect(t, consumer, Durable("ordering", "baskets"), "baskets")
		last, err := s.Append(t.Context(), 0, some("one", 1))
		require.NoError(t, err)
		last, err = s.Append(t.Context(), last, some("batch", 30))
		require.NoError(t, err)
		for range last {
			next(t, arrived, patience)
		}
		require.Eventually(t, func() bool {
			floor, err := consumer.Floor(t.Context(), Durable("ordering", "baskets"), "baskets")
			return err == nil && floor.Acknowledged == last
		}, patience, 5*time.Millisecond, "acknowledgements arrive")
		require.NoError(t, consumer.Rewind(t.Context(), Durable("ordering", "baskets"), "baskets", last))
		for next(t, arrived, patience).Sequence != last { // all, where the subscription made the consumer anew
		}
		colleague := as("ordering")
		taken, listening := make(chan *Delivery, 1), make(chan struct{})
		sharing, leave := context.WithCancel(t.Context())
		defer leave()
		go colleague.Shared(sharing, Durable("ordering", "baskets"), 7, func() { close(listening) }, func(d *Delivery) { taken <- d })
		<-listening
		last, err = s.Append(t.Context(), last, some("shared", 1))
		require.NoError(t, err)
		d := take(t, arrived, patience)
		for d.Sequence != last { // acknowledged too late, on a busy machine
			require.NoError(t, d.Ack())
			d = take(t, arrived, patience)
		}
		require.NoError(t, consumer.Share(Durable("ordering", "baskets"), 7, d))
		require.Equal(t, last, next(t, taken, patience).Sequence, "and it acknowledges")
		page, err := consumer.Read(t.Context(), "baskets", 1, 100)
		require.NoError(t, err)
		require.Len(t, page, int(last))
		require.Eventually(t, func() bool {
			pending, err := consumer.Pending(t.Context(), Durable("ordering", "baskets"), "baskets")
			return err == nil && pending <= 1
		}, patience, 5*time.Millisecond)
		require.Eventually(t, func() bool {
			last, err = s.Append(t.Context(), last, some("seen", 1))
			return err == nil && len(seen) > 20
		}, patience, 5*time.Millisecond, "the tails see what passes")
		stop()
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
		for _, b := range []*Broker{producer, consumer, looking, colleague} {
			if err := b.Health(); err != nil {
				require.NotContains(t, err.Error(), "mallbots permissions nats", "which is forgotten after a while")
			}
			connected(t, b)
		}
	})
}

// refusedPublish requires that the server refuses what b publishes, and that b says so.
func refusedPublish(t *testing.T, b *Broker, subject string, header nats.Header) {
	t.Helper()
	b.health.set("rights", nil)
	require.NoError(t, b.conn().PublishMsg(&nats.Msg{Subject: subject, Header: header, Data: []byte("{}")}))
	require.NoError(t, b.conn().Flush())
	require.Eventually(t, func() bool {
		err := b.Health()
		return err != nil && strings.Contains(strings.ToLower(err.Error()), "permissions violation for publish to \""+strings.ToLower(subject)) &&
			strings.Contains(err.Error(), "mallbots permissions nats")
	}, patience, time.Millisecond, "%s: %v", subject, b.Health())
}

func TestAForgedPublishIsRefused(t *testing.T) {
	eachSecured(t, func(t *testing.T, as func(string) *Broker) {
		stores, baskets, ordering := as("stores"), as("baskets"), as("ordering")
		victim := ensured(t, baskets, "baskets")
		own := ensured(t, stores, "stores")
		last, err := victim.Append(t.Context(), 0, some("true", 1))
		require.NoError(t, err)
		arrived := collect(t, ordering, Durable("ordering", "baskets"), "baskets")
		next(t, arrived, patience)

		forged := outgoing(some("forged", 1)[0])
		refusedPublish(t, stores, forged.Subject, forged.Header)
		refusedPublish(t, ordering, forged.Subject, forged.Header) // a consumer no less
		refusedPublish(t, as(Onlooker), forged.Subject, forged.Header)
		refusedPublish(t, stores, "mallbots.stores.v1.Undeclared.p01", nil)
		refusedPublish(t, stores, "mallbots.stores.v2.StoreCreated.p01", nil)
		state, err := victim.State(t.Context())
		require.NoError(t, err)
		require.Equal(t, last, state.Last)
		mine, err := own.Last(t.Context())
		require.NoError(t, err)
		require.Zero(t, mine)

		// Neither through the API of JetStream.
		for _, request := range []string{
			"STREAM.DELETE.MALLBOTS_STORES", "STREAM.PURGE.MALLBOTS_STORES", "STREAM.MSG.DELETE.MALLBOTS_STORES", // its own
			"STREAM.SNAPSHOT.MALLBOTS_STORES", "STREAM.CREATE.OTHER", "STREAM.UPDATE.MALLBOTS_BASKETS", "STREAM.INFO.MALLBOTS_BASKETS",
			"STREAM.MSG.GET.MALLBOTS_BASKETS", "DIRECT.GET.MALLBOTS_BASKETS", "CONSUMER.CREATE.MALLBOTS_BASKETS.spy",
			"CONSUMER.CREATE.MALLBOTS_STORES.spy", "CONSUMER.DELETE.MALLBOTS_BASKETS.ordering_baskets", "CONSUMER.DELETE.MALLBOTS_STORES.baskets_stores",
			"CONSUMER.MSG.NEXT.MALLBOTS_BASKETS.ordering_baskets", "CONSUMER.DURABLE.CREATE.MALLBOTS_STORES.baskets_stores", "INFO", "STREAM.NAMES",
		} {
			refusedPublish(t, stores, "$JS.API."+request, nil)
		}
		refusedPublish(t, stores, sharedSubject(Durable("ordering", "baskets"), 1), nil)
		refusedPublish(t, stores, "$JS.ACK.MALLBOTS_BASKETS.ordering_baskets.1.1.1.1.0", nil)
		refusedPublish(t, as(Onlooker), "$JS.API.CONSUMER.CREATE.MALLBOTS_BASKETS.spy", nil)
	})
}

func TestNobodyHearsWhatIsForAnother(t *testing.T) {
	eachSecured(t, func(t *testing.T, as func(string) *Broker) {
		for _, subject := range []string{"mallbots.>", "mallbots.stores.v1.StoreCreated.*", "_INBOX.>", "_INBOX.ordering.>", "mallbots-shared.>", "mallbots-shared.ordering.baskets.1", "$JS.EVENT.>", ">"} {
			b := as("stores")
			_, err := b.conn().SubscribeSync(subject)
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				err := b.Health()
				return err != nil && strings.Contains(strings.ToLower(err.Error()), "permissions violation for subscription")
			}, patience, time.Millisecond, subject)
		}
	})
}

func TestOnlyUsersConnect(t *testing.T) {
	eachSecured(t, func(t *testing.T, as func(string) *Broker) {
		b := as("stores")
		where := b.url
		options := []nats.Option{}
		if b.embedded != nil {
			options = append(options, nats.InProcessServer(b.embedded))
		}
		_, err := nats.Connect(where, options...)
		require.Error(t, err)
		if b.embedded == nil {
			require.ErrorIs(t, err, nats.ErrAuthorization)
			_, err = nats.Connect(where, nats.UserInfo("stores", "pbaskets"))
			require.ErrorIs(t, err, nats.ErrAuthorization)
		}
	})
}

func TestAStreamKnowsWhoseItIs(t *testing.T) {
	b := embedded(t)
	s := ensured(t, b, "stores")
	require.Zero(t, s.Owner())
	first := Owner{"one", "here"}
	require.NoError(t, s.Own(t.Context(), first))
	life := s.Epoch()
	again := ensured(t, b, "stores")
	require.Equal(t, first, again.Owner())
	require.Equal(t, life, again.Epoch())
	state, err := s.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, first, state.Owner)
	require.NoError(t, b.js().DeleteStream(t.Context(), s.Name()))
	require.ErrorIs(t, s.Own(t.Context(), first), ErrNoStream)
	require.ErrorIs(t, s.Own(t.Context(), first), jetstream.ErrStreamNotFound)
}

func TestAPasswordIsNotTold(t *testing.T) {
	e := newExternal(t) // nobody there
	address := strings.Replace(e.url(), "nats://", "nats://stores:hunter2@", 1)
	b, err := Connect(t.Context(), address+",127.0.0.1:1", quiet())
	require.NoError(t, err)
	defer closeBroker(t, b)
	require.ErrorContains(t, b.Health(), e.url())
	require.NotContains(t, b.Health().Error(), "hunter2")
	require.Equal(t, "nats://a:4222,nats://b", anonymous("stores@a:4222,nats://s:p@b"))
	require.Equal(t, "_INBOX.stores", inboxPrefix(userOf("nats://stores:x@a")))
	require.Equal(t, "_INBOX", inboxPrefix(userOf("nats://token@a")), "a token is no name")
	require.Equal(t, "_INBOX", inboxPrefix(userOf("nats://st.res:x@a")))
}
