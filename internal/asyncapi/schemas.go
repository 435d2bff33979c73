package asyncapi

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/contracts"
)

// schemas turns messages into JSON Schemas, as proto3 JSON writes them.
type schemas struct {
	words contracts.Comments
	named object
}

// reference is where the schema of a message is; it is made when it is first
// asked for.
func (s *schemas) reference(m protoreflect.MessageDescriptor) (object, error) {
	id := identifier(m.FullName())
	if s.named[id] != nil {
		return reference("schemas", id), nil
	}
	text, err := s.words.Of(m)
	if err != nil {
		return nil, err
	}
	properties := object{}
	s.named[id] = object{"type": "object", "description": text, "properties": properties, "x-protobuf-message": string(m.FullName())}
	fields := m.Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		value, err := s.value(field)
		if err != nil {
			return nil, err
		}
		if properties[field.JSONName()], err = s.describe(value, field); err != nil {
			return nil, err
		}
	}
	return reference("schemas", id), nil
}

// describe adds a field's words and number to its schema.
func (s *schemas) describe(value object, field protoreflect.FieldDescriptor) (object, error) {
	text, err := s.words.Of(field)
	if err != nil {
		return nil, err
	}
	if field.IsList() {
		value = object{"type": "array", "items": value}
	} else if value["$ref"] != nil { // beside a reference nothing else counts
		value = object{"allOf": []object{value}}
	}
	value["description"], value["x-protobuf-field"] = text, int(field.Number())
	return value, nil
}

// value is the schema of one value of a field.
func (s *schemas) value(field protoreflect.FieldDescriptor) (object, error) {
	if field.IsMap() {
		return nil, fmt.Errorf("asyncapi: %s is a map: teach the document to say so", field.FullName())
	}
	switch field.Kind() {
	case protoreflect.StringKind:
		return object{"type": "string"}, nil
	case protoreflect.BoolKind:
		return object{"type": "boolean"}, nil
	case protoreflect.Int32Kind:
		return object{"type": "integer", "minimum": math.MinInt32, "maximum": math.MaxInt32}, nil
	case protoreflect.Int64Kind:
		return object{"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}, nil
	case protoreflect.MessageKind:
		return s.reference(field.Message())
	case protoreflect.EnumKind:
		var names []string
		values := field.Enum().Values()
		for i := range values.Len() {
			names = append(names, string(values.Get(i).Name()))
		}
		return object{"type": "string", "enum": names}, nil
	case protoreflect.BytesKind, protoreflect.DoubleKind, protoreflect.FloatKind, protoreflect.GroupKind,
		protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Sint32Kind, protoreflect.Sint64Kind,
		protoreflect.Fixed32Kind, protoreflect.Fixed64Kind, protoreflect.Sfixed32Kind, protoreflect.Sfixed64Kind:
	}
	return nil, fmt.Errorf("asyncapi: %s is of the kind %s: teach the document to say so", field.FullName(), field.Kind())
}
