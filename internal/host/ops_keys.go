package host

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"mallbots/internal/credential"
	"mallbots/internal/fault"
	"mallbots/internal/identity"
	"mallbots/internal/rest"
)

// What an operator is told of keys where there are none, and who asks without
// being one.
var (
	errAuthOff    = fault.New(fault.Conflict, "AUTH_OFF", "this process asks nobody who they are, so it has no API keys; start it with --auth=on")
	errNoOperator = fault.New(fault.Forbidden, "ROLE_MISSING", "operations are for mall_admin")
	errNoName     = fault.New(fault.Unauthenticated, "TOKEN_MISSING", "say who you are, with an API key of a mall_admin in MALLBOTS_TOKEN")
)

// opsOpen reports whether the operations listener trusts whoever reaches it.
func (p *process) opsOpen() bool {
	return loopback(p.config.Ops) || !p.config.Security.authOn()
}

// guarded lets operators in only, where the listener can be reached by others.
// Health is everybody's, without the details; a service may read the metrics.
func (p *process) guarded(next http.Handler) http.Handler {
	if p.opsOpen() {
		return next
	}
	door := p.operators()
	return door.Carry(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.Path == "/" || r.URL.Path == "/console" || strings.HasPrefix(r.URL.Path, "/console/")
		if r.URL.Path == "/healthz" || strings.HasPrefix(r.URL.Path, "/static/") {
			next.ServeHTTP(w, r)
			return
		}
		if !p.mounted.Load() { // nobody can be asked yet
			if r.URL.Path == "/readyz" {
				p.readyOnly(w)
				return
			}
			p.starting(w, r)
			return
		}
		if r.URL.Path == door.Path {
			next.ServeHTTP(w, r)
			return
		}
		who, err := p.caller(r)
		switch {
		case page && (err != nil || !who.Known()):
			http.Redirect(w, r, door.Path, http.StatusSeeOther)
		case err != nil:
			rest.WriteError(w, err)
		case who.Has(identity.MallAdmin), who.Has(identity.Service) && (r.URL.Path == "/metrics" || r.URL.Path == "/readyz"):
			next.ServeHTTP(w, r.WithContext(identity.With(r.Context(), who)))
		case r.URL.Path == "/readyz":
			p.readyOnly(w)
		case !who.Known():
			rest.WriteError(w, errNoName)
		default:
			rest.WriteError(w, errNoOperator)
		}
	}))
}

// caller is who asks an operation: by an API key or a token, or by a certificate
// that one of --tls-client-ca has given out.
func (p *process) caller(r *http.Request) (identity.Principal, error) {
	if p.config.TLSClientCA != "" && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return identity.Principal{Subject: "cert:" + r.TLS.PeerCertificates[0].Subject.CommonName, Roles: []identity.Role{identity.MallAdmin}}, nil
	}
	return p.guard.Authenticate(r.Context(), r.Header.Values("Authorization"))
}

// readyOnly says whether the process is ready, and not what is wrong.
func (p *process) readyOnly(w http.ResponseWriter) {
	_, ready := p.readiness.report()
	status := http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, map[string]any{"ready": ready, "parts": []Part{}})
}

// keys lists the API keys, without their hashes.
func (p *process) keys(r *http.Request) (any, error) {
	if p.guard == nil {
		return nil, errAuthOff
	}
	all, err := p.guard.Keys.List(r.Context())
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Hash = ""
	}
	return map[string]any{"keys": all}, nil
}

// addKey keeps an API key, of which it is told the hash only.
func (p *process) addKey(r *http.Request) (any, error) {
	if p.guard == nil {
		return nil, errAuthOff
	}
	var key credential.Key
	decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&key); err != nil {
		return nil, credential.ErrKeyMalformed.With("%s", err)
	}
	return map[string]string{"created": key.ID}, p.guard.Keys.Add(r.Context(), key)
}

// revokeKey ends an API key.
func (p *process) revokeKey(r *http.Request) (any, error) {
	if p.guard == nil {
		return nil, errAuthOff
	}
	body, err := changeOf(r)
	if err != nil {
		return nil, err
	}
	id := chi.URLParam(r, "id")
	return map[string]string{"revoked": id}, p.guard.Keys.Revoke(r.Context(), id, body.Reason)
}
