package host

import (
	"mime"
	"net/http"
	"time"

	"github.com/go-chi/cors"

	"mallbots/internal/fault"
	"mallbots/internal/rest"
)

// What a browser is told that somebody else's page sent here.
var (
	errCrossSite = fault.New(fault.Forbidden, "CROSS_SITE", "another site's page may not change anything here; list its origin in --cors-origins if it may")
	errOtherHost = fault.New(fault.Forbidden, "HOST_NOT_LOCAL", "nobody is asked who they are here, so only localhost is answered; ask with --auth=on, or say --insecure-no-auth")
)

// door wraps what is served on a listener: what holds for every answer, and
// what no page of another site may do.
func (s Security) door(address string, open bool, next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	for _, origin := range s.CORSOrigins {
		_ = protection.AddTrustedOrigin(origin) // checkOrigins found it sound
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { rest.WriteError(w, errCrossSite) }))
	next = protection.Handler(next)
	if len(s.CORSOrigins) > 0 {
		next = cors.Handler(cors.Options{
			AllowedOrigins: s.CORSOrigins,
			AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
			AllowedHeaders: []string{
				"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Mallbots-After", "X-Correlation-Id", "X-Request-Id", "Traceparent", "Tracestate",
				"Last-Event-Id", "Connect-Protocol-Version", "Connect-Timeout-Ms", "X-Grpc-Web", "X-User-Agent", "Grpc-Timeout",
			},
			ExposedHeaders: []string{
				"Etag", "Mallbots-Position", "X-Correlation-Id", "Retry-After", "Www-Authenticate", "Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin",
			},
			MaxAge: 600,
		})(next)
	}
	if open && loopback(address) && !s.InsecureNoAuth {
		next = onlyLocal(next)
	}
	return s.headers(limitForms(next))
}

// limitForms bounds what the forms of pages send, and how long that may take.
// The API bounds its own requests, which may be streams.
func limitForms(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if kind == "application/x-www-form-urlencoded" || kind == "multipart/form-data" {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(rest.BodyTimeout)) // where it can't be set, the server's holds
			r.Body = http.MaxBytesReader(w, r.Body, rest.MaxBody)
		}
		next.ServeHTTP(w, r)
	})
}

// onlyLocal refuses a name that leads here from a page of somebody else's (DNS
// rebinding): a browser sends the name that it was given.
func onlyLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.Host) {
			rest.WriteError(w, errOtherHost)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// headers says to browsers what they may do with an answer: nothing. A page
// sets its own.
func (s Security) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if len(s.CORSOrigins) == 0 {
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
		}
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if r.Header.Get("Authorization") != "" {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}
