package inbox

import (
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	_ "mallbots/proto/mallbots/baskets/v1"
	_ "mallbots/proto/mallbots/depot/v1"
	_ "mallbots/proto/mallbots/ordering/v1"
	_ "mallbots/proto/mallbots/stores/v1"
)

// events are all that the contracts declare, by their descriptors, so that a new
// one is fuzzed from the moment it exists.
func events() []protoreflect.MessageType {
	var all []protoreflect.MessageType
	protoregistry.GlobalTypes.RangeMessages(func(t protoreflect.MessageType) bool {
		path := t.Descriptor().ParentFile().Path()
		if strings.HasPrefix(path, "mallbots/") && strings.HasSuffix(path, "/events.proto") {
			all = append(all, t)
		}
		return true
	})
	slices.SortFunc(all, func(a, b protoreflect.MessageType) int {
		return strings.Compare(string(a.Descriptor().FullName()), string(b.Descriptor().FullName()))
	})
	return all
}

// filled is an event with something in every field, two levels deep.
func filled(m protoreflect.Message, depth int) protoreflect.Message {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.Message() != nil && f.IsList() && depth < 3:
			filled(m.Mutable(f).List().AppendMutable().Message(), depth+1)
		case f.Message() != nil && !f.IsMap() && depth < 3:
			filled(m.Mutable(f).Message(), depth+1)
		case f.IsList() || f.IsMap():
		case f.Kind() == protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString("s3cret"))
		case f.Kind() == protoreflect.Int64Kind:
			m.Set(f, protoreflect.ValueOfInt64(1))
		case f.Kind() == protoreflect.Int32Kind:
			m.Set(f, protoreflect.ValueOfInt32(1))
		case f.Kind() == protoreflect.EnumKind:
			m.Set(f, protoreflect.ValueOfEnum(99))
		}
	}
	return m
}

// FuzzEvent reads anything as any event: it is refused as undecodable or as
// unknown content, or understood; and an operator can always be shown it, without
// its secrets.
func FuzzEvent(f *testing.F) {
	all := events()
	require.Greater(f, len(all), 15, "the contracts are not linked in")
	for n, kind := range all {
		data, err := proto.Marshal(filled(kind.New(), 0).Interface())
		require.NoError(f, err)
		f.Add(uint8(n), data)
		f.Add(uint8(n), data[:len(data)/2])                      // cut
		f.Add(uint8(n), append(data, 0xc2, 0x3e, 0x01, 0x78))    // a field 1000 of a version to come
		f.Add(uint8(n), append(data, 0x82, 0x7d, 0x01, 0x78))    // a field 2000, which is an addition
		f.Add(uint8(n), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 1}) // nothing at all
		f.Add(uint8(n), []byte(`{"json":true}`))
	}
	f.Fuzz(func(t *testing.T, n uint8, data []byte) {
		kind := all[int(n)%len(all)]
		name := string(kind.Descriptor().FullName())
		event := kind.New()
		err := proto.Unmarshal(data, event.Interface())
		shown := Decoded(name, data)
		require.True(t, json.Valid(shown), "%s", shown)
		if err != nil {
			require.Contains(t, string(shown), "undecodable")
			return
		}
		if err := understood(event); err != nil {
			require.True(t, errors.Is(err, errUnknownContent) || errors.Is(err, errUndecodable), "%v", err)
		}
		event.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			if field.Kind() == protoreflect.StringKind && !field.IsList() && !field.IsMap() && secret(field) {
				var fields map[string]any
				require.NoError(t, json.Unmarshal(shown, &fields))
				require.Equal(t, masked, fields[field.JSONName()])
			}
			return true
		})
	})
}

// FuzzEdit takes anything as the text of an edited dead letter: it is refused, or
// is an event of the letter's type that keeps the secrets which it left masked.
func FuzzEdit(f *testing.F) {
	all := events()
	in := New(databasetest.Open(f, database.SQLite, "test", nil), slog.New(slog.DiscardHandler))
	originals := make([][]byte, len(all))
	for n, kind := range all {
		in.handlers[string(kind.Descriptor().FullName())] = handler{}
		data, err := proto.Marshal(filled(kind.New(), 0).Interface())
		require.NoError(f, err)
		originals[n] = data
		f.Add(uint8(n), []byte(Decoded(string(kind.Descriptor().FullName()), data)))
		text, err := protojson.Marshal(filled(kind.New(), 0).Interface())
		require.NoError(f, err)
		f.Add(uint8(n), text)
		f.Add(uint8(n), []byte(`{"nobody":"knows"}`))
		f.Add(uint8(n), []byte(`{`))
	}
	f.Fuzz(func(t *testing.T, n uint8, content []byte) {
		n %= uint8(len(all))
		letter := Letter{Type: string(all[n].Descriptor().FullName()), data: originals[n]}
		data, err := in.rewrite(letter, content)
		if err != nil {
			require.ErrorIs(t, err, ErrSchema)
			return
		}
		event := all[n].New()
		require.NoError(t, proto.Unmarshal(data, event.Interface()))
		require.NoError(t, understood(event))
		event.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			if secret(field) && field.Kind() == protoreflect.StringKind && !field.IsList() && !field.IsMap() {
				require.NotEqual(t, masked, value.String(), "the mask became the secret")
			}
			return true
		})
	})
}
