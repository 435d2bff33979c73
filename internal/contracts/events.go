package contracts

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Events are the events that a module declares, those of its first version
// first: the messages of the events.proto files that are linked in, but for
// those that are a part of another message.
func Events(module string) []protoreflect.MessageDescriptor {
	var files []protoreflect.FileDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		folder, name := path.Split(file.Path())
		if name == "events.proto" && strings.HasPrefix(folder, "mallbots/"+module+"/v") {
			files = append(files, file)
		}
		return true
	})
	slices.SortFunc(files, func(a, b protoreflect.FileDescriptor) int { return cmp.Compare(a.Path(), b.Path()) })
	var events []protoreflect.MessageDescriptor
	for _, file := range files {
		parts := map[protoreflect.FullName]bool{}
		messages := file.Messages()
		for i := range messages.Len() {
			fields := messages.Get(i).Fields()
			for j := range fields.Len() {
				if part := fields.Get(j).Message(); part != nil {
					parts[part.FullName()] = true
				}
			}
		}
		for i := range messages.Len() {
			if m := messages.Get(i); !parts[m.FullName()] {
				events = append(events, m)
			}
		}
	}
	return events
}
