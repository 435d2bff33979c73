package baskets_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"mallbots/baskets"
	"mallbots/internal/database"
	"mallbots/internal/host"
	"mallbots/internal/host/hosttest"
	"mallbots/internal/inbox"
	"mallbots/internal/outbox"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// object is a JSON object.
type object = map[string]any

// mall is the baskets module among others that say what a test tells them to.
// Stores and ordering are not the real ones: baskets knows them only by what
// they say.
type mall struct {
	*hosttest.Mall
	stores, ordering *speaker
	listener         *listener
	after            []string // headers: what the next request waits for
}

func start(t *testing.T) *mall {
	t.Parallel()
	m := &mall{stores: &speaker{}, ordering: &speaker{}, listener: &listener{}}
	m.Mall = hosttest.Start(t, host.Module{Name: "baskets", New: baskets.New},
		m.stores.module("stores"), m.ordering.module("ordering"), m.listener.module())
	return m
}

// speaker is a module that publishes what it is told to.
type speaker struct{ db database.DB }

func (s *speaker) module(name string) host.Module {
	return host.Module{Name: name, New: func(ctx context.Context, h *host.Host) error {
		service, err := h.Service(ctx, name, nil)
		if err != nil {
			return err
		}
		s.db = service.DB
		return nil
	}}
}

// say publishes events about key; the next request waits until baskets has
// heard of them.
func (m *mall) say(t *testing.T, s *speaker, key string, events ...proto.Message) {
	t.Helper()
	ctx, positions := outbox.Track(t.Context())
	require.NoError(t, s.db.InTx(ctx, func(tx database.Tx) error {
		for _, e := range events {
			if err := outbox.Publish(ctx, tx, key, e); err != nil {
				return err
			}
		}
		return nil
	}))
	position, ok := positions.Last()
	require.True(t, ok)
	m.after = append(m.after, "Mallbots-After", position)
}

func usd(minorUnits int64) *moneyv1.Money {
	return &moneyv1.Money{CurrencyCode: "USD", MinorUnits: minorUnits}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// store opens a participating store and returns its id.
func (m *mall) store(t *testing.T) string {
	t.Helper()
	id := newID()
	m.say(t, m.stores, id,
		&storesv1.StoreCreated{StoreId: id, Name: "Exotic Liquids", Location: "London, UK"},
		&storesv1.StoreParticipationChanged{StoreId: id, Participating: true})
	return id
}

// product adds a product to a store and returns its id.
func (m *mall) product(t *testing.T, storeID, name string, price int64) string {
	t.Helper()
	id := newID()
	m.say(t, m.stores, id, &storesv1.ProductAdded{ProductId: id, StoreId: storeID, Name: name, Sku: name, Price: usd(price)})
	return id
}

// reprice changes the price of a product.
func (m *mall) reprice(t *testing.T, productID string, price int64) {
	t.Helper()
	m.say(t, m.stores, productID, &storesv1.ProductPriceChanged{ProductId: productID, Price: usd(price)})
}

// do calls the API after all that was said before. On a machine so busy that
// baskets is not told in two seconds it asks again.
func (m *mall) do(t *testing.T, method, path string, body any, headers ...string) hosttest.Response {
	t.Helper()
	headers = append(headers, m.after...)
	m.after = nil
	r := m.Do(t, method, path, body, headers...)
	for begun := time.Now(); r.Body["code"] == "NOT_YET_CAUGHT_UP" && time.Since(begun) < hosttest.Patience; {
		r = m.Do(t, method, path, body, headers...)
	}
	return r
}

// ok calls the API and returns the body of a success.
func (m *mall) ok(t *testing.T, method, path string, body any, headers ...string) object {
	t.Helper()
	r := m.do(t, method, path, body, headers...)
	require.Equal(t, http.StatusOK, r.Status, r.Text)
	require.NotNil(t, r.Body, r.Text)
	return r.Body
}

// refused calls the API and requires a problem with a status and a code.
func (m *mall) refused(t *testing.T, status int, code, method, path string, body any, headers ...string) string {
	t.Helper()
	r := m.do(t, method, path, body, headers...)
	require.Equal(t, status, r.Status, r.Text)
	require.Contains(t, r.Header.Get("Content-Type"), "application/problem+json")
	require.EqualValues(t, status, r.Body["status"])
	if code != "" {
		require.Equal(t, code, r.Body["code"], r.Text)
	}
	return r.Text
}

// basket starts a basket and returns its path.
func (m *mall) basket(t *testing.T) string {
	t.Helper()
	return "/api/baskets/" + m.ok(t, "POST", "/api/baskets", object{"customerId": newID()})["id"].(string)
}

// add puts units of a product into the basket at path.
func (m *mall) add(t *testing.T, path, productID string, quantity int) {
	t.Helper()
	m.ok(t, "PUT", path+"/addItem", object{"productId": productID, "quantity": quantity})
}

// line is an item of a basket, as far as tests look at it.
type line struct {
	product  string
	price    string
	quantity int
	now      string
	changed  bool
}

// look returns a basket's status, its total and its lines.
func (m *mall) look(t *testing.T, path string) (status, total string, lines []line) {
	t.Helper()
	b := m.ok(t, "GET", path, nil)["basket"].(object)
	for _, row := range b["items"].([]any) {
		i := row.(object)
		lines = append(lines, line{
			i["productName"].(string), i["productPrice"].(object)["minorUnits"].(string), int(i["quantity"].(float64)),
			i["currentPrice"].(object)["minorUnits"].(string), i["priceChanged"].(bool),
		})
	}
	return strings.TrimPrefix(b["status"].(string), "BASKET_STATUS_"), b["total"].(object)["minorUnits"].(string), lines
}

// listener is a module that hears all that the baskets say.
type listener struct {
	mutex sync.Mutex
	said  []proto.Message
}

func (l *listener) module() host.Module {
	return host.Module{Name: "listener", New: func(ctx context.Context, h *host.Host) error {
		s, err := h.Service(ctx, "listener", nil)
		if err != nil {
			return err
		}
		inbox.On(s.Inbox, func(_ context.Context, tx database.Tx, e *basketsv1.BasketStarted) error { return l.note(tx, e) })
		inbox.On(s.Inbox, func(_ context.Context, tx database.Tx, e *basketsv1.BasketCheckedOut) error { return l.note(tx, e) })
		inbox.On(s.Inbox, func(_ context.Context, tx database.Tx, e *basketsv1.BasketCanceled) error { return l.note(tx, e) })
		return nil
	}}
}

func (l *listener) note(tx database.Tx, e proto.Message) error {
	tx.AfterCommit(func() {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.said = append(l.said, e)
	})
	return nil
}

// blanks is what prototext puts more or less of between the fields, at random.
var blanks = regexp.MustCompile(`\s+`)

// heard is all that was said, in order, as text; ids have the names they are
// given here.
func (l *listener) heard(names map[string]string) []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var all []string
	for _, e := range l.said {
		text := blanks.ReplaceAllString(prototext.MarshalOptions{}.Format(e), " ")
		for id, name := range names {
			text = strings.ReplaceAll(text, `"`+id+`"`, name)
		}
		all = append(all, string(e.ProtoReflect().Descriptor().Name())+" "+text)
	}
	return all
}

// disable says that a customer may not order.
func (m *mall) disable(t *testing.T, customerID string) {
	t.Helper()
	m.say(t, m.ordering, customerID, &orderingv1.CustomerDisabled{CustomerId: customerID})
}
