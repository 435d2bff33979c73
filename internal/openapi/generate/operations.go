package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/contracts"
)

// describe returns the whole document.
func describe(files []protoreflect.FileDescriptor, words contracts.Comments, s *schemas) (*document, error) {
	doc := newDocument()
	for _, file := range files {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			text, err := words.Of(service)
			if err != nil {
				return nil, err
			}
			module := moduleOf(file)
			doc.Tags = append(doc.Tags, tag{Name: module, Description: text})
			for j := range service.Methods().Len() {
				if err := doc.add(service.Methods().Get(j), module, words, s); err != nil {
					return nil, err
				}
			}
		}
	}
	doc.Components.Schemas = s.named
	slices.SortFunc(doc.Components.Schemas, func(a, b entry[*schema]) int { return strings.Compare(a.key, b.key) })
	for _, problem := range problemSchemas() {
		doc.Components.Schemas.set(problem.key, problem.value)
	}
	return doc, nil
}

// moduleOf returns the module that a contract is of: stores for mallbots.stores.v1.
func moduleOf(file protoreflect.FileDescriptor) string {
	return strings.Split(string(file.Package()), ".")[1]
}

// route returns an RPC's verb and its path with JSON names.
func route(m protoreflect.MethodDescriptor) (verb, path string, err error) {
	rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		verb, path = "get", pattern.Get
	case *annotations.HttpRule_Put:
		verb, path = "put", pattern.Put
	case *annotations.HttpRule_Post:
		verb, path = "post", pattern.Post
	case *annotations.HttpRule_Delete:
		verb, path = "delete", pattern.Delete
	default:
		return "", "", fmt.Errorf("%s has no google.api.http annotation of a known verb", m.FullName())
	}
	if wantBody := verb == "put" || verb == "post"; wantBody != (rule.GetBody() == "*") {
		return "", "", fmt.Errorf("%s: PUT and POST take body \"*\", GET and DELETE none", m.FullName())
	}
	return verb, path, nil
}

var variable = regexp.MustCompile(`\{(\w+)\}`)

// add describes one RPC as an operation.
func (doc *document) add(m protoreflect.MethodDescriptor, module string, words contracts.Comments, s *schemas) error {
	verb, path, err := route(m)
	if err != nil {
		return err
	}
	text, err := words.Deed(m)
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(text, ". ")
	op := &operation{
		OperationID: string(m.Name()),
		Tags:        []string{module},
		Summary:     strings.TrimSuffix(first, "."),
		Description: fmt.Sprintf("%s\n\nOver gRPC, gRPC-Web and Connect: `/%s/%s`.", text, m.Parent().FullName(), m.Name()),
	}
	if err := op.guard(m); err != nil {
		return err
	}
	path, codes, err := op.request(m, verb, path, s)
	if err != nil {
		return err
	}
	if err := op.respond(m, verb, path, codes, words, s); err != nil {
		return err
	}
	item, ok := doc.Paths.get(path)
	if !ok {
		item = &pathItem{}
		doc.Paths.set(path, item)
	}
	slot := map[string]**operation{"get": &item.Get, "put": &item.Put, "post": &item.Post, "delete": &item.Delete}[verb]
	if *slot != nil {
		return fmt.Errorf("%s and %s have the same route", (*slot).OperationID, op.OperationID)
	}
	*slot = op
	return nil
}

// request says what is sent: in the path, in the query of a GET or DELETE, in
// the body of a PUT or POST, and in headers. It returns the path with JSON names
// and the codes of the declared validations.
func (op *operation) request(m protoreflect.MethodDescriptor, verb, path string, s *schemas) (string, []string, error) {
	inPath := map[string]bool{}
	for _, v := range variable.FindAllStringSubmatch(path, -1) {
		inPath[v[1]] = true
	}
	var rest []protoreflect.FieldDescriptor
	var codes []string
	fields := m.Input().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		named := inPath[string(field.Name())]
		delete(inPath, string(field.Name()))
		if !named && (verb == "put" || verb == "post") {
			rest = append(rest, field)
			continue
		}
		value, required, broken, err := s.field(field, sent)
		if err != nil {
			return "", nil, err
		}
		p := parameter{Name: field.JSONName(), In: "query", Description: value.Description, Required: required, Schema: value}
		if named {
			p.In, p.Required = "path", true
			path = strings.ReplaceAll(path, "{"+string(field.Name())+"}", "{"+field.JSONName()+"}")
		}
		value.Description = ""
		op.Parameters = append(op.Parameters, p)
		codes = append(codes, broken...)
	}
	if len(inPath) > 0 {
		return "", nil, fmt.Errorf("%s: its path names fields that its request has not: %v", m.FullName(), inPath)
	}
	if verb == "put" || verb == "post" {
		body, broken, err := s.object(rest, sent)
		if err != nil {
			return "", nil, err
		}
		codes = append(codes, broken...)
		op.RequestBody = &requestBody{Required: len(body.Required) > 0}
		op.RequestBody.Content.set("application/json", media{body})
	}
	op.Parameters = append(op.Parameters, requestHeaders(m, verb)...)
	return path, codes, nil
}

// respond says what is answered: the response, and each kind of refusal.
func (op *operation) respond(m protoreflect.MethodDescriptor, verb, path string, codes []string, words contracts.Comments, s *schemas) error {
	text, err := words.Of(m.Output())
	if err != nil {
		return err
	}
	body, err := s.message(m.Output(), answered)
	if err != nil {
		return err
	}
	ok := &response{Description: text, Headers: responseHeaders(m, verb, path)}
	if m.IsStreamingServer() {
		ok.Description += " Server-sent events without an end: the data of each is one such object as JSON."
		ok.Content.set("text/event-stream", media{body})
	} else {
		ok.Content.set("application/json", media{body})
	}
	op.Responses.set("200", ok)
	op.Responses.set("400", invalid(codes))
	for _, status := range refusals(m, verb, path) {
		op.Responses.set(status, &response{Ref: "#/components/responses/" + problemNames[status]})
	}
	return nil
}
