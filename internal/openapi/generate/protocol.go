package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/identity"
)

// What every operation has in common and no .proto file says: the headers, and
// how a refusal looks.

// newDocument returns a document without operations.
func newDocument() *document {
	doc := &document{
		OpenAPI: "3.1.0",
		Info: info{
			Title:   "mallbots",
			Summary: "The back end of a shopping mall.",
			Description: "Stores sell products, customers fill baskets across stores, a checked-out basket becomes one order, " +
				"the depot reserves the stock and its bots pick it, the customer collects.\n\n" +
				"Success is 200 with a JSON object, in which fields at their default value are written too. " +
				"A refusal is `application/problem+json` with a stable `code`. Unknown JSON fields are refused.",
			Version: "1.0.0",
			License: license{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Servers: []server{{URL: "/"}},
	}
	c := &doc.Components
	c.Parameters.set("IdempotencyKey", parameter{
		Name: "Idempotency-Key", In: "header", Schema: &schema{Type: "string", MinLength: proto.Int64(1)},
		Description: "Makes the call safe to repeat: the same key and request get the same response and have one effect, " +
			"for 24 hours. The same key with another request is 422; while the first call is under way it is 409.",
	})
	c.Parameters.set("IfMatch", parameter{
		Name: "If-Match", In: "header", Schema: &schema{Type: "string"},
		Description: "The ETag that the change builds on, such as `\"3\"`. When the thing has changed since, the call is refused with 412.",
	})
	c.Parameters.set("MallbotsAfter", parameter{
		Name: "Mallbots-After", In: "header", Schema: &schema{Type: "string", Pattern: `^[a-z]+/[^@]+@[0-9]+$`},
		Description: "A Mallbots-Position that the module must have applied before it answers; may be given several times. " +
			"It waits up to 2 seconds, then answers 503 with code `NOT_YET_CAUGHT_UP`.",
	})
	c.Parameters.set("LastEventID", parameter{
		Name: "Last-Event-ID", In: "header", Schema: &schema{Type: "string"},
		Description: "The id of the last event that was received, to resume a watch.",
	})
	c.Headers.set("ETag", header{
		Description: "The version of what was read, in quotation marks, for If-Match.", Schema: &schema{Type: "string", Pattern: `^"[0-9]+"$`},
	})
	c.Headers.set("MallbotsPosition", header{
		Description: "Where the last event of this change is, `<module>/<key>@<sequence>`, for Mallbots-After; only when it published one.",
		Schema:      &schema{Type: "string", Pattern: `^[a-z]+/[^@]+@[0-9]+$`},
	})
	c.SecuritySchemes.set("bearer", securityScheme{
		Type: "http", Scheme: "bearer",
		Description: "An API key, or a token of the mall's OpenID Connect issuer. A mall that asks nobody who they are (on loopback) needs none.",
	})
	for _, status := range []string{"401", "403", "404", "409", "412", "422", "429", "503", "default"} {
		c.Responses.set(problemNames[status], problem(problemTexts[status]))
	}
	return doc
}

// requestHeaders are the headers that an operation honours.
func requestHeaders(m protoreflect.MethodDescriptor, verb string) []parameter {
	var names []string
	if verb != "get" {
		names = append(names, "IdempotencyKey")
		if m.Input().Fields().ByName("id") != nil {
			names = append(names, "IfMatch")
		}
	}
	names = append(names, "MallbotsAfter")
	if m.IsStreamingServer() {
		names = append(names, "LastEventID")
	}
	parameters := make([]parameter, len(names))
	for i, name := range names {
		parameters[i].Ref = "#/components/parameters/" + name
	}
	return parameters
}

// responseHeaders are the headers that a success carries.
func responseHeaders(_ protoreflect.MethodDescriptor, verb, path string) ordered[header] {
	var headers ordered[header]
	switch {
	case verb != "get":
		headers.set("Mallbots-Position", header{Ref: "#/components/headers/MallbotsPosition"})
	case strings.HasSuffix(path, "/{id}"):
		headers.set("ETag", header{Ref: "#/components/headers/ETag"})
	}
	return headers
}

var problemNames = map[string]string{
	"401": "Unauthenticated", "403": "Forbidden",
	"404": "NotFound", "409": "Conflict", "412": "Stale", "422": "KeyReused",
	"429": "TooMany", "503": "Unavailable", "default": "Problem",
}

var problemTexts = map[string]string{
	"401":     "Who asks is not known: the credential is missing, or does not count, for the reason that the code names.",
	"403":     "The caller's roles do not allow it.",
	"404":     "There is no such thing, or its module does not run here.",
	"409":     "The thing is in a state that does not allow this, which the detail names, or a race was lost.",
	"412":     "The thing has changed since the version of If-Match.",
	"422":     "The Idempotency-Key was used before for another request.",
	"429":     "Over a limit; try later.",
	"503":     "A part is down, or behind the position of Mallbots-After; try again.",
	"default": "Any other refusal.",
}

// refusals are the statuses, but for 400, that an operation may be refused with.
func refusals(m protoreflect.MethodDescriptor, verb, path string) []string {
	var statuses []string
	if verb != "get" {
		statuses = append(statuses, "409", "422")
		if m.Input().Fields().ByName("id") != nil {
			statuses = append(statuses, "412")
		}
	}
	if strings.Contains(path, "{") || m.Input().Fields().ByName("product_id") != nil {
		statuses = append(statuses, "404")
	}
	statuses = append(statuses, "401", "403", "429", "503")
	slices.Sort(statuses)
	return append(statuses, "default")
}

// guard says who may call the operation, as its policy declares.
func (op *operation) guard(m protoreflect.MethodDescriptor) error {
	policy, ok := identity.PolicyOf(m)
	if !ok {
		return fmt.Errorf("%s declares no policy", m.FullName())
	}
	if slices.Contains(policy.Any, identity.Visitor) {
		op.Security = []requirement{{}, {"bearer": {}}}
		op.Description += "\n\nFor everybody."
		return nil
	}
	op.Security = []requirement{{"bearer": {}}}
	op.Description += "\n\nFor the roles " + roles(policy.Any)
	if len(policy.Own) > 0 {
		op.Description += "; for " + roles(policy.Own) + " about what is theirs"
	}
	op.Description += "."
	return nil
}

func roles(all []identity.Role) string {
	names := make([]string, 0, len(all))
	for _, r := range all {
		names = append(names, "`"+string(r)+"`")
	}
	return strings.Join(names, ", ")
}

// invalid is the answer to a request that can never succeed, with the codes of
// its declared validations.
func invalid(codes []string) *response {
	text := "The request can never succeed as it is; `violations` names the fields."
	if len(codes) > 0 {
		slices.Sort(codes)
		text += " Declared validations answer with the code `" + strings.Join(slices.Compact(codes), "`, `") + "`."
	}
	return problem(text)
}

// problem is a refusal as RFC 9457 writes it.
func problem(text string) *response {
	p := &response{Description: text}
	p.Content.set("application/problem+json", media{&schema{Ref: "#/components/schemas/Problem"}})
	return p
}

// problemSchemas are the schemas of a refusal.
func problemSchemas() ordered[*schema] {
	violation := &schema{Type: "object", Description: "Violation names one field that is wrong, and how.", Required: []string{"field", "description"}}
	violation.Properties.set("field", &schema{Type: "string", Description: "The field, by its JSON name; dots lead into it."})
	violation.Properties.set("description", &schema{Type: "string", Description: "What is wrong with it."})

	refusal := &schema{
		Type: "object", Description: "Problem is a refusal, as RFC 9457 writes it.",
		Required: []string{"type", "title", "status", "detail", "code"},
	}
	refusal.Properties.set("type", &schema{Type: "string", Format: "uri-reference", Description: "The kind of problem."})
	refusal.Properties.set("title", &schema{Type: "string", Description: "The kind of problem in words."})
	refusal.Properties.set("status", &schema{Type: "integer", Format: "int32", Description: "The HTTP status."})
	refusal.Properties.set("detail", &schema{Type: "string", Description: "What was wrong this time, and the remedy where there is one."})
	refusal.Properties.set("code", &schema{Type: "string", Description: "A stable reason for programs, such as STORE_NAME_BLANK."})
	refusal.Properties.set("violations", &schema{
		Type: "array", Description: "The fields that are wrong.", Items: &schema{Ref: "#/components/schemas/Violation"},
	})
	return ordered[*schema]{{"Problem", refusal}, {"Violation", violation}}
}
