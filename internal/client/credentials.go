package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"mallbots/internal/secret"
)

// Credentials are how the commands that call a mall say who they are. They come
// from the environment, and from files, never from the command line, which every
// process of the machine can read:
//
//	MALLBOTS_TOKEN        an API key, or a token of the issuer
//	MALLBOTS_TOKEN_FILE   a file with it
//	MALLBOTS_CA           a file with the authority of the mall's certificate, if the system does not know it
//	MALLBOTS_CLIENT_CERT  a file with a certificate of the caller's own, where the mall asks for one
//	MALLBOTS_CLIENT_KEY   a file with its private key
type Credentials struct {
	Token secret.Text // empty where nobody is asked
	TLS   *tls.Config // nil is the default
}

// FromEnvironment reads what the environment says.
func FromEnvironment() (Credentials, error) {
	c := Credentials{Token: secret.Text(os.Getenv("MALLBOTS_TOKEN"))}
	if name := os.Getenv("MALLBOTS_TOKEN_FILE"); c.Token == "" && name != "" {
		text, err := os.ReadFile(name)
		if err != nil {
			return c, fmt.Errorf("read MALLBOTS_TOKEN_FILE: %w", err)
		}
		c.Token = secret.Text(strings.TrimSpace(string(text)))
	}
	if strings.ContainsAny(c.Token.Reveal(), "\r\n\x00") {
		return c, errors.New("the token has more than one line; MALLBOTS_TOKEN must be an API key or a token, and nothing else")
	}
	return c, c.readTLS(os.Getenv("MALLBOTS_CA"), os.Getenv("MALLBOTS_CLIENT_CERT"), os.Getenv("MALLBOTS_CLIENT_KEY"))
}

func (c *Credentials) readTLS(authority, certificate, key string) error {
	if authority == "" && certificate == "" && key == "" {
		return nil
	}
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if authority != "" {
		text, err := os.ReadFile(authority)
		if err != nil {
			return fmt.Errorf("read MALLBOTS_CA: %w", err)
		}
		c.TLS.RootCAs = x509.NewCertPool()
		if !c.TLS.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("read MALLBOTS_CA: %s holds no certificate", authority)
		}
	}
	if certificate == "" && key == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("read MALLBOTS_CLIENT_CERT and MALLBOTS_CLIENT_KEY: %w", err)
	}
	c.TLS.Certificates = []tls.Certificate{pair}
	return nil
}

// transport sends requests with the credentials.
func (c Credentials) transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 512
	t.DisableCompression = true
	if c.TLS != nil {
		t.TLSClientConfig = c.TLS.Clone()
	}
	if c.Token == "" {
		return t
	}
	return bearer{c.Token, t}
}

// bearer adds a token to each request.
type bearer struct {
	token secret.Text
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token.Reveal())
	return b.next.RoundTrip(r)
}

// HTTP calls with the credentials, and goes where it was told to go only: a
// redirect would take the token elsewhere.
func (c Credentials) HTTP() *http.Client {
	return &http.Client{
		Transport:     c.transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
