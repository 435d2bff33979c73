package web

import (
	"fmt"
	"hash/fnv"
	"html/template"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Money is an amount as the API writes it.
type Money struct {
	CurrencyCode string `json:"currencyCode"`
	MinorUnits   int64  `json:"minorUnits,string"`
}

// String is the amount for people, such as USD 12.50.
func (m Money) String() string {
	whole, sign := m.MinorUnits, ""
	if whole < 0 {
		whole, sign = -whole, "−"
	}
	digits := fmt.Sprint(whole / 100)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:] // a narrow no-break space
	}
	return fmt.Sprintf("%s %s%s.%02d", m.CurrencyCode, sign, digits, whole%100)
}

// Times is the amount so many times.
func (m Money) Times(n int64) Money { return Money{m.CurrencyCode, m.MinorUnits * n} }

// functions are what every template may use.
var functions = template.FuncMap{
	"short":  Short,
	"words":  Words,
	"took":   Took,
	"clock":  func(t time.Time) string { return t.UTC().Format("15:04:05.000") },
	"moment": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"ago":    func(t time.Time) string { return Ago(time.Since(t)) },
	"tint":   tint,
	"letter": initials,
	"plural": func(n int, one, many string) string {
		if n == 1 {
			return "1 " + one
		}
		return fmt.Sprintf("%d %s", n, many)
	},
	"add": func(a, b int) int { return a + b },
}

// Short is the end of an id, enough to tell two apart.
func Short(id string) string {
	if len(id) <= 8 {
		return id
	}
	return "…" + id[len(id)-8:]
}

// Words makes ORDER_STATUS_READY and ShoppingListAssigned readable, given the
// prefix to leave out, if any.
func Words(text string, prefix ...string) string {
	for _, p := range prefix {
		text = strings.TrimPrefix(text, p)
	}
	if text == strings.ToUpper(text) {
		return strings.ToLower(strings.ReplaceAll(text, "_", " "))
	}
	text = text[strings.LastIndexByte(text, '.')+1:]
	var b strings.Builder
	for i, r := range text {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Took is how long something took, in two or three digits.
func Took(d time.Duration) string {
	switch {
	case d < 0:
		return "−" + Took(-d)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return Ago(d)
}

// Ago is a span of time in its largest unit.
func Ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// tint is one of the eight colours of things without a picture, always the same
// for a name.
func tint(name string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	return fmt.Sprintf("tint-%d", h.Sum32()%8)
}

// initials are the first letters of the first two words of a name.
func initials(name string) string {
	var b strings.Builder
	for _, word := range strings.Fields(name) {
		r, _ := utf8.DecodeRuneInString(word)
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			continue
		}
		b.WriteRune(unicode.ToUpper(r))
		if utf8.RuneCountInString(b.String()) == 2 {
			break
		}
	}
	return b.String()
}
