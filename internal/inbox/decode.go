package inbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// masked stands for a secret.
const masked = "••••"

// Decoded shows an event by its descriptor, its secrets masked.
func Decoded(name string, data []byte) json.RawMessage {
	refuse := func(err error) json.RawMessage {
		text, _ := json.Marshal(map[string]any{"undecodable": err.Error(), "bytes": data}) // strings and bytes always marshal
		return text
	}
	event, err := decode(name, data)
	if err != nil {
		return refuse(err)
	}
	mask(event.ProtoReflect())
	text, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(event)
	if err != nil {
		return refuse(err)
	}
	return text
}

// decode reads the bytes of an event whose type this binary knows.
func decode(name string, data []byte) (proto.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		return nil, fmt.Errorf("type %q: %w", name, err)
	}
	event := t.New().Interface()
	return event, proto.Unmarshal(data, event)
}

// secrets are the words of which one in the name of a field makes it secret.
var secrets = []string{"payment", "password", "secret", "token", "credential", "card", "sms", "phone", "email"}

// secret reports whether a field is not for the eyes of an operator.
func secret(field protoreflect.FieldDescriptor) bool {
	if options, ok := field.Options().(*descriptorpb.FieldOptions); ok && options.GetDebugRedact() {
		return true
	}
	words := strings.Split(string(field.Name()), "_")
	return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(secrets, word) })
}

// mask replaces the secrets of m, at any depth; of texts, and of other fields
// the whole value. It also drops what m carries that nobody here can name.
func mask(m protoreflect.Message) {
	m.SetUnknown(nil)
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case secret(field) && field.Kind() == protoreflect.StringKind && !field.IsList() && !field.IsMap():
			m.Set(field, protoreflect.ValueOfString(masked))
		case secret(field):
			m.Clear(field)
		case field.IsMap() || field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				mask(value.List().Get(i).Message())
			}
		default:
			mask(value.Message())
		}
		return true
	})
}

// restore puts the secrets of original back where an edited event has the mask.
func restore(edited, original protoreflect.Message) {
	edited.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
		case field.IsList() && field.Message() != nil:
			for i := range min(value.List().Len(), original.Get(field).List().Len()) {
				restore(value.List().Get(i).Message(), original.Get(field).List().Get(i).Message())
			}
		case field.IsList():
		case field.Message() != nil:
			restore(value.Message(), original.Get(field).Message())
		case secret(field) && field.Kind() == protoreflect.StringKind && value.String() == masked:
			edited.Set(field, original.Get(field))
		}
		return true
	})
}
