package openapi

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
)

//go:embed assets/index.html
var page []byte

//go:embed assets/docs.css
var style []byte

// script is kept compressed, as its makers publish it: 0.2 MB of 0.9.
//
//go:embed assets/rapidoc-min.js.gz
var script []byte

// policy lets the page use what this server serves, and nothing else. The web
// component sets style attributes, which need 'unsafe-inline'; scripts do not.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// mountPage serves the page at /docs and its files below it.
func mountPage(r chi.Router) {
	r.Get("/docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		send(w, "text/html; charset=utf-8", page)
	})
	r.Get("/docs/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "../docs", http.StatusMovedPermanently)
	})
	r.Get("/docs/docs.css", func(w http.ResponseWriter, _ *http.Request) {
		send(w, "text/css; charset=utf-8", style)
	})
	r.Get("/docs/rapidoc-min.js", sendScript)
}

// send answers with a file of this build, which a later build may change.
func send(w http.ResponseWriter, kind string, data []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(data) // the client left
}

// sendScript answers with the script, compressed for whoever takes it so.
func sendScript(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		send(w, "text/javascript; charset=utf-8", script)
		return
	}
	plain, err := unzip(script)
	if err != nil {
		http.Error(w, "the embedded script can't be read: "+err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, "text/javascript; charset=utf-8", plain)
}

func unzip(data []byte) ([]byte, error) {
	zipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zipped)
}
