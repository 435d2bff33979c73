package main

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/contracts"
)

// schemas turns messages into JSON Schemas, as proto3 JSON writes them.
type schemas struct {
	words contracts.Comments
	named ordered[*schema]
}

func newSchemas(words contracts.Comments) *schemas { return &schemas{words: words} }

// direction says who sends a message. What a client sends may be written in more
// ways, is held to limits, and has no field that the server does not know.
type direction bool

const (
	sent     direction = true  // by the client
	answered direction = false // by the server
)

// message returns a reference to a message's schema, made when first asked for.
func (s *schemas) message(m protoreflect.MessageDescriptor, d direction) (*schema, error) {
	name := string(m.Name())
	if d == sent {
		name += "Input"
	}
	ref := &schema{Ref: "#/components/schemas/" + name}
	if _, ok := s.named.get(name); ok {
		return ref, nil
	}
	s.named.set(name, nil) // keeps its place before what it refers to
	fields := make([]protoreflect.FieldDescriptor, m.Fields().Len())
	for i := range fields {
		fields[i] = m.Fields().Get(i)
	}
	object, _, err := s.object(fields, d)
	if err != nil {
		return nil, err
	}
	if object.Description, err = s.words.Of(m); err != nil {
		return nil, err
	}
	s.named.set(name, object)
	return ref, nil
}

// object returns the schema of an object with these fields, and the codes that
// their rules answer with.
func (s *schemas) object(fields []protoreflect.FieldDescriptor, d direction) (*schema, []string, error) {
	object := &schema{Type: "object"}
	var codes []string
	for _, field := range fields {
		property, required, broken, err := s.field(field, d)
		if err != nil {
			return nil, nil, err
		}
		object.Properties.set(field.JSONName(), property)
		if required {
			object.Required = append(object.Required, field.JSONName())
		}
		codes = append(codes, broken...)
	}
	if d == sent {
		object.AdditionalProperties = proto.Bool(false)
	}
	return object, codes, nil
}

// field returns the schema of one field, whether it is always there, and the
// codes of its rules and of those below it.
func (s *schemas) field(field protoreflect.FieldDescriptor, d direction) (*schema, bool, []string, error) {
	value, codes, err := s.value(field, d)
	if err != nil {
		return nil, false, nil, err
	}
	required := field.IsList() || field.Message() == nil // always answered, the zero value too
	if d == sent {
		var broken []string
		if required, broken, err = limit(value, field); err != nil {
			return nil, false, nil, err
		}
		codes = append(broken, codes...)
	}
	if field.IsList() {
		value = &schema{Type: "array", Items: value}
	}
	value.Description, err = s.words.Of(field)
	return value, required, codes, err
}

// value returns the schema of one value of a field.
func (s *schemas) value(field protoreflect.FieldDescriptor, d direction) (*schema, []string, error) {
	switch field.Kind() {
	case protoreflect.StringKind:
		return &schema{Type: "string"}, nil, nil
	case protoreflect.BoolKind:
		return &schema{Type: "boolean"}, nil, nil
	case protoreflect.Int32Kind:
		return &schema{Type: "integer", Format: "int32"}, nil, nil
	case protoreflect.Int64Kind:
		if d == sent {
			return &schema{Type: []string{"string", "integer"}, Format: "int64", Pattern: `^-?[0-9]+$`}, nil, nil
		}
		return &schema{Type: "string", Format: "int64", Pattern: `^-?[0-9]+$`}, nil, nil
	case protoreflect.EnumKind:
		ref, err := s.enum(field.Enum())
		return ref, nil, err
	case protoreflect.MessageKind:
		switch field.Message().FullName() {
		case "google.protobuf.Timestamp":
			return &schema{Type: "string", Format: "date-time"}, nil, nil
		case "google.protobuf.Struct":
			return &schema{Type: "object"}, nil, nil
		}
		ref, err := s.message(field.Message(), d)
		if err != nil || d == answered {
			return ref, nil, err
		}
		codes, err := nested(field.Message())
		return ref, codes, err
	default:
		return nil, nil, fmt.Errorf("%s: no JSON Schema for %s; teach it to value", field.FullName(), field.Kind())
	}
}

// enum returns a reference to an enum's schema. The zero value is left out: it
// says nothing, and is never answered.
func (s *schemas) enum(e protoreflect.EnumDescriptor) (*schema, error) {
	name := string(e.Name())
	text, err := s.words.Of(e)
	if err != nil {
		return nil, err
	}
	list := &schema{Type: "string", Description: text + "\n"}
	for i := range e.Values().Len() {
		value := e.Values().Get(i)
		text, err := s.words.Of(value)
		if err != nil {
			return nil, err
		}
		if value.Number() == 0 {
			continue
		}
		list.Enum = append(list.Enum, string(value.Name()))
		list.Description += fmt.Sprintf("\n- `%s`: %s", value.Name(), text)
	}
	s.named.set(name, list)
	return &schema{Ref: "#/components/schemas/" + name}, nil
}

// nested returns the codes of the rules inside a message that a client sends.
func nested(m protoreflect.MessageDescriptor) ([]string, error) {
	var all []string
	for i := range m.Fields().Len() {
		_, codes, err := limit(&schema{}, m.Fields().Get(i))
		if err != nil {
			return nil, err
		}
		all = append(all, codes...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
