package openapi

import (
	"encoding/json"
	"regexp"
)

var reference = regexp.MustCompile(`"\$ref":\s*"#/components/(\w+)/(\w+)"`)

// prune removes the components that texts do not refer to, directly or through
// other components.
func prune(components map[string]map[string]json.RawMessage, texts [][]byte) {
	used := map[string]map[string]bool{}
	for kind := range components {
		used[kind] = map[string]bool{}
	}
	for len(texts) > 0 {
		text := texts[len(texts)-1]
		texts = texts[:len(texts)-1]
		for _, m := range reference.FindAllStringSubmatch(string(text), -1) {
			kind, name := m[1], m[2]
			if !used[kind][name] {
				used[kind][name] = true
				texts = append(texts, components[kind][name])
			}
		}
	}
	for kind, named := range components {
		for name := range named {
			if !used[kind][name] {
				delete(named, name)
			}
		}
	}
}
