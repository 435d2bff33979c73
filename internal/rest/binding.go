package rest

import (
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Route is one way to call a method: an HTTP method, and a path whose variables
// are in braces.
type Route struct {
	Method string
	Path   string
}

// Routes are the routes of a method, none when it has no annotation.
func Routes(method protoreflect.MethodDescriptor) []Route {
	var routes []Route
	for _, rule := range rules(method) {
		if route, ok := routeOf(rule); ok {
			routes = append(routes, route)
		}
	}
	return routes
}

// PathFields are the fields of the request that the first route of method has
// in its path, in order.
func PathFields(method protoreflect.MethodDescriptor) []string {
	routes := Routes(method)
	if len(routes) == 0 {
		return nil
	}
	return variables(routes[0].Path)
}

// binding is a route, and where in the request message its parts go.
type binding struct {
	Route
	path      []variable
	wholeBody bool                         // the body is the message
	body      protoreflect.FieldDescriptor // the body is this field; nil for none
	inPath    map[string]bool              // the names of path
}

// variable is a part of the path and the field that it is.
type variable struct {
	name  string
	field []protoreflect.FieldDescriptor
}

// bindings reads the annotation of method. An error is a mistake in the proto.
func bindings(method protoreflect.MethodDescriptor) ([]binding, error) {
	var all []binding
	for _, rule := range rules(method) {
		b, err := bind(method, rule)
		if err != nil {
			return nil, fmt.Errorf("rest: google.api.http of %s: %w", method.FullName(), err)
		}
		all = append(all, b)
	}
	return all, nil
}

func bind(method protoreflect.MethodDescriptor, rule *annotations.HttpRule) (binding, error) {
	route, ok := routeOf(rule)
	if !ok {
		return binding{}, fmt.Errorf("no HTTP method and path")
	}
	if rule.GetResponseBody() != "" {
		return binding{}, fmt.Errorf("response_body is not supported")
	}
	if !strings.HasPrefix(route.Path, "/") || strings.ContainsAny(route.Path, "*=:") {
		return binding{}, fmt.Errorf("path %q is more than segments and {variables}", route.Path)
	}
	b := binding{Route: route, inPath: map[string]bool{}}
	for _, name := range variables(route.Path) {
		field, ok := fieldAt(method.Input(), name)
		if !ok {
			return binding{}, fmt.Errorf("the request has no field %q", name)
		}
		b.path = append(b.path, variable{name: name, field: field})
		b.inPath[jsonPath(field)] = true
	}
	switch rule.GetBody() {
	case "":
	case "*":
		b.wholeBody = true
	default:
		b.body = method.Input().Fields().ByName(protoreflect.Name(rule.GetBody()))
		if b.body == nil || b.body.Message() == nil || b.body.IsList() || b.body.IsMap() {
			return binding{}, fmt.Errorf("body %q is not a message field of the request", rule.GetBody())
		}
	}
	return b, nil
}

func rules(method protoreflect.MethodDescriptor) []*annotations.HttpRule {
	rule, ok := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok || rule == nil || !proto.HasExtension(method.Options(), annotations.E_Http) {
		return nil
	}
	return append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...)
}

func routeOf(rule *annotations.HttpRule) (Route, bool) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return Route{http.MethodGet, p.Get}, true
	case *annotations.HttpRule_Put:
		return Route{http.MethodPut, p.Put}, true
	case *annotations.HttpRule_Post:
		return Route{http.MethodPost, p.Post}, true
	case *annotations.HttpRule_Delete:
		return Route{http.MethodDelete, p.Delete}, true
	case *annotations.HttpRule_Patch:
		return Route{http.MethodPatch, p.Patch}, true
	case *annotations.HttpRule_Custom:
		return Route{strings.ToUpper(p.Custom.GetKind()), p.Custom.GetPath()}, true
	}
	return Route{}, false
}

// variables are the names in braces.
func variables(path string) []string {
	var names []string
	for {
		_, rest, ok := strings.Cut(path, "{")
		if !ok {
			return names
		}
		name, after, _ := strings.Cut(rest, "}")
		names = append(names, name)
		path = after
	}
}

// fieldAt finds the field at a dotted path, by JSON or proto names. All but the
// last are single messages.
func fieldAt(message protoreflect.MessageDescriptor, path string) ([]protoreflect.FieldDescriptor, bool) {
	var fields []protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(path, ".") {
		if message == nil {
			return nil, false
		}
		field := message.Fields().ByJSONName(name)
		if field == nil {
			field = message.Fields().ByTextName(name)
		}
		if field == nil {
			return nil, false
		}
		fields = append(fields, field)
		message = nil
		if !field.IsList() && !field.IsMap() {
			message = field.Message()
		}
	}
	return fields, true
}

// jsonPath is the path of a field as JSON names it.
func jsonPath(fields []protoreflect.FieldDescriptor) string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.JSONName()
	}
	return strings.Join(names, ".")
}
