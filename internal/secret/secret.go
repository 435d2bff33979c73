// Package secret is for text that must never be shown: passwords, tokens,
// connection strings with a password in them. A Text prints as a placeholder
// however it is printed, logged or encoded; only Reveal gives it out, so that
// every place that can leak it is found by its name.
package secret

import (
	"fmt"
	"log/slog"
)

// Redacted is what is shown in place of a secret.
const Redacted = "[redacted]"

// Text is a secret. The zero value is none, and prints as such.
type Text string

// Reveal returns the secret itself. Hand it to what needs it, and to nothing else.
func (t Text) Reveal() string { return string(t) }

// String returns the placeholder, or nothing when there is no secret.
func (t Text) String() string {
	if t == "" {
		return ""
	}
	return Redacted
}

// GoString is String, for %#v.
func (t Text) GoString() string { return fmt.Sprintf("%q", t.String()) }

// Format is String, for every verb there is.
func (t Text) Format(state fmt.State, verb rune) {
	if verb == 'q' || state.Flag('#') {
		_, _ = fmt.Fprint(state, t.GoString()) // a state takes what it is given
		return
	}
	_, _ = fmt.Fprint(state, t.String())
}

// MarshalText is String, for JSON and its like.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a secret as it is.
func (t *Text) UnmarshalText(text []byte) error {
	*t = Text(text)
	return nil
}

// LogValue is String, for slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }
