package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"mallbots/internal/api"
	"mallbots/internal/secret"
)

// Security is who is let in, how, and how often: flags for kong, each an
// environment variable too. The zero value is for loopback.
type Security struct {
	Auth           string      `default:"off" enum:"off,on" help:"Whether callers must say who they are, by an API key or a token: ${enum}. Off is for loopback."`
	OIDCIssuer     string      `name:"oidc-issuer" help:"URL of the OpenID Connect issuer whose tokens count. Empty: API keys only."`
	OIDCAudience   string      `name:"oidc-audience" help:"The audience that its tokens must be for."`
	OIDCRolesClaim string      `name:"oidc-roles-claim" default:"roles" help:"The claim with the roles; dots lead into objects."`
	KeysURL        secret.Text `name:"keys-url" help:"PostgreSQL with the API keys. Empty: --database-url with keys for {module}, or else SQLite in the data directory."`
	TLSCert        string      `name:"tls-cert" help:"File with the certificate chain. Read again when it changes."`
	TLSKey         string      `name:"tls-key" help:"File with its private key."`
	TLSClientCA    string      `name:"tls-client-ca" help:"File with the authorities of clients: who has no certificate of theirs gets no connection."`
	InsecureNoAuth bool        `name:"insecure-no-auth" help:"Let everybody do everything on an address that is not loopback."`
	InsecureNoTLS  bool        `name:"insecure-no-tls" help:"Serve without TLS on an address that is not loopback: behind a proxy that ends TLS."`
	CORSOrigins    []string    `name:"cors-origins" help:"Origins whose web pages may call the API, such as https://shop.example.com. None: only its own."`
	RatePrincipal  float64     `name:"rate-principal" default:"200" help:"Requests a second of each principal, a service 20 times as many; 0 is no limit."`
	RateAddress    float64     `name:"rate-address" default:"200" help:"Requests a second of each address but this machine's, services not counted; 0 is no limit."`
	Proxies        []string    `name:"proxies" help:"Networks of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8."`
	InFlight       int         `name:"in-flight" default:"1024" help:"Requests that are served at a time; the next is refused with 503."`
}

// authOn reports whether callers must say who they are.
func (s Security) authOn() bool { return s.Auth == "on" }

func (s Security) tls() bool { return s.TLSCert != "" }

// check says what of the settings contradicts itself, or lets strangers in
// without saying so.
func (s Security) check(http, ops string) error {
	switch {
	case s.Auth != "" && s.Auth != "on" && s.Auth != "off":
		return fmt.Errorf("--auth=%s: want on or off", s.Auth)
	case (s.TLSCert == "") != (s.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key belong together; give both or neither")
	case s.TLSClientCA != "" && s.TLSCert == "":
		return errors.New("--tls-client-ca asks clients for certificates, which needs --tls-cert and --tls-key")
	case s.OIDCIssuer != "" && !s.authOn():
		return errors.New("--oidc-issuer has no effect without --auth=on")
	case s.OIDCIssuer != "" && s.OIDCAudience == "":
		return errors.New("--oidc-issuer needs --oidc-audience, or a token for anybody else would count")
	case s.RatePrincipal < 0, s.RateAddress < 0, s.InFlight < 0:
		return errors.New("--rate-principal, --rate-address and --in-flight: want 0 or more")
	}
	for _, door := range []struct{ flag, address string }{{"http", http}, {"ops", ops}} {
		if loopback(door.address) {
			continue
		}
		if !s.authOn() && !s.InsecureNoAuth {
			return fmt.Errorf("--%s=%s can be reached by others, and nobody there is asked who they are: "+
				"ask them with --auth=on, or serve on 127.0.0.1; --insecure-no-auth if everybody who reaches it may do everything", door.flag, door.address)
		}
		if !s.tls() && !s.InsecureNoTLS {
			return fmt.Errorf("--%s=%s can be reached by others, and what passes there can be read and changed: "+
				"give --tls-cert and --tls-key, or serve on 127.0.0.1; --insecure-no-tls behind a proxy that ends TLS", door.flag, door.address)
		}
	}
	if _, err := s.proxies(); err != nil {
		return err
	}
	return s.checkOrigins()
}

// checkOrigins wants origins as browsers send them. A star is none: whoever
// means everybody can list nobody.
func (s Security) checkOrigins() error {
	for _, origin := range s.CORSOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Contains(origin, "*") || u.Scheme+"://"+u.Host != origin {
			return fmt.Errorf("--cors-origins: %q is no origin; want one such as https://shop.example.com", origin)
		}
	}
	return nil
}

func (s Security) proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range s.Proxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--proxies: %q is no network; want one such as 10.0.0.0/8", text)
		}
		all = append(all, p)
	}
	return all, nil
}

// rates are those of the API.
func (s Security) rates() api.Rates {
	proxies, _ := s.proxies() // check found them sound
	return api.Rates{Principal: s.RatePrincipal, Address: s.RateAddress, Proxies: proxies}
}

// loopback reports whether only this machine reaches an address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
