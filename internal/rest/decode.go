package rest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/fault"
)

// MaxBody is how large the body of a request may be, in bytes.
const MaxBody = 1 << 20

// What is wrong with a request that can't be read.
var (
	ErrJSON           = fault.New(fault.Invalid, "JSON_MALFORMED", "the body is not the JSON that this route takes")
	ErrUnknownField   = fault.New(fault.Invalid, "FIELD_UNKNOWN", "there is no such field")
	ErrInvalidField   = fault.New(fault.Invalid, "FIELD_INVALID", "the value does not fit the field")
	ErrPathAndBody    = fault.New(fault.Invalid, "PATH_AND_BODY_DIFFER", "path and body name different things; leave it out of the body")
	ErrUnknownQuery   = fault.New(fault.Invalid, "PARAMETER_UNKNOWN", "there is no such query parameter")
	ErrQuery          = fault.New(fault.Invalid, "QUERY_MALFORMED", "the query can't be read")
	ErrBodyUnexpected = fault.New(fault.Invalid, "BODY_UNEXPECTED", "this route takes no body")
	ErrBodyTooLarge   = fault.New(fault.Invalid, "BODY_TOO_LARGE", "a request holds at most 1 MiB")
	ErrBodyUnreadable = fault.New(fault.Invalid, "BODY_UNREADABLE", "the body could not be read to its end")
	ErrMediaType      = fault.New(fault.Invalid, "MEDIA_TYPE_UNSUPPORTED", "send the body as application/json, uncompressed")
)

var (
	unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)
	invalidField = regexp.MustCompile(`(?:invalid value for \S+|duplicate|non-repeated) field "?([\w.]+)"?`)
)

// decode makes of an HTTP request the request message.
func (b *binding) decode(r *http.Request, message proto.Message) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return ErrQuery.With("%s", err)
	}
	target := message
	if b.body != nil {
		target = message.ProtoReflect().Mutable(b.body).Message().Interface()
	}
	if err := decodeBody(r, target, b.wholeBody || b.body != nil); err != nil {
		return err
	}
	if err := b.decodeQuery(query, message.ProtoReflect()); err != nil {
		return err
	}
	return b.decodePath(r, message.ProtoReflect())
}

// decodeBody reads the JSON of the body into target.
func decodeBody(r *http.Request, target proto.Message, expected bool) error {
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return ErrBodyTooLarge
	case err != nil:
		return ErrBodyUnreadable.With("%s", err)
	case len(body) == 0:
		return nil
	case !isJSON(r.Header):
		return ErrMediaType
	case !expected:
		if strings.TrimSpace(string(body)) == "{}" {
			return nil
		}
		return ErrBodyUnexpected
	}
	if err := protojson.Unmarshal(body, target); err != nil {
		return wordJSONError(err)
	}
	return nil
}

// isJSON reports whether the header allows the body to be JSON: it says so, or
// says nothing.
func isJSON(header http.Header) bool {
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return false
	}
	if header.Get("Content-Type") == "" {
		return true
	}
	media, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || (media != "application/json" && (!strings.HasPrefix(media, "application/") || !strings.HasSuffix(media, "+json"))) {
		return false
	}
	charset := parameters["charset"]
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii")
}

// wordJSONError names what protojson did not like: the field where there is
// one, and the line and column.
func wordJSONError(err error) error {
	text := err.Error()
	if rest, ok := strings.CutPrefix(text, "proto:"); ok {
		text = strings.TrimLeft(rest, "\u00a0 ")
	}
	text = shorten(text)
	if match := unknownField.FindStringSubmatch(text); match != nil {
		return withViolation(ErrUnknownField.With("%s", text), match[1], ErrUnknownField.Message)
	}
	if match := invalidField.FindStringSubmatch(text); match != nil {
		return withViolation(ErrInvalidField.With("%s", text), match[1], text)
	}
	return ErrJSON.With("%s", text)
}

// decodePath sets the fields in the path. A body that has one of them says the
// same.
func (b *binding) decodePath(r *http.Request, message protoreflect.Message) error {
	for _, v := range b.path {
		text := chi.URLParam(r, v.name)
		if r.URL.RawPath != "" { // then chi routed by the escaped path
			unescaped, err := url.PathUnescape(text)
			if err != nil {
				return invalid(v.field, text, "is not escaped as a path is")
			}
			text = unescaped
		}
		parent, last := descend(message, v.field)
		value, err := parse(last, text)
		if err != nil {
			return invalid(v.field, text, err.Error())
		}
		if parent.Has(last) && !parent.Get(last).Equal(value) {
			return ErrPathAndBody.In(jsonPath(v.field))
		}
		parent.Set(last, value)
	}
	return nil
}

// decodeQuery sets the fields in the query.
func (b *binding) decodeQuery(query url.Values, message protoreflect.Message) error {
	for name, texts := range query {
		field, ok := fieldAt(message.Descriptor(), name)
		if !ok || b.wholeBody || b.inPath[jsonPath(field)] || (b.body != nil && field[0] == b.body) {
			return withViolation(ErrUnknownQuery.With("%q", shorten(name)), shorten(name), ErrUnknownQuery.Message)
		}
		parent, last := descend(message, field)
		switch {
		case last.IsMap():
			return withViolation(ErrUnknownQuery.With("%q", name), name, ErrUnknownQuery.Message)
		case last.IsList():
			list := parent.Mutable(last).List()
			for _, text := range texts {
				value, err := parse(last, text)
				if err != nil {
					return invalid(field, text, err.Error())
				}
				list.Append(value)
			}
		case len(texts) > 1, parent.Has(last):
			return invalid(field, texts[0], "is given more than once")
		default:
			value, err := parse(last, texts[0])
			if err != nil {
				return invalid(field, texts[0], err.Error())
			}
			parent.Set(last, value)
		}
	}
	return nil
}

// descend goes to the message that holds the last of fields.
func descend(message protoreflect.Message, fields []protoreflect.FieldDescriptor) (protoreflect.Message, protoreflect.FieldDescriptor) {
	last := len(fields) - 1
	for _, field := range fields[:last] {
		message = message.Mutable(field).Message()
	}
	return message, fields[last]
}

func invalid(field []protoreflect.FieldDescriptor, text, why string) error {
	name := jsonPath(field)
	why = strings.ToValidUTF8(why, "?")
	return withViolation(ErrInvalidField.With("%s: %q %s", name, shorten(text), why), name, why)
}

func withViolation(f *fault.Error, field, description string) *fault.Error {
	f.Violations = append(f.Violations, fault.Violation{Field: field, Description: description})
	return f
}

// shorten keeps what a caller sent from filling the answer and the log.
func shorten(text string) string {
	const most = 200
	if len(text) <= most {
		return strings.ToValidUTF8(text, "?")
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strings.ToValidUTF8(text[:cut], "?") + "…"
}
