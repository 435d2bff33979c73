package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"mallbots/internal/broker"
	"mallbots/internal/database"
	"mallbots/internal/fault"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// poison makes the handler fail for one key and sequence.
func (b *bench) poison(key string, sequence int64, how func(ctx context.Context) error) {
	b.failing(func(ctx context.Context, _ database.Tx, e *storesv1.ProductPriceChanged) error {
		if e.GetProductId() == key && e.GetPrice().GetMinorUnits() == sequence {
			return how(ctx)
		}
		return nil
	})
}

func TestAPoisonousKeyParksAndTheOthersGoOn(t *testing.T) {
	for name, poison := range map[string]struct {
		how      func(ctx context.Context) error
		cause    string
		attempts int64
	}{
		"refused":   {func(context.Context) error { return fault.New(fault.Conflict, "NO", "it will not do") }, CauseRejected, 1},
		"failing":   {func(context.Context) error { return errors.New("no such luck") }, CauseExhausted, 8},
		"panicking": {func(context.Context) error { panic("at the disco") }, CausePanic, 8},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(b *bench) {
				b.poison("product-07", 2, poison.how)
				b.start()
				var receipts []*receipt
				for s := range int64(4) {
					for _, key := range keys(100) {
						receipts = append(receipts, b.deliver(price(key, s+1)))
					}
				}
				b.acked(receipts...)
				for _, key := range keys(100) {
					if key != "product-07" {
						b.applied(key, 4)
					}
				}
				b.applied("product-07", 1)
				require.Equal(b.t, gate{1, parked}, b.gate("product-07"))
				require.Equal(b.t, map[string]int{"applied": 1, "dead": 1, "parked": 2}, b.statuses("product-07"))

				dead := b.letters("")
				require.Len(b.t, dead, 1)
				require.Equal(b.t, poison.cause, dead[0].Cause)
				require.Equal(b.t, poison.attempts, dead[0].Attempts)
				require.EqualValues(b.t, 2, dead[0].Held)
				require.EqualValues(b.t, 2, dead[0].Sequence)
				require.Equal(b.t, poison.cause == CausePanic, dead[0].Stack != "")
				waiting := b.letters(CauseHeld)
				require.Len(b.t, waiting, 2)

				// What comes again or later is held, and the dead letter stays as it is.
				b.acked(b.deliver(price("product-07", 5)))
				n, held, err := b.in.Count(b.t.Context())
				require.NoError(b.t, err)
				require.EqualValues(b.t, 1, n)
				require.EqualValues(b.t, 3, held)

				// A retry that fails leaves it, with the new error.
				err = b.in.Retry(b.t.Context(), dead[0].ID)
				require.Error(b.t, err)
				again, err := b.in.Show(b.t.Context(), dead[0].ID)
				require.NoError(b.t, err)
				require.Equal(b.t, poison.attempts+1, again.Attempts)
				var shown storesv1.ProductPriceChanged
				require.NoError(b.t, protojson.Unmarshal(again.Payload, &shown))
				require.EqualValues(b.t, 2, shown.GetPrice().GetMinorUnits())
				require.ErrorIs(b.t, b.in.Retry(b.t.Context(), waiting[0].ID), ErrNotFirst)

				b.failing(nil)
				require.NoError(b.t, b.in.Retry(b.t.Context(), dead[0].ID))
				b.applied("product-07", 5)
				require.Equal(b.t, gate{5, open}, b.gate("product-07"))
				require.Equal(b.t, map[string]int{"applied": 5}, b.statuses("product-07"))
				require.Empty(b.t, b.letters(""))
				require.Empty(b.t, b.letters(CauseHeld))
				require.ErrorIs(b.t, b.in.Retry(b.t.Context(), dead[0].ID), ErrNoLetter)
				b.acked(b.deliver(price("product-07", 6)))
				b.applied("product-07", 6)
			})
		})
	}
}

func TestAHandlerThatTakesTooLongIsADeadLetter(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		b.in.settings.timeout, b.in.settings.tries = time.Second, 3 // time enough for bob on a busy machine
		b.poison("ada", 1, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		b.start()
		b.acked(b.deliver(price("ada", 1)))
		require.Equal(b.t, CauseTimeout, b.letters("")[0].Cause)
		b.acked(b.deliver(price("bob", 1)))
		b.applied("bob", 1)
	})
}

func TestADiscardedLetterLetsTheHeldOnesGo(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.poison("ada", 1, func(context.Context) error { return fault.New(fault.Invalid, "NO", "no") })
		b.start()
		b.acked(b.deliver(price("ada", 1)), b.deliver(event("ada", 2, &storesv1.ProductAdded{})), b.deliver(event("ada", 3, &storesv1.ProductRemoved{})))
		dead := b.letters("")
		require.Len(b.t, dead, 1)
		require.ErrorIs(b.t, b.in.Discard(b.t.Context(), dead[0].ID, ""), ErrNoReason)
		require.NoError(b.t, b.in.Discard(b.t.Context(), dead[0].ID, "a test"))
		require.Equal(b.t, gate{3, open}, b.gate("ada"))
		require.Equal(b.t, map[string]int{"discarded": 1, "ignored": 2}, b.statuses("ada"))
	})
}

func TestAHeldMessageMayBecomeTheNextDeadLetter(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.failing(func(_ context.Context, _ database.Tx, e *storesv1.ProductPriceChanged) error {
			if e.GetPrice().GetMinorUnits() == 3 || e.GetPrice().GetMinorUnits() == 1 {
				return fault.New(fault.Invalid, "NO", "no")
			}
			return nil
		})
		stop := b.start()
		for s := range int64(4) {
			b.acked(b.deliver(price("ada", s+1)))
		}
		stop()
		b.poison("ada", 3, func(context.Context) error { return fault.New(fault.Invalid, "NO", "no") })
		require.NoError(b.t, b.in.Retry(b.t.Context(), b.letters("")[0].ID))
		b.applied("ada", 2)
		require.Equal(b.t, gate{2, parked}, b.gate("ada"))
		require.EqualValues(b.t, 3, b.letters("")[0].Sequence)
		require.Equal(b.t, map[string]int{"applied": 2, "dead": 1, "parked": 1}, b.statuses("ada"))
	})
}

// A crash after the retry's commit leaves a key that is being released.
func TestAReleaseThatWasInterruptedGoesOnAfterTheRestart(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.poison("ada", 1, func(context.Context) error { return fault.New(fault.Invalid, "NO", "no") })
		stop := b.start()
		for s := range int64(5) {
			b.acked(b.deliver(price("ada", s+1)))
		}
		stop()
		b.failing(nil)
		ctx, cancel := context.WithCancel(b.t.Context())
		l := b.letters("")[0]
		require.NoError(b.t, b.db.InTx(ctx, func(tx database.Tx) error { // as Retry does, up to its commit
			g, err := b.c.first(ctx, tx, l)
			if err != nil {
				return err
			}
			b.c.deleteLetter(tx, l.MessageID)
			_, err = b.c.through(ctx, tx, b.c.revive(l), gate{g.sequence, releasing})
			return err
		}))
		cancel()
		b.applied("ada", 1)

		b.start()
		b.eventually(func() bool { return b.gate("ada") == gate{5, open} })
		b.applied("ada", 5)
	})
}

func TestAGapParksItsKeyUntilWhatIsMissingComes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		b.start()
		b.acked(b.deliver(price("ada", 1)), b.deliver(price("ada", 3)), b.deliver(price("ada", 4)), b.deliver(price("bob", 1)))
		b.applied("bob", 1)
		require.Equal(b.t, gate{1, gapped}, b.gate("ada"))
		dead := b.letters("")
		require.Len(b.t, dead, 1)
		require.Equal(b.t, CauseGap, dead[0].Cause)
		require.EqualValues(b.t, 3, dead[0].Sequence)
		require.Contains(b.t, dead[0].Error, "sequence 2 is missing")
		require.ErrorIs(b.t, b.in.Retry(b.t.Context(), dead[0].ID), ErrGap)
		b.acked(b.deliver(price("ada", 6)))

		b.acked(b.deliver(price("ada", 2)))
		b.eventually(func() bool { return b.gate("ada") == gate{4, gapped} })
		b.applied("ada", 4)
		require.EqualValues(b.t, 6, b.letters("")[0].Sequence)

		b.acked(b.deliver(price("ada", 5)))
		b.eventually(func() bool { return b.gate("ada") == gate{6, open} })
		b.applied("ada", 6)
		require.Empty(b.t, b.letters(""))
	})
}

func TestAGapThatClosesInTimeParksNothing(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.in.settings.gap = time.Minute
		b.start()
		late := []*receipt{b.deliver(price("ada", 3)), b.deliver(price("ada", 2))}
		b.acked(b.deliver(price("bob", 1)))
		require.Zero(b.t, late[0].acks.Load()+late[1].acks.Load())
		b.acked(append(late, b.deliver(price("ada", 1)))...)
		b.applied("ada", 3)
		require.Empty(b.t, b.letters(""))
	})
}

func TestACrowdEndsThePatience(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.in.settings.crowd, b.in.settings.first, b.in.settings.gap = 20, 50*time.Millisecond, time.Hour
		b.poison("ada", 1, func(context.Context) error { return errors.New("no") })
		b.start()
		var receipts []*receipt
		for s := range int64(40) {
			receipts = append(receipts, b.deliver(price("ada", s+1)), b.deliver(price("bob", s+2)))
		}
		b.acked(receipts...)
		for _, l := range b.letters("") {
			require.LessOrEqual(b.t, l.Attempts, int64(3))
		}
		require.Equal(b.t, gate{0, parked}, b.gate("ada"))
		require.Equal(b.t, gate{0, gapped}, b.gate("bob"))
	})
}

func TestWhatCannotBeTrustedTouchesNothingReal(t *testing.T) {
	forge := map[string]func(m *broker.Message){
		"no headers":        func(m *broker.Message) { m.Header = nil },
		"no key":            func(m *broker.Message) { delete(m.Header, broker.HeaderSubject) },
		"no sequence":       func(m *broker.Message) { delete(m.Header, broker.HeaderSequence) },
		"sequence 0":        func(m *broker.Message) { m.Header[broker.HeaderSequence] = "0" },
		"another subject":   func(m *broker.Message) { m.Subject = "mallbots.stores.v1.StoreCreated.p01" },
		"another partition": func(m *broker.Message) { m.Subject = m.Subject[:len(m.Subject)-2] + "99" },
		"another source": func(m *broker.Message) {
			m.Header[broker.HeaderSource] = "baskets"
		},
		"another module's event": func(m *broker.Message) {
			m.Header[broker.HeaderSource] = "baskets"
			m.Header[broker.HeaderType] = "mallbots.baskets.v1.BasketStarted"
			m.Subject = "mallbots.baskets.v1.BasketStarted" + m.Subject[strings.LastIndex(m.Subject, "."):]
		},
		"another id": func(m *broker.Message) { m.ID = "x" },
	}
	onBoth(t, func(b *bench) {
		b.start()
		real := price("ada", 1)
		for name, f := range forge {
			m := price("ada", 1)
			m.Header[broker.HeaderID], m.ID = real.ID, real.ID // it pretends to be the real one
			f(&m)
			b.acked(b.deliver(m))
			require.Equal(b.t, gate{}, b.gate("ada"), name)
		}
		invalid := b.letters(CauseInvalid)
		require.Len(b.t, invalid, len(forge))
		require.Empty(b.t, b.statuses("ada"))
		b.acked(b.deliver(real), b.deliver(price("ada", 2)))
		b.applied("ada", 2)

		// Its id is taken, whatever the sequence says.
		replayed := price("ada", 3)
		replayed.Header[broker.HeaderID], replayed.ID = real.ID, real.ID
		b.acked(b.deliver(replayed), b.deliver(price("ada", 3)))
		b.applied("ada", 3)

		for _, l := range b.letters(CauseInvalid) {
			require.ErrorIs(b.t, b.in.Retry(b.t.Context(), l.ID), ErrNoUse)
			require.NoError(b.t, b.in.Discard(b.t.Context(), l.ID, "forged"))
		}
		n, _, err := b.in.Count(b.t.Context())
		require.NoError(b.t, err)
		require.Zero(b.t, n)
		require.Equal(b.t, gate{3, open}, b.gate("ada"))
	})
}

func TestBytesThatAreNotTheEventParkTheirKeyAtOnce(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.start()
		broken := price("ada", 1)
		broken.Data = []byte("\xff\xffnot protobuf")
		b.acked(b.deliver(broken), b.deliver(price("bob", 1)), b.deliver(price("ada", 2)))
		b.applied("bob", 1)
		dead := b.letters("")
		require.Len(b.t, dead, 1)
		require.Equal(b.t, CauseUndecodable, dead[0].Cause)
		require.EqualValues(b.t, 1, dead[0].Attempts)
		shown, err := b.in.Show(b.t.Context(), dead[0].ID)
		require.NoError(b.t, err)
		require.Contains(b.t, string(shown.Payload), "undecodable")
		require.Equal(b.t, gate{0, parked}, b.gate("ada"))
	})
}

// A forgery may look sound and take a real message's sequence. Giving it up
// must not give up the real one.
func TestDiscardingAForgeryKeepsTheRealMessage(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.start()
		forged := price("ada", 1)
		forged.Data = []byte("\xff\xff")
		real := price("ada", 1)
		b.acked(b.deliver(forged), b.deliver(real), b.deliver(price("ada", 2)))
		require.NoError(b.t, b.in.Discard(b.t.Context(), b.letters(CauseUndecodable)[0].ID, "forged"))
		b.applied("ada", 2)
		require.Equal(b.t, gate{2, open}, b.gate("ada"))
		require.Equal(b.t, map[string]int{"applied": 2, "discarded": 1}, b.statuses("ada"))
		require.Empty(b.t, b.letters(CauseHeld))
	})
}

func TestLettersAreFiltered(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.failing(func(context.Context, database.Tx, *storesv1.ProductPriceChanged) error {
			return fault.New(fault.NotFound, "NO", "no")
		})
		b.start()
		for _, key := range keys(3) {
			b.acked(b.deliver(price(key, 1)))
		}
		for i, f := range []struct {
			Filter
			want int
		}{
			{Filter{}, 3},
			{Filter{Key: "product-01"}, 1},
			{Filter{Type: "ProductPriceChanged"}, 3},
			{Filter{Type: "mallbots.stores.v1.ProductPriceChanged", Cause: CauseRejected}, 3},
			{Filter{Type: "StoreCreated"}, 0},
			{Filter{Cause: CauseGap}, 0},
		} {
			all, err := b.in.List(b.t.Context(), f.Filter, 10)
			require.NoError(b.t, err)
			require.Len(b.t, all, f.want, fmt.Sprint(i))
		}
		some, err := b.in.List(b.t.Context(), Filter{}, 2)
		require.NoError(b.t, err)
		require.Len(b.t, some, 2)
	})
}
