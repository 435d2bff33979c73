package main

import (
	"fmt"
	"regexp"
	"strconv"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The shapes of expression that the contracts use. An expression of another
// shape is an error, so that no limit is left out of the document in silence.
var (
	notBlank    = `this.matches(r'[^\s\p{Z}\p{C}]')`
	printable   = regexp.MustCompile(`^!this\.matches\(r'.*Cc.*'\)$`)
	atMost      = regexp.MustCompile(`^this\.size\(\) <= (\d+)$`)
	between     = regexp.MustCompile(`^this >= (\d+) && this <= (\d+)$`)
	wholeMatch  = regexp.MustCompile(`^this\.matches\('(\^.*\$)'\)$`)
	defaultSize = proto.Int64(50)
)

// limit adds a field's declared validation to its schema. It tells whether the
// field must be given, and the codes that its rules answer with.
func limit(s *schema, field protoreflect.FieldDescriptor) (required bool, codes []string, err error) {
	rules, _ := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
	if rules == nil {
		return false, nil, nil
	}
	for _, rule := range rules.GetCel() {
		must, err := expression(s, rule.GetExpression())
		if err != nil {
			return false, nil, fmt.Errorf("%s: rule %s: %w", field.FullName(), rule.GetId(), err)
		}
		required = required || must
		codes = append(codes, rule.GetId())
	}
	if rules.GetRequired() {
		required = true
		codes = append(codes, "required")
	}
	optional := rules.GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE
	switch {
	case rules.GetString().GetUuid():
		s.Format = "uuid"
		required = !optional
		codes = append(codes, "string.uuid")
		if required {
			codes = append(codes, "string.uuid_empty") // what protovalidate calls a missing one
		}
	case rules.GetEnum().GetDefinedOnly():
		codes = append(codes, "enum.defined_only")
	case rules.HasType():
		return false, nil, fmt.Errorf("%s: a rule that the document can't say; teach it to limit", field.FullName())
	}
	if field.Name() == "page_size" {
		s.Default = defaultSize
	}
	return required, codes, nil
}

// expression adds what one CEL expression asks for. It tells whether the zero
// value breaks it, and so the field must be given.
func expression(s *schema, cel string) (required bool, err error) {
	if cel == notBlank {
		s.MinLength, s.Pattern = proto.Int64(1), `\S`
		return true, nil
	}
	if printable.MatchString(cel) {
		return false, nil
	}
	if m := atMost.FindStringSubmatch(cel); m != nil {
		s.MaxLength, err = number(m[1])
		return false, err
	}
	if m := between.FindStringSubmatch(cel); m != nil {
		if s.Minimum, err = number(m[1]); err != nil {
			return false, err
		}
		s.Maximum, err = number(m[2])
		return *s.Minimum > 0, err
	}
	if m := wholeMatch.FindStringSubmatch(cel); m != nil {
		s.Pattern = m[1]
		return true, nil
	}
	return false, fmt.Errorf("%q is of a shape that the document can't say; teach it to expression", cel)
}

func number(digits string) (*int64, error) {
	n, err := strconv.ParseInt(digits, 10, 64)
	return &n, err
}
