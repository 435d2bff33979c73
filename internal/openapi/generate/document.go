package main

import (
	"bytes"
	"encoding/json"
)

// document is the part of OpenAPI 3.1 that this API needs, in the order in
// which it is read best.
type document struct {
	OpenAPI    string             `json:"openapi"`
	Info       info               `json:"info"`
	Servers    []server           `json:"servers"`
	Tags       []tag              `json:"tags"`
	Paths      ordered[*pathItem] `json:"paths"`
	Components components         `json:"components"`
}

type info struct {
	Title       string  `json:"title"`
	Summary     string  `json:"summary"`
	Description string  `json:"description"`
	Version     string  `json:"version"`
	License     license `json:"license"`
}

type license struct {
	Name       string `json:"name"`
	Identifier string `json:"identifier"`
}

type server struct {
	URL string `json:"url"`
}

type tag struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

type pathItem struct {
	Get    *operation `json:"get,omitempty"`
	Put    *operation `json:"put,omitempty"`
	Post   *operation `json:"post,omitempty"`
	Delete *operation `json:"delete,omitempty"`
}

type operation struct {
	OperationID string             `json:"operationId"`
	Tags        []string           `json:"tags"`
	Summary     string             `json:"summary"`
	Description string             `json:"description"`
	Parameters  []parameter        `json:"parameters,omitempty"`
	RequestBody *requestBody       `json:"requestBody,omitempty"`
	Responses   ordered[*response] `json:"responses"`
	Security    []requirement      `json:"security"`
}

// requirement is one way to be let in: the names of what is asked for, with
// nothing more to say of each. An empty one asks for nothing.
type requirement map[string][]string

type securityScheme struct {
	Type        string `json:"type"`
	Scheme      string `json:"scheme"`
	Description string `json:"description"`
}

type parameter struct {
	Ref         string  `json:"$ref,omitempty"`
	Name        string  `json:"name,omitempty"`
	In          string  `json:"in,omitempty"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Schema      *schema `json:"schema,omitempty"`
}

type requestBody struct {
	Required bool           `json:"required"`
	Content  ordered[media] `json:"content"`
}

type response struct {
	Ref         string          `json:"$ref,omitempty"`
	Description string          `json:"description,omitempty"`
	Headers     ordered[header] `json:"headers,omitzero"`
	Content     ordered[media]  `json:"content,omitzero"`
}

type header struct {
	Ref         string  `json:"$ref,omitempty"`
	Description string  `json:"description,omitempty"`
	Schema      *schema `json:"schema,omitempty"`
}

type media struct {
	Schema *schema `json:"schema"`
}

type components struct {
	Schemas    ordered[*schema]   `json:"schemas"`
	Parameters ordered[parameter] `json:"parameters"`
	Headers    ordered[header]    `json:"headers"`
	Responses  ordered[*response] `json:"responses"`

	SecuritySchemes ordered[securityScheme] `json:"securitySchemes"`
}

// schema is a JSON Schema. Type is a string, or several of them.
type schema struct {
	Ref                  string           `json:"$ref,omitempty"`
	Description          string           `json:"description,omitempty"`
	Type                 any              `json:"type,omitempty"`
	Format               string           `json:"format,omitempty"`
	Pattern              string           `json:"pattern,omitempty"`
	Enum                 []string         `json:"enum,omitempty"`
	MinLength            *int64           `json:"minLength,omitempty"`
	MaxLength            *int64           `json:"maxLength,omitempty"`
	Minimum              *int64           `json:"minimum,omitempty"`
	Maximum              *int64           `json:"maximum,omitempty"`
	Default              *int64           `json:"default,omitempty"`
	Items                *schema          `json:"items,omitempty"`
	Properties           ordered[*schema] `json:"properties,omitzero"`
	Required             []string         `json:"required,omitempty"`
	AdditionalProperties *bool            `json:"additionalProperties,omitempty"`
}

// ordered is a JSON object that keeps the order of its keys.
type ordered[T any] []entry[T]

type entry[T any] struct {
	key   string
	value T
}

// set adds a key, or gives it another value.
func (o *ordered[T]) set(key string, value T) {
	for i := range *o {
		if (*o)[i].key == key {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, entry[T]{key, value})
}

// get returns the value of a key, and whether there is one.
func (o ordered[T]) get(key string) (T, bool) {
	for _, e := range o {
		if e.key == key {
			return e.value, true
		}
	}
	var none T
	return none, false
}

// MarshalJSON writes the object, its keys in order.
func (o ordered[T]) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, e := range o {
		if i > 0 {
			out = append(out, ',')
		}
		key, err := encode(e.key)
		if err != nil {
			return nil, err
		}
		value, err := encode(e.value)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, bytes.TrimSpace(key)...), ':'), value...)
	}
	return append(out, '}'), nil
}

// encode writes JSON for people to read: indented, and with < and & as they are.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return out.Bytes(), err
}
