package broker

import (
	"fmt"
	"time"
)

// FirstID is where the ids of messages made at t begin: they are UUIDv7, whose
// first 48 bits are the milliseconds since 1970 (RFC 9562, section 5.7), so that
// in their order as text an older message comes before it.
func FirstID(t time.Time) string {
	ms := t.UnixMilli()
	return fmt.Sprintf("%08x-%04x-", ms>>16, ms&0xffff)
}
