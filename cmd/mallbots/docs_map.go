package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"mallbots/internal/rest"
)

// page is docs/map.md.
func (a *atlas) page() []byte {
	var b strings.Builder
	b.WriteString(`<!-- Written by "mallbots docs" (make generate). Do not edit: change what it shows. -->

# The map of the mall

What there is, as the modules register it when they are mounted: who tells whom what, and
for each module what it can be asked, what it says and hears, and what it keeps. Nobody
calls anybody: an arrow is an event that one module publishes, in the transaction that makes
it true, and another one acts on, once and in order.

`)
	a.graph(&b)
	b.WriteString("\n")
	for _, m := range a.modules {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", m.Name, m.Name, strings.TrimPrefix(m.about[0], "Package "+m.Name+" is "))
	}
	b.WriteString(`
How an order passes through all of it is told in [CONTRIBUTING](../CONTRIBUTING.md), why it
is built so in [the decisions](adr), and how it changes without breaking in
[evolution](evolution.md). For programs: [asyncapi.json](asyncapi.json) describes every event
(AsyncAPI 3), [openapi.json](../internal/openapi/openapi.json) every route (OpenAPI 3.1, which
a running process serves at /openapi.json and, to try it, at /docs).

## Every event

| event | said by | acted on by | what it tells |
|---|---|---|---|
`)
	for _, m := range a.modules {
		for _, event := range m.events {
			fmt.Fprintf(&b, "| %s | [%s](#%s) | %s | %s |\n", eventLabel(event), m.Name, m.Name,
				orDash(strings.Join(a.listening(event, true), ", ")), capital(strings.TrimPrefix(a.deed(event), "Tells that ")))
		}
	}
	for _, m := range a.modules {
		a.canvas(&b, m)
	}
	return []byte(b.String())
}

// graph draws the modules and the events that pass between them.
func (a *atlas) graph(b *strings.Builder) {
	b.WriteString("```mermaid\ngraph LR\n")
	for _, m := range a.modules {
		fmt.Fprintf(b, "  %s[\"<b>%s</b><br/>%s\"]\n", m.Name, m.Name, strings.Join(words(m.Aggregates), ", "))
	}
	for _, from := range a.modules {
		for _, to := range a.modules {
			var told []string
			for _, event := range from.events {
				if slices.Contains(to.Hears, string(event.FullName())) {
					told = append(told, eventLabel(event))
				}
			}
			if len(told) > 0 {
				fmt.Fprintf(b, "  %s -- \"%s\" --> %s\n", from.Name, strings.Join(told, "<br/>"), to.Name)
			}
		}
	}
	b.WriteString("```\n")
}

// canvas is a module on one page.
func (a *atlas) canvas(b *strings.Builder, m surveyedModule) {
	fmt.Fprintf(b, "\n## %s\n", m.Name)
	for _, paragraph := range m.about {
		fmt.Fprintf(b, "\n%s\n", capital(strings.TrimPrefix(paragraph, "Package ")))
	}
	for _, part := range []struct {
		heading string
		queries bool
	}{{"Commands", false}, {"Queries", true}} {
		fmt.Fprintf(b, "\n### %s of %s\n\n| RPC | route | what it does |\n|---|---|---|\n", part.heading, m.Name)
		for _, rpc := range m.rpcs {
			routes, query := routesOf(rpc)
			if query == part.queries {
				fmt.Fprintf(b, "| %s | %s | %s |\n", rpc.Name(), routes, a.deed(rpc))
			}
		}
	}
	fmt.Fprintf(b, "\n### Events out of %s\n\n%s\n\n| event | acted on by | known to and ignored by |\n|---|---|---|\n", m.Name, a.words.Head(m.events[0].ParentFile()))
	for _, event := range m.events {
		fmt.Fprintf(b, "| %s | %s | %s |\n", eventLabel(event), orDash(strings.Join(a.listening(event, true), ", ")), orDash(strings.Join(a.listening(event, false), ", ")))
	}
	fmt.Fprintf(b, "\n### Events into %s\n\n", m.Name)
	a.heard(b, m)
	fmt.Fprintf(b, "\n### What %s keeps\n\n| table | rebuilt from its own events | what is in it |\n|---|---|---|\n", m.Name)
	for _, t := range m.tables {
		rebuilt := "no"
		if slices.Contains(m.Rebuilt, t.name) {
			rebuilt = "yes"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", t.name, rebuilt, t.about)
	}
	if len(m.Timers) > 0 {
		fmt.Fprintf(b, "\nTimers: `%s`.\n", strings.Join(m.Timers, "`, `"))
	}
	for _, part := range []struct {
		words string
		names []string
	}{{"The audit checks", m.Checks}, {"Books that must agree with those of the same name elsewhere", m.Books}} {
		if len(part.names) > 0 {
			fmt.Fprintf(b, "\n%s: %s.\n", part.words, strings.Join(part.names, "; "))
		}
	}
	fmt.Fprintf(b, "\n### States of %s\n\nWhat each aggregate does with every command in every state: the events that it records and\nthe state they lead to, or the code of its refusal.\n", m.Name)
	for i, name := range m.Aggregates {
		fmt.Fprintf(b, "\n**%s**\n\n%s", strings.ReplaceAll(name, "_", " "), m.states[i])
	}
}

// heard lists what a module hears, by who says it.
func (a *atlas) heard(b *strings.Builder, m surveyedModule) {
	if len(m.Hears) == 0 {
		b.WriteString("None: it hears nobody.\n")
		return
	}
	b.WriteString("| from | it acts on | it knows and ignores |\n|---|---|---|\n")
	for _, from := range a.modules {
		var acted, ignored []string
		for _, event := range from.events {
			switch name := string(event.FullName()); {
			case slices.Contains(m.Hears, name):
				acted = append(acted, eventLabel(event))
			case slices.Contains(m.Ignores, name):
				ignored = append(ignored, eventLabel(event))
			}
		}
		if len(acted)+len(ignored) > 0 {
			fmt.Fprintf(b, "| %s | %s | %s |\n", from.Name, orDash(strings.Join(acted, ", ")), orDash(strings.Join(ignored, ", ")))
		}
	}
}

// listening are the modules that act on an event, or that know it and ignore it.
func (a *atlas) listening(event protoreflect.MessageDescriptor, acting bool) []string {
	var names []string
	for _, m := range a.modules {
		heard := m.Ignores
		if acting {
			heard = m.Hears
		}
		if slices.Contains(heard, string(event.FullName())) {
			names = append(names, m.Name)
		}
	}
	return names
}

// deed is what an RPC does or an event tells; the document's test finds out when
// there are no words.
func (a *atlas) deed(d protoreflect.Descriptor) string {
	text, err := a.words.Deed(d)
	if err != nil {
		return err.Error()
	}
	return text
}

// routesOf are the routes of an RPC, and whether it only reads.
func routesOf(rpc protoreflect.MethodDescriptor) (routes string, query bool) {
	var all []string
	for _, route := range rest.Routes(rpc) {
		all = append(all, "`"+route.Method+" "+route.Path+"`")
		query = route.Method == http.MethodGet
	}
	return strings.Join(all, ", "), query
}

// eventLabel is the name of an event, with its version unless that is the first.
func eventLabel(event protoreflect.MessageDescriptor) string {
	if version := event.ParentFile().Package().Name(); version != "v1" {
		return string(event.Name()) + " (" + string(version) + ")"
	}
	return string(event.Name())
}

func words(names []string) []string {
	var all []string
	for _, name := range names {
		all = append(all, strings.ReplaceAll(name, "_", " "))
	}
	return all
}

// capital begins a text with a capital letter.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}
