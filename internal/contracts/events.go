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
// first: those of the events.proto files that are linked in.
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
	return Declared(files...)
}

// Declared are the events of some files: their messages that are no part of
// another one.
func Declared(files ...protoreflect.FileDescriptor) []protoreflect.MessageDescriptor {
	var all, events []protoreflect.MessageDescriptor
	parts := map[protoreflect.FullName]bool{}
	for _, file := range files {
		for i := range file.Messages().Len() {
			m := file.Messages().Get(i)
			all = append(all, m)
			for j := range m.Fields().Len() {
				if part := m.Fields().Get(j).Message(); part != nil {
					parts[part.FullName()] = true
				}
			}
		}
	}
	for _, m := range all {
		if !parts[m.FullName()] {
			events = append(events, m)
		}
	}
	return events
}
