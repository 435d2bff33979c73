package broker

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// Partitions is how many there are. It never changes: a consumer that takes
// some of them relies on a key's staying where it is.
const Partitions = 32

// The headers of a message: CloudEvents in binary mode, its extensions for
// partitioning, sequence and cause, and the W3C trace context.
const (
	HeaderSpecVersion  = "ce-specversion"
	HeaderID           = "ce-id"
	HeaderSource       = "ce-source"
	HeaderType         = "ce-type"
	HeaderSubject      = "ce-subject"
	HeaderTime         = "ce-time"
	HeaderContentType  = "ce-datacontenttype"
	HeaderPartitionKey = "ce-partitionkey"
	HeaderSequence     = "ce-sequence"
	HeaderCorrelation  = "ce-correlationid"
	HeaderCausation    = "ce-causationid"
	HeaderTraceparent  = "traceparent"
	HeaderSnapshot     = "mallbots-snapshot" // "1": the event carries all there is to know of its key
	HeaderNewer        = "mallbots-newer"    // the ids of the messages that tell the same in newer versions of its type
	headerPlainType    = "content-type"      // what older readers of CloudEvents look for
)

// ContentType is that of every event.
const ContentType = "application/protobuf"

// Envelope is what every message says about itself.
type Envelope struct {
	ID            string    // UUIDv7, unique for ever
	Source        string    // the module that published it
	Type          string    // the full protobuf name of the payload
	Key           string    // whom it is about: order is kept per key
	Time          time.Time // when it was published, UTC
	Sequence      int64     // contiguous per key, from 1
	CorrelationID string    // the conversation it belongs to
	CausationID   string    // the request or message that led to it
	Traceparent   string    // W3C trace context; may be empty
	Snapshot      bool      // it carries the absolute state of its key, and can be understood without what came before
	Newer         []string  // the ids of the messages that tell the same in newer versions of its type; they come before it
}

// MaxVersions is in how many versions one fact is told at most.
const MaxVersions = 8

// Partition is where a key's messages go, 0 to Partitions-1: FNV-1a mod 32.
func Partition(key string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // a hash never fails to be written to
	return int(h.Sum32() % Partitions)
}

// Subject is where a message with this envelope is published.
func (e Envelope) Subject() string {
	return fmt.Sprintf("%s.p%02d", e.Type, Partition(e.Key))
}

// Headers writes e down. Values are percent-encoded as CloudEvents asks.
func (e Envelope) Headers() Header {
	h := Header{
		HeaderSpecVersion:  "1.0",
		HeaderID:           encode(e.ID),
		HeaderSource:       encode(e.Source),
		HeaderType:         encode(e.Type),
		HeaderSubject:      encode(e.Key),
		HeaderTime:         e.Time.UTC().Format(time.RFC3339Nano),
		HeaderContentType:  ContentType,
		headerPlainType:    ContentType,
		HeaderPartitionKey: encode(e.Key),
		HeaderSequence:     strconv.FormatInt(e.Sequence, 10),
		HeaderCorrelation:  encode(e.CorrelationID),
		HeaderCausation:    encode(e.CausationID),
	}
	if e.Traceparent != "" {
		h[HeaderTraceparent] = encode(e.Traceparent)
	}
	if e.Snapshot {
		h[HeaderSnapshot] = "1"
	}
	if len(e.Newer) > 0 {
		h[HeaderNewer] = encode(strings.Join(e.Newer, ","))
	}
	return h
}

// Validate is an error that names the first thing e lacks or has wrong. What
// it refuses is not published, and dead-lettered when it arrives.
func (e Envelope) Validate() error {
	for _, required := range []struct{ header, value string }{
		{HeaderID, e.ID},
		{HeaderSource, e.Source},
		{HeaderType, e.Type},
		{HeaderSubject, e.Key},
		{HeaderCorrelation, e.CorrelationID},
		{HeaderCausation, e.CausationID},
	} {
		if required.value == "" {
			return fmt.Errorf("broker: the header %s is missing or empty", required.header)
		}
		if len(required.value) > 512 {
			return fmt.Errorf("broker: the header %s is longer than 512 bytes", required.header)
		}
	}
	if !strings.HasPrefix(e.Type, "mallbots."+e.Source+".v") {
		return fmt.Errorf("broker: the header %s says %q, which is not of %s %q", HeaderType, e.Type, HeaderSource, e.Source)
	}
	if e.Time.IsZero() {
		return fmt.Errorf("broker: the header %s is missing", HeaderTime)
	}
	if len(e.Newer) >= MaxVersions || len(strings.Join(e.Newer, ",")) > 512 {
		return fmt.Errorf("broker: the header %s names %d messages; a fact is told in at most %d versions", HeaderNewer, len(e.Newer), MaxVersions)
	}
	if e.Sequence < 1 {
		return fmt.Errorf("broker: the header %s is %d and must be 1 or more", HeaderSequence, e.Sequence)
	}
	return nil
}

// Open reads the envelope of a message and trusts none of it: each required
// header must be there and well formed, and agree with the subject, the
// message id and each other.
func (m Message) Open() (Envelope, error) {
	var e Envelope
	if version := m.Header[HeaderSpecVersion]; version != "1.0" {
		return e, fmt.Errorf("broker: the header %s is %q and must be 1.0", HeaderSpecVersion, version)
	}
	content := m.Header[HeaderContentType]
	if content == "" {
		content = m.Header[headerPlainType]
	}
	if content != ContentType {
		return e, fmt.Errorf("broker: the header %s is %q and must be %s", HeaderContentType, content, ContentType)
	}
	partitionKey, newer := "", ""
	for _, field := range []struct {
		header string
		into   *string
	}{
		{HeaderID, &e.ID},
		{HeaderSource, &e.Source},
		{HeaderType, &e.Type},
		{HeaderSubject, &e.Key},
		{HeaderPartitionKey, &partitionKey},
		{HeaderCorrelation, &e.CorrelationID},
		{HeaderCausation, &e.CausationID},
		{HeaderTraceparent, &e.Traceparent},
		{HeaderNewer, &newer},
	} {
		value, err := decode(m.Header[field.header])
		if err != nil {
			return e, fmt.Errorf("broker: the header %s: %w", field.header, err)
		}
		*field.into = value
	}
	var err error
	if text := m.Header[HeaderTime]; text != "" {
		if e.Time, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return e, fmt.Errorf("broker: the header %s: %w", HeaderTime, err)
		}
		e.Time = e.Time.UTC()
	}
	if e.Sequence, err = strconv.ParseInt(m.Header[HeaderSequence], 10, 64); err != nil {
		return e, fmt.Errorf("broker: the header %s: %w", HeaderSequence, err)
	}
	e.Snapshot = m.Header[HeaderSnapshot] == "1"
	if newer != "" {
		e.Newer = strings.Split(newer, ",")
	}
	if err := e.Validate(); err != nil {
		return e, err
	}
	switch {
	case partitionKey != e.Key:
		return e, fmt.Errorf("broker: the headers %s %q and %s %q differ", HeaderPartitionKey, partitionKey, HeaderSubject, e.Key)
	case m.Subject != e.Subject():
		return e, fmt.Errorf("broker: the headers %s and %s belong to subject %s, not %s", HeaderType, HeaderSubject, e.Subject(), m.Subject)
	case m.ID != e.ID:
		return e, fmt.Errorf("broker: the headers %s %q and Nats-Msg-Id %q differ", HeaderID, e.ID, m.ID)
	}
	return e, nil
}

// encode writes everything but visible ASCII, and quotes and percents, as %XX.
func encode(value string) string {
	var out strings.Builder
	for i := range len(value) {
		if c := value[i]; c <= ' ' || c > '~' || c == '"' || c == '%' {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// decode is the reverse of encode.
func decode(value string) (string, error) {
	if !strings.Contains(value, "%") {
		return value, nil
	}
	var out strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			out.WriteByte(value[i])
			continue
		}
		if i+2 >= len(value) {
			return "", fmt.Errorf("%q ends within a percent-encoded byte", value)
		}
		c, err := strconv.ParseUint(value[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf("%q is not percent-encoded", value)
		}
		out.WriteByte(byte(c))
		i += 2
	}
	return out.String(), nil
}
