package inbox

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Fields with these numbers change the meaning of the message that has them, so
// that whoever does not know one must not act on the rest. Any other field that
// a reader does not know is an addition, which it may leave alone.
const (
	firstRequired protowire.Number = 1000
	lastRequired  protowire.Number = 1999
)

// errUnknownContent says that a message was written by a newer version, and
// that this one would have to guess what it means.
var errUnknownContent = errors.New("inbox: unknown content; a newer version of this module may understand it")

// understood is an error that names the first thing in m, at any depth, which
// this binary has no word for: the number of an enum without a name, or an
// unknown field with a number from 1000 to 1999. Handlers need not look.
func understood(m protoreflect.Message) (err error) {
	for unknown := []byte(m.GetUnknown()); len(unknown) > 0; {
		number, _, length := protowire.ConsumeField(unknown)
		if length < 0 {
			return fmt.Errorf("%w: %w", errUndecodable, protowire.ParseError(length))
		}
		if number >= firstRequired && number <= lastRequired {
			return fmt.Errorf("%w: field %d of %s", errUnknownContent, number, m.Descriptor().FullName())
		}
		unknown = unknown[length:]
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			value.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				err = understoodValue(field.MapValue(), v)
				return err == nil
			})
		case field.IsList():
			for i := 0; i < value.List().Len() && err == nil; i++ {
				err = understoodValue(field, value.List().Get(i))
			}
		default:
			err = understoodValue(field, value)
		}
		return err == nil
	})
	return err
}

func understoodValue(field protoreflect.FieldDescriptor, value protoreflect.Value) error {
	switch {
	case field.Enum() != nil && field.Enum().Values().ByNumber(value.Enum()) == nil:
		return fmt.Errorf("%w: %s is %d, which has no name", errUnknownContent, field.FullName(), value.Enum())
	case field.Message() != nil:
		return understood(value.Message())
	}
	return nil
}
