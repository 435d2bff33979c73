package api

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"mallbots/internal/fault"
)

// validateMessages holds each request message against the rules that its proto
// declares, before the method sees it.
func validateMessages(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		return next(ctx, spec, validatingStream{stream})
	}
}

type validatingStream struct{ connect.ServerStream }

// Receive reads the next message and validates it.
func (s validatingStream) Receive(message any) error {
	if err := s.ServerStream.Receive(message); err != nil {
		return err
	}
	if m, ok := message.(proto.Message); ok {
		return Validate(m)
	}
	return nil
}

// Validate holds message against the rules that its proto declares. The code of
// the fault is the id of the first rule that is broken; its violations are all
// of them, with the fields as JSON names them.
func Validate(message proto.Message) error {
	err := protovalidate.Validate(message)
	if err == nil {
		return nil
	}
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) || len(invalid.Violations) == 0 {
		return fmt.Errorf("validate %s: %w", message.ProtoReflect().Descriptor().FullName(), err)
	}
	f := fault.New(fault.Invalid, invalid.Violations[0].Proto.GetRuleId(), "")
	sentences := make([]string, 0, len(invalid.Violations))
	for _, v := range invalid.Violations {
		violation := fault.Violation{
			Field:       lowerCamel(protovalidate.FieldPathString(v.Proto.GetField())),
			Description: v.Proto.GetMessage(),
		}
		f.Violations = append(f.Violations, violation)
		sentences = append(sentences, strings.TrimPrefix(violation.Field+": "+violation.Description, ": "))
	}
	f.Message = strings.Join(sentences, "; ")
	return f
}

// lowerCamel spells the path of a field as JSON does: "price.minor_units" is
// "price.minorUnits".
func lowerCamel(path string) string {
	var b strings.Builder
	upper := false
	for _, c := range path {
		switch {
		case c == '_':
			upper = true
			continue
		case upper && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		upper = false
		b.WriteRune(c)
	}
	return b.String()
}
