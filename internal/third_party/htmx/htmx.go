// Package htmx holds htmx 2.0.11 and its extension for server-sent events,
// 2.2.4, as their makers publish them on npm (htmx.org and htmx-ext-sse). Both
// are under the Zero-Clause BSD licence; see LICENSE and LICENSE.sse.
package htmx

import _ "embed"

// Script is htmx.
//
//go:embed htmx.min.js
var Script []byte

// Events is the extension for server-sent events. It is loaded after Script.
//
//go:embed sse.min.js
var Events []byte
