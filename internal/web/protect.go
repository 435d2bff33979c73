package web

import "net/http"

// policy lets a page use what its own server serves, and nothing else: no inline
// script, no inline style, no frame around it.
const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// Protect guards pages: the browser is told to load nothing from elsewhere and
// to tell nobody where it was. That no other site's page may change anything is
// up to the listener that they are served on.
func Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// OverTLS reports whether the browser uses TLS, with us or with a proxy before us
// that says so. Who says so without a proxy gets cookies that they cannot send
// back, and fools nobody else.
func OverTLS(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}
