package host

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookAgain is how often the files are looked at, while there are connections.
const lookAgain = time.Second

// certificates are those of the files of the settings, read again when the
// files have changed. Files that are not sound are not taken: what was read
// before goes on.
type certificates struct {
	settings Security
	log      *slog.Logger

	mu      sync.Mutex
	looked  time.Time
	stamps  [3]stamp
	leaf    []byte
	current *tls.Config
}

// stamp tells two states of a file apart.
type stamp struct {
	changed time.Time
	size    int64
}

// openCertificates reads the files for the first time.
func openCertificates(s Security, log *slog.Logger) (*certificates, error) {
	c := &certificates{settings: s, log: log}
	return c, c.read()
}

// server is the configuration of a listener.
func (c *certificates) server() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.latest(), nil },
	}
}

// client is the configuration of a part of this process that calls its own
// listener: it knows its own certificate, and shows it.
func (c *certificates) client() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does, and trusts one certificate only
		VerifyConnection: func(state tls.ConnectionState) error {
			if !c.isOwn(state) {
				return errors.New("this is not the certificate of this process")
			}
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &c.latest().Certificates[0], nil
		},
	}
}

func (c *certificates) isOwn(state tls.ConnectionState) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(state.PeerCertificates) > 0 && bytes.Equal(state.PeerCertificates[0].Raw, c.leaf)
}

// latest looks whether the files have changed, and returns what they say.
func (c *certificates) latest() *tls.Config {
	c.mu.Lock()
	due := time.Since(c.looked) >= lookAgain
	before := c.stamps
	c.mu.Unlock()
	if due && c.stamp() != before {
		if err := c.read(); err != nil {
			c.log.Error("the certificates have changed, and can not be used; the former go on", "error", err)
		} else {
			c.log.Info("the certificates were read again")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if due {
		c.looked = time.Now()
	}
	return c.current
}

func (c *certificates) stamp() (all [3]stamp) {
	for i, name := range []string{c.settings.TLSCert, c.settings.TLSKey, c.settings.TLSClientCA} {
		if info, err := os.Stat(name); err == nil {
			all[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return all
}

// read takes the files, all or none.
func (c *certificates) read() error {
	stamps := c.stamp()
	pair, err := tls.LoadX509KeyPair(c.settings.TLSCert, c.settings.TLSKey)
	if err != nil {
		return fmt.Errorf("read --tls-cert and --tls-key: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{pair}}
	if c.settings.TLSClientCA != "" {
		text, err := os.ReadFile(c.settings.TLSClientCA)
		if err != nil {
			return fmt.Errorf("read --tls-client-ca: %w", err)
		}
		authorities := x509.NewCertPool()
		if !authorities.AppendCertsFromPEM(text) {
			return fmt.Errorf("read --tls-client-ca: %s holds no certificate", c.settings.TLSClientCA)
		}
		config.ClientAuth = tls.RequireAnyClientCert
		config.VerifyConnection = func(state tls.ConnectionState) error { return c.verify(state, authorities) }
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stamps, c.leaf, c.current = stamps, pair.Certificate[0], config
	return nil
}

// verify wants a client's certificate of one of the authorities, or the one of
// this process itself: whoever shows that holds its private key.
func (c *certificates) verify(state tls.ConnectionState, authorities *x509.CertPool) error {
	if c.isOwn(state) {
		return nil
	}
	between := x509.NewCertPool()
	for _, certificate := range state.PeerCertificates[1:] {
		between.AddCert(certificate)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: authorities, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}
