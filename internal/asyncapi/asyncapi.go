// Package asyncapi describes the events of the mall as an AsyncAPI 3 document:
// a channel for each event that a module declares, who sends it, who receives
// it, and what its messages hold. All of it comes from the contracts in proto
// and from what the modules have registered; `mallbots docs` writes it to
// docs/asyncapi.json.
//
// Messages are protobuf on the wire. The document shows each as JSON, as
// proto3 JSON writes it, which is how the command line and the operators see it.
package asyncapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/broker"
	"mallbots/internal/contracts"
)

// Module is a module with the events that it acts on, by their full names.
type Module struct {
	Name  string
	Hears []string
}

// object is a JSON object; its keys are written in order.
type object = map[string]any

// Document returns the document of the modules' events, the same bytes for the
// same contracts. Words are the comments of the contracts.
func Document(words contracts.Comments, modules []Module) ([]byte, error) {
	channels, operations, messages, schemas := object{}, object{}, object{}, schemas{words: words, named: object{}}
	var tags []object
	for _, m := range modules {
		tags = append(tags, object{"name": m.Name})
		for _, event := range contracts.Events(m.Name) {
			text, err := words.Deed(event)
			if err != nil {
				return nil, err
			}
			id := identifier(event.FullName())
			payload, err := schemas.reference(event)
			if err != nil {
				return nil, err
			}
			messages[id] = object{
				"name": string(event.FullName()), "title": string(event.Name()), "summary": text,
				"contentType": broker.ContentType, "payload": payload,
				"headers": reference("schemas", "Headers"), "correlationId": reference("correlationIds", "conversation"),
				"tags": []object{{"name": m.Name}},
			}
			channels[id] = object{
				"address": string(event.FullName()) + ".{partition}", "title": string(event.Name()), "summary": text,
				"description": words.Head(event.ParentFile()),
				"messages":    object{id: reference("messages", id)},
				"parameters":  object{"partition": reference("parameters", "partition")},
			}
			operations[m.Name+".sends."+id] = operation("send", m.Name, id, m.Name+" publishes it in the transaction that makes it true.")
			for _, listener := range modules {
				for _, heard := range listener.Hears {
					if heard == string(event.FullName()) {
						operations[listener.Name+".receives."+id] = operation("receive", listener.Name, id,
							listener.Name+" acts on it once, in the order of its key.")
					}
				}
			}
		}
	}
	schemas.named["Headers"] = headers()
	return encode(object{
		"asyncapi": "3.0.0",
		"info": object{
			"title": "The events of the mall", "version": "1",
			"description": "What the modules of mallbots tell each other. One JetStream stream for each module that publishes, MALLBOTS_<MODULE>. Order is kept for each key (ce-subject), and ce-sequence counts the events of a key without a gap.",
			"license":     object{"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
			"tags":        tags,
		},
		"defaultContentType": broker.ContentType,
		"servers": object{"nats": object{
			"host": "localhost:4222", "protocol": "nats",
			"description": "The NATS server of --nats-url. A process without one runs its own, which listens to nobody else.",
		}},
		"channels": channels, "operations": operations,
		"components": object{
			"messages": messages, "schemas": schemas.named,
			"parameters": object{"partition": object{
				"description": fmt.Sprintf("p and two digits: the hash (FNV-1a) of the key modulo %d. It never changes.", broker.Partitions),
				"examples":    []string{"p00", fmt.Sprintf("p%02d", broker.Partitions-1)},
			}},
			"correlationIds": object{"conversation": object{
				"description": "The request that everything began with.", "location": "$message.header#/" + broker.HeaderCorrelation,
			}},
		},
	})
}

// identifier is the name of an event within the document: stores.v1.StoreCreated.
func identifier(name protoreflect.FullName) string {
	return strings.TrimPrefix(string(name), "mallbots.")
}

func reference(kind, name string) object { return object{"$ref": "#/components/" + kind + "/" + name} }

// operation is a module's part in a channel.
func operation(action, module, channel, summary string) object {
	at := "#/channels/" + channel
	return object{
		"action": action, "channel": object{"$ref": at}, "summary": summary, "tags": []object{{"name": module}},
		"messages": []object{{"$ref": at + "/messages/" + channel}},
	}
}

// headers are the headers of every message: CloudEvents in binary mode.
func headers() object {
	properties := object{}
	var required []string
	for _, h := range []struct{ name, format, words string }{
		{broker.HeaderSpecVersion, "", "1.0, the version of CloudEvents."},
		{broker.HeaderID, "uuid", "Unique for ever; also the Nats-Msg-Id."},
		{broker.HeaderSource, "", "The module that publishes."},
		{broker.HeaderType, "", "The full protobuf name of the payload."},
		{broker.HeaderSubject, "", "The key: whom the event is about."},
		{broker.HeaderTime, "date-time", "When it was published."},
		{broker.HeaderContentType, "", broker.ContentType + "."},
		{broker.HeaderPartitionKey, "", "The key again, as the extension for partitioning wants it."},
		{broker.HeaderSequence, "", "Counts the events of the key from 1, without a gap."},
		{broker.HeaderCorrelation, "", "The conversation that it belongs to."},
		{broker.HeaderCausation, "", "The request or the message that led to it."},
	} {
		property := object{"type": "string", "description": h.words}
		if h.format != "" {
			property["format"] = h.format
		}
		properties[h.name] = property
		required = append(required, h.name)
	}
	properties[broker.HeaderTraceparent] = object{"type": "string", "description": "The W3C trace context, if there is a trace."}
	properties[broker.HeaderSnapshot] = object{"type": "string", "const": "1", "description": "Only on a snapshot: the event carries all there is to know of its key."}
	properties[broker.HeaderNewer] = object{"type": "string", "description": "Only on the older versions of an event that is told in several: the ids of the messages that told it before, separated by commas."}
	return object{
		"type": "object", "description": "CloudEvents in binary mode. Values are percent-encoded where CloudEvents asks for it.",
		"properties": properties, "required": required,
	}
}

// encode writes JSON for people to read.
func encode(document object) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(document); err != nil {
		return nil, fmt.Errorf("asyncapi: %w", err)
	}
	return out.Bytes(), nil
}
