package contracts

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	_ "mallbots/proto/mallbots/baskets/v1" // the events of today
	_ "mallbots/proto/mallbots/depot/v1"
	_ "mallbots/proto/mallbots/ordering/v1"
	_ "mallbots/proto/mallbots/stores/v1"
)

// published is an event as it is on the wire.
type published struct {
	name protoreflect.FullName
	data []byte
}

// TestEveryReleaseUnderstandsEveryOther decodes the events of each release, as
// their bytes were recorded, with the contracts of today, and those of today
// with the contracts of each release. What one knows and the other does not is
// left out; all else means the same.
//
// MALLBOTS_RELEASE=v0.2.0 records the events of that release first.
func TestEveryReleaseUnderstandsEveryOther(t *testing.T) {
	today := goldenEvents(t)
	if release := os.Getenv("MALLBOTS_RELEASE"); release != "" {
		file := repository + "/proto/images/" + release + ".events"
		require.NoFileExists(t, file, "a release is recorded once")
		var text strings.Builder
		for _, e := range today {
			text.WriteString(string(e.name) + " " + base64.StdEncoding.EncodeToString(e.data) + "\n")
		}
		require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o644))
	}
	images, err := filepath.Glob(repository + "/proto/images/*.binpb")
	require.NoError(t, err)
	require.NotEmpty(t, images)
	for _, image := range images {
		t.Run(filepath.Base(image), func(t *testing.T) {
			then := typesOf(t, image)
			for _, e := range recorded(t, strings.TrimSuffix(image, ".binpb")+".events") {
				before, now := decode(t, then, e), decode(t, protoregistry.GlobalTypes, e)
				require.Empty(t, now.ProtoReflect().GetUnknown(), "%s has lost a field", e.name)
				require.Equal(t, plain(t, before, nil), plain(t, now, before), "%s", e.name)
			}
			for _, e := range today {
				if _, err := then.FindMessageByName(e.name); err != nil {
					continue // there was no such event
				}
				before, now := decode(t, then, e), decode(t, protoregistry.GlobalTypes, e)
				require.Equal(t, plain(t, before, nil), plain(t, now, before), "%s", e.name)
			}
		})
	}
}

// resolver knows the messages of a release.
type resolver interface {
	FindMessageByName(protoreflect.FullName) (protoreflect.MessageType, error)
}

// typesOf are the messages of a release, from its image.
func typesOf(t *testing.T, image string) resolver {
	t.Helper()
	data, err := os.ReadFile(image)
	require.NoError(t, err)
	var set descriptorpb.FileDescriptorSet
	require.NoError(t, proto.Unmarshal(data, &set))
	files, err := protodesc.NewFiles(&set)
	require.NoError(t, err)
	return dynamicpb.NewTypes(files)
}

func decode(t *testing.T, types resolver, e published) proto.Message {
	t.Helper()
	kind, err := types.FindMessageByName(e.name)
	require.NoError(t, err)
	m := kind.New().Interface()
	require.NoError(t, proto.Unmarshal(e.data, m))
	return m
}

// plain is a message as JSON, without the fields that other does not know.
func plain(t *testing.T, m, other proto.Message) string {
	t.Helper()
	data, err := protojson.Marshal(m)
	require.NoError(t, err)
	if other != nil {
		known := other.ProtoReflect().New().Interface()
		require.NoError(t, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, known))
		data, err = protojson.Marshal(known)
		require.NoError(t, err)
	}
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, data))
	return compact.String()
}

// goldenEvents are the events that the tests of the modules made them publish.
func goldenEvents(t *testing.T) []published {
	t.Helper()
	goldens, err := filepath.Glob(repository + "/*/testdata/published.golden")
	require.NoError(t, err)
	require.Len(t, goldens, 4)
	var all []published
	for _, golden := range goldens {
		text, err := os.ReadFile(golden)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			parts := strings.SplitN(line, " ", 3)
			kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(parts[1]))
			require.NoError(t, err)
			m := kind.New().Interface()
			require.NoError(t, protojson.Unmarshal([]byte(parts[2]), m))
			data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
			require.NoError(t, err)
			all = append(all, published{kind.Descriptor().FullName(), data})
		}
	}
	return all
}

// recorded are the events of a release.
func recorded(t *testing.T, file string) []published {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err, "each image has the events of its release beside it")
	var all []published
	for line := range strings.Lines(string(text)) {
		name, encoded, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			encoded = "" // an event whose fields are all zero has no bytes
		}
		data, err := base64.StdEncoding.DecodeString(encoded)
		require.NoError(t, err)
		all = append(all, published{protoreflect.FullName(name), data})
	}
	require.NotEmpty(t, all)
	return all
}
