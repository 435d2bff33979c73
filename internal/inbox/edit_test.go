package inbox

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"mallbots/internal/broker"
	"mallbots/internal/cause"
	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/internal/operator"
	basketsv1 "mallbots/proto/mallbots/baskets/v1"
	moneyv1 "mallbots/proto/mallbots/money/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

var errNegative = fault.New(fault.Invalid, "NEGATIVE", "the price is negative")

// stubborn refuses negative prices, and returns the one dead letter of a key
// whose first message has one, with two messages behind it.
func stubborn(b *bench) Letter {
	b.t.Helper()
	b.failing(func(_ context.Context, _ database.Tx, e *storesv1.ProductPriceChanged) error {
		if e.GetPrice().GetMinorUnits() < 0 {
			return errNegative
		}
		return nil
	})
	b.start()
	bad := event("ada", 1, &storesv1.ProductPriceChanged{ProductId: "ada", StoreId: "s1", Price: &moneyv1.Money{CurrencyCode: "USD", MinorUnits: -5}})
	b.acked(b.deliver(bad), b.deliver(price("ada", 2)), b.deliver(price("ada", 3)))
	letters := b.letters(CauseRejected)
	require.Len(b.t, letters, 1)
	return letters[0]
}

func TestAnEditedCopyTakesTheOriginalsPlace(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		l := stubborn(b)
		ctx := cause.With(b.t.Context(), cause.Cause{Actor: "operator ada"})
		_, err := b.in.Edit(ctx, l.ID, []byte(`{"productId":"ada"}`), "")
		require.ErrorIs(b.t, err, ErrNoReason)
		for text, complaint := range map[string]string{
			`{"productId":`:                      "DEAD_LETTER_SCHEMA",
			`{"productId":"ada","colour":"red"}`: "colour",
			`{"productId":7}`:                    "productId",
		} {
			_, err := b.in.Edit(ctx, l.ID, []byte(text), "a slip of the pen")
			require.ErrorIs(b.t, err, ErrSchema, text)
			f, _ := fault.Of(err)
			require.Contains(b.t, f.Code+err.Error(), complaint)
		}
		copied, err := b.in.Edit(ctx, l.ID, []byte(`{"productId":"ada","storeId":"s1","price":{"currencyCode":"USD","minorUnits":"1"}}`), "a slip of the pen")
		require.NoError(b.t, err)
		b.applied("ada", 0)
		require.Equal(b.t, gate{0, parked}, b.gate("ada"))

		shown, err := b.in.Show(ctx, copied)
		require.NoError(b.t, err)
		require.Equal(b.t, l.ID, shown.Original)
		require.EqualValues(b.t, 2, shown.Held)
		require.NotEqual(b.t, l.MessageID, shown.MessageID)
		original, err := b.in.Show(ctx, l.ID)
		require.NoError(b.t, err)
		require.Equal(b.t, "edit", original.Closed)
		require.Equal(b.t, copied, original.Successor)
		require.Contains(b.t, string(original.Payload), "-5")
		require.ErrorIs(b.t, b.in.Retry(ctx, l.ID), ErrNoLetter)

		require.NoError(b.t, b.in.Retry(ctx, copied))
		b.applied("ada", 3)
		require.Empty(b.t, b.letters(""))
		again := broker.Message{Subject: l.Subject, ID: l.MessageID, Header: l.Headers, Data: l.data}
		b.acked(b.deliver(again)) // the original comes again
		b.applied("ada", 3)

		actions, err := operator.List(ctx, b.db, "ada", 10)
		require.NoError(b.t, err)
		require.Len(b.t, actions, 2)
		require.Equal(b.t, []string{"retry", "edit"}, []string{actions[0].Verb, actions[1].Verb})
		require.Equal(b.t, "operator ada", actions[1].Actor)
		require.Equal(b.t, "a slip of the pen", actions[1].Reason)
		require.Contains(b.t, actions[1].Outcome, copied)
		require.WithinDuration(b.t, time.Now(), actions[1].At, time.Minute)
	})
}

func TestWhatIsDiscardedCanStillBeLookedAt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		l := stubborn(b)
		require.ErrorIs(b.t, b.in.Retry(b.t.Context(), l.ID), errNegative)
		require.NoError(b.t, b.in.Discard(b.t.Context(), l.ID, "nobody misses it"))
		b.had("ada", 2, 3)
		shown, err := b.in.Show(b.t.Context(), l.ID)
		require.NoError(b.t, err)
		require.Equal(b.t, "discard", shown.Closed)
		require.EqualValues(b.t, 2, shown.Attempts)
		actions, err := operator.List(b.t.Context(), b.db, "", 10)
		require.NoError(b.t, err)
		require.Len(b.t, actions, 2)
		require.Equal(b.t, "nobody misses it", actions[0].Reason)
		require.Equal(b.t, operator.Done, actions[0].Outcome)
		require.Contains(b.t, actions[1].Outcome, "the price is negative", "a retry that failed is on record too")
	})
}

func TestALetterWhoseSchemaIsGoneIsRefused(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		l := stubborn(b)
		delete(b.in.handlers, l.Type) // as in a version that does not know it
		require.ErrorIs(b.t, b.in.Retry(b.t.Context(), l.ID), ErrSchemaGone)
		_, err := b.in.Edit(b.t.Context(), l.ID, []byte(`{}`), "because")
		require.ErrorIs(b.t, err, ErrSchemaGone)
		p, err := b.in.Preview(b.t.Context(), l.ID)
		require.NoError(b.t, err)
		require.Contains(b.t, p.Can, "a version that knows the type")
	})
}

func TestLettersAreChosenByAge(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		l := stubborn(b)
		for filter, found := range map[Filter]int{
			{Before: l.First}: 1, {Before: l.First.Add(-time.Second)}: 0,
			{After: l.First}: 1, {After: l.First.Add(time.Second)}: 0,
			{Type: "ProductPriceChanged", Cause: CauseRejected, Key: "ada", After: l.First, Before: l.First}: 1,
		} {
			letters, err := b.in.List(b.t.Context(), filter, 10)
			require.NoError(b.t, err)
			require.Len(b.t, letters, found, "%+v", filter)
		}
	})
}

func TestPreviewSaysWhatALetterIsAbout(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		l := stubborn(b)
		p, err := b.in.Preview(b.t.Context(), l.ID)
		require.NoError(b.t, err)
		require.Equal(b.t, []Concern{{"product", "ada"}, {"store", "s1"}}, p.Concerns)
		require.Equal(b.t, []Amount{{"USD", -5}}, p.Money)
		require.EqualValues(b.t, 2, p.Later)
		_, err = b.in.Preview(b.t.Context(), "nobody")
		require.ErrorIs(b.t, err, ErrNoLetter)
	})
}

func TestSecretsAreMaskedAndSurviveAnEdit(t *testing.T) {
	checkout := &basketsv1.BasketCheckedOut{
		BasketId: "b1", CustomerId: "c1", PaymentId: "4111-1111", Total: &moneyv1.Money{CurrencyCode: "USD", MinorUnits: 1234},
		Items: []*basketsv1.BasketCheckedOutItem{{ProductId: "p1", Price: &moneyv1.Money{CurrencyCode: "USD", MinorUnits: 617}, Quantity: 2}},
	}
	data, err := proto.Marshal(checkout)
	require.NoError(t, err)
	shown := Decoded("mallbots.baskets.v1.BasketCheckedOut", data)
	require.NotContains(t, string(shown), "4111")
	require.Contains(t, string(shown), masked)
	require.Contains(t, string(shown), "c1")

	p := Preview{}
	p.read(checkout.ProtoReflect())
	require.Equal(t, []Concern{{"basket", "b1"}, {"customer", "c1"}, {"product", "p1"}}, p.Concerns)
	require.Equal(t, []Amount{{"USD", 1234}}, p.Money, "the total, not the lines")
	require.Equal(t, "USD 12.34", p.Money[0].String())

	in := &Inbox{handlers: map[string]handler{"mallbots.baskets.v1.BasketCheckedOut": {}}}
	edited, err := in.rewrite(Letter{Type: "mallbots.baskets.v1.BasketCheckedOut", data: data}, []byte(strings.Replace(string(shown), "c1", "c2", 1)))
	require.NoError(t, err)
	var event basketsv1.BasketCheckedOut
	require.NoError(t, proto.Unmarshal(edited, &event))
	require.Equal(t, "4111-1111", event.GetPaymentId())
	require.Equal(t, "c2", event.GetCustomerId())

	var refused struct{ Undecodable string }
	require.NoError(t, json.Unmarshal(Decoded("mallbots.nobody.v1.Knows", data), &refused))
	require.NotEmpty(t, refused.Undecodable)
	require.JSONEq(t, `{}`, string(Decoded(string((&emptypb.Empty{}).ProtoReflect().Descriptor().FullName()), nil)))
}
