// Package tracingtest receives the spans that processes send, as any OTLP
// collector would, for tests.
package tracingtest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Receiver is an OTLP receiver over HTTP.
type Receiver struct {
	URL string

	mu    sync.Mutex
	spans []Span
}

// Span is a span as it was received.
type Span struct {
	Service    string // whose it is
	Name       string
	Kind       string // such as SPAN_KIND_SERVER
	Trace      string
	ID         string
	Parent     string // empty for a root
	Links      []string
	Begin, End time.Time
	Attributes map[string]any // text, numbers and truth
	Failed     bool
}

// Start starts a receiver, and has all processes that the test starts from now
// on, and all tracers that it opens, send there soon.
func Start(t *testing.T) *Receiver {
	t.Helper()
	r := &Receiver{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", r.take)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	r.URL = server.URL
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	return r
}

// take answers one export.
func (r *Receiver) take(w http.ResponseWriter, req *http.Request) {
	data, err := io.ReadAll(req.Body)
	var export collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(data, &export)
	}
	if err != nil || req.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "not an export of traces", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range export.GetResourceSpans() {
		service, _ := values(resource.GetResource().GetAttributes())["service.name"].(string)
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				r.spans = append(r.spans, span(service, s))
			}
		}
	}
}

func span(service string, s *otlp.Span) Span {
	received := Span{
		Service: service, Name: s.GetName(), Kind: s.GetKind().String(),
		Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
		Begin: time.Unix(0, int64(s.GetStartTimeUnixNano())), End: time.Unix(0, int64(s.GetEndTimeUnixNano())),
		Attributes: values(s.GetAttributes()), Failed: s.GetStatus().GetCode() == otlp.Status_STATUS_CODE_ERROR,
	}
	for _, link := range s.GetLinks() {
		received.Links = append(received.Links, hex.EncodeToString(link.GetSpanId()))
	}
	return received
}

func values(attributes []*common.KeyValue) map[string]any {
	all := map[string]any{}
	for _, a := range attributes {
		switch v := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			all[a.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			all[a.GetKey()] = v.IntValue
		case *common.AnyValue_BoolValue:
			all[a.GetKey()] = v.BoolValue
		case *common.AnyValue_DoubleValue:
			all[a.GetKey()] = v.DoubleValue
		}
	}
	return all
}

// Spans are those received so far that belong to a trace, of all traces when it
// is empty, in the order in which they began.
func (r *Receiver) Spans(trace string) []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Span
	for _, s := range r.spans {
		if trace == "" || s.Trace == trace {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b Span) int { return a.Begin.Compare(b.Begin) })
	return all
}

// Await waits until the spans of a trace fulfil a condition, and returns them.
func (r *Receiver) Await(t *testing.T, trace string, enough func([]Span) bool) []Span {
	t.Helper()
	require.Eventually(t, func() bool { return enough(r.Spans(trace)) }, 20*time.Second, 20*time.Millisecond,
		"the spans that are wanted did not come")
	return r.Spans(trace)
}
