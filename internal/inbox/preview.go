package inbox

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	moneyv1 "mallbots/proto/mallbots/money/v1"
)

// Preview says what a dead letter is about, before anybody acts on it.
type Preview struct {
	Letter   string    `json:"letter"`
	Consumer string    `json:"consumer"`
	Type     string    `json:"type"`
	Key      string    `json:"key"`
	Sequence int64     `json:"sequence"`
	Cause    string    `json:"cause"`
	Concerns []Concern `json:"concerns"` // in the order in which the event names them
	Money    []Amount  `json:"money"`    // its total, or else its price
	Later    int64     `json:"later"`    // messages of the key that wait behind it
	Can      string    `json:"can"`      // what an operator can do about it
}

// Concern is something that an event is about.
type Concern struct {
	Kind string `json:"kind"` // such as order, basket, customer or product
	ID   string `json:"id"`
}

// Amount is an amount of money.
type Amount struct {
	Currency   string `json:"currency"`
	MinorUnits int64  `json:"minorUnits"`
}

// Preview returns what one dead letter is about, or ErrNoLetter.
func (in *Inbox) Preview(ctx context.Context, id string) (Preview, error) {
	l, err := in.letter(ctx, in.db, id)
	if err != nil {
		return Preview{}, err
	}
	p := Preview{
		Letter: l.ID, Consumer: l.Consumer, Type: l.Type, Key: l.Key, Sequence: l.Sequence, Cause: l.Cause,
		Concerns: []Concern{}, Money: []Amount{}, Can: in.can(l),
	}
	if event, err := decode(l.Type, l.data); err == nil {
		p.read(event.ProtoReflect())
	}
	p.Later, err = in.heldBehind(ctx, l)
	return p, err
}

// can says what an operator can do about a letter.
func (in *Inbox) can(l Letter) string {
	switch {
	case l.Cause == CauseInvalid:
		return "discard: what it says about itself can never be trusted"
	case l.Cause == CauseGap:
		return "wait until what is missing is published again, or republish the source's state; discard gives up what is missing as well"
	case l.Cause == CauseHeld:
		return "wait: it follows by itself when what is before it is decided"
	case !in.knows(l.Type):
		return "retry with a version that knows the type, or discard"
	case l.Cause == CauseUndecodable:
		return "edit and retry, or discard"
	case l.Cause == CauseUnknown:
		return "retry with a newer version, or edit and retry"
	}
	return "retry when the cause is gone, edit and retry, or discard"
}

// read collects what an event names, at any depth, each thing once.
func (p *Preview) read(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		value := m.Get(field)
		switch kind, isID := strings.CutSuffix(string(field.Name()), "_id"); {
		case secret(field) || field.IsMap() || !m.Has(field):
		case isID && field.Kind() == protoreflect.StringKind && !field.IsList():
			if c := (Concern{kind, value.String()}); !slices.Contains(p.Concerns, c) {
				p.Concerns = append(p.Concerns, c)
			}
		case field.Message() == nil:
		case field.IsList():
			for j := range value.List().Len() {
				p.read(value.List().Get(j).Message())
			}
		default:
			money, isMoney := value.Message().Interface().(*moneyv1.Money)
			if !isMoney {
				p.read(value.Message())
				continue
			}
			amount := Amount{money.GetCurrencyCode(), money.GetMinorUnits()}
			if field.Name() == "total" {
				p.Money = []Amount{amount}
			} else if m.Descriptor().Fields().ByName("quantity") == nil { // a line's price is part of the total
				p.Money = append(p.Money, amount)
			}
		}
	}
}

func (a Amount) String() string {
	return fmt.Sprintf("%s %d.%02d", a.Currency, a.MinorUnits/100, a.MinorUnits%100)
}
