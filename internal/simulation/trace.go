package simulation

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"time"
)

// trace is what happened, line by line, with ids replaced by the order in which
// they were first seen.
type trace struct {
	start time.Time
	sum   hash.Hash
	count int
	names map[string]string
	show  func(line string) // nil: nobody looks
}

func newTrace(show func(string)) *trace {
	return &trace{start: time.Now(), sum: sha256.New(), names: map[string]string{}, show: show}
}

// line adds a line.
func (t *trace) line(format string, args ...any) {
	text := fmt.Sprintf("%10.3f  %s", time.Since(t.start).Seconds(), t.plain(fmt.Sprintf(format, args...)))
	t.count++
	fmt.Fprintln(t.sum, text) // a hash never fails to be written to
	if t.show != nil {
		t.show(text)
	}
}

// hash tells one history from another.
func (t *trace) hash() string { return hex.EncodeToString(t.sum.Sum(nil)[:16]) }

const idLength = 36

// plain replaces ids by their numbers.
func (t *trace) plain(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		if i+idLength <= len(text) && isID(text[i:i+idLength]) {
			id := text[i : i+idLength]
			name, known := t.names[id]
			if !known {
				name = fmt.Sprintf("<%d>", len(t.names)+1)
				t.names[id] = name
			}
			out.WriteString(name)
			i += idLength
			continue
		}
		out.WriteByte(text[i])
		i++
	}
	return out.String()
}

// isID reports whether text looks like a UUID.
func isID(text string) bool {
	if text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return false
	}
	for i := range idLength {
		c := text[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}
