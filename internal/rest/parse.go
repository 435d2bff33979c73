package rest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// parse reads one value of a field, or one element of a list, from the text of
// a path or a query. Its error continues the sentence `"text" …`.
func parse(field protoreflect.FieldDescriptor, text string) (protoreflect.Value, error) {
	var none protoreflect.Value
	switch field.Kind() {
	case protoreflect.StringKind:
		if !utf8.ValidString(text) {
			return none, errors.New("is not UTF-8")
		}
		return protoreflect.ValueOfString(text), nil
	case protoreflect.BoolKind:
		switch text {
		case "true":
			return protoreflect.ValueOfBool(true), nil
		case "false":
			return protoreflect.ValueOfBool(false), nil
		}
		return none, errors.New("is neither true nor false")
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, err := strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfInt32(int32(n)), number(err, "32")
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		n, err := strconv.ParseInt(text, 10, 64)
		return protoreflect.ValueOfInt64(n), number(err, "64")
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, err := strconv.ParseUint(text, 10, 32)
		return protoreflect.ValueOfUint32(uint32(n)), number(err, "32")
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, err := strconv.ParseUint(text, 10, 64)
		return protoreflect.ValueOfUint64(n), number(err, "64")
	case protoreflect.FloatKind:
		n, err := strconv.ParseFloat(text, 32)
		return protoreflect.ValueOfFloat32(float32(n)), finite(n, err)
	case protoreflect.DoubleKind:
		n, err := strconv.ParseFloat(text, 64)
		return protoreflect.ValueOfFloat64(n), finite(n, err)
	case protoreflect.BytesKind:
		data, err := base64.URLEncoding.DecodeString(text)
		if err != nil {
			return none, errors.New("is not base64")
		}
		return protoreflect.ValueOfBytes(data), nil
	case protoreflect.EnumKind:
		return parseEnum(field.Enum(), text)
	case protoreflect.MessageKind, protoreflect.GroupKind:
	}
	return parseMessage(field.Message(), text)
}

func number(err error, bits string) error {
	if err != nil {
		return fmt.Errorf("is not a whole number of %s bits", bits)
	}
	return nil
}

func finite(n float64, err error) error {
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return errors.New("is not a number")
	}
	return nil
}

// parseEnum reads the name of an enum value. Numbers are for machines: they are
// taken as well, the declared ones.
func parseEnum(enum protoreflect.EnumDescriptor, text string) (protoreflect.Value, error) {
	if value := enum.Values().ByName(protoreflect.Name(text)); value != nil {
		return protoreflect.ValueOfEnum(value.Number()), nil
	}
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		if value := enum.Values().ByNumber(protoreflect.EnumNumber(n)); value != nil {
			return protoreflect.ValueOfEnum(value.Number()), nil
		}
	}
	return protoreflect.Value{}, fmt.Errorf("is no %s", enum.Name())
}

// parseMessage reads a message whose JSON is a string: a time, a duration, a
// wrapper.
func parseMessage(message protoreflect.MessageDescriptor, text string) (protoreflect.Value, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(message.FullName())
	if err != nil || message.ParentFile().Package() != "google.protobuf" {
		return protoreflect.Value{}, errors.New("can't be given as one value; name its fields")
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return protoreflect.Value{}, errors.New("is not text")
	}
	value := kind.New()
	if protojson.Unmarshal(quoted, value.Interface()) != nil && protojson.Unmarshal([]byte(text), value.Interface()) != nil {
		if message.Name() == "Timestamp" {
			return protoreflect.Value{}, errors.New("is no time as RFC 3339 writes it, such as 2026-11-22T08:30:00Z")
		}
		return protoreflect.Value{}, fmt.Errorf("is no %s", message.Name())
	}
	return protoreflect.ValueOfMessage(value), nil
}
