package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// The mechanisms of SASL.
const (
	plainMechanism = "PLAIN"
	scram256       = "SCRAM-SHA-256"
	scram512       = "SCRAM-SHA-512"
	oauthBearer    = "OAUTHBEARER"
)

// SASL says how to log in.
type SASL struct {
	Mechanism      string // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER
	User, Password string // of all but OAUTHBEARER
	// Token returns the token of OAUTHBEARER. It is called for each connection, and again before its time is over; it may be called by several goroutines at once.
	Token func(ctx context.Context) (string, error)
}

// String hides the password.
func (s *SASL) String() string { return fmt.Sprintf("%s as %s", s.Mechanism, s.User) }

func (s *SASL) validate() error {
	switch s.Mechanism {
	case plainMechanism, scram256, scram512:
		if s.User == "" || s.Password == "" {
			return fmt.Errorf("%s needs a user and a password", s.Mechanism)
		}
	case oauthBearer:
		if s.Token == nil {
			return fmt.Errorf("%s needs a function that returns a token", s.Mechanism)
		}
	default:
		return fmt.Errorf("mechanism %.40q is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER", s.Mechanism)
	}
	return nil
}

func (s *SASL) mechanism() sasl.Mechanism {
	switch s.Mechanism {
	case plainMechanism:
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism()
	case scram256:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism()
	case scram512:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism()
	}
	return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		t, err := s.Token(ctx)
		return oauth.Auth{Token: t}, err
	})
}

// secure puts what the properties say about encryption and logging in into the options, and returns what is wrong with both.
func (o *Options) secure(s settings) error {
	var errs []error
	if o.SASL == nil && (s.has(propMechanism) || s.has(propUser) || s.has(propPassword)) {
		o.SASL = &SASL{Mechanism: cmp.Or(s.text(propMechanism), plainMechanism), User: s.text(propUser), Password: s.text(propPassword)}
	} else if s.has(propMechanism) || s.has(propUser) || s.has(propPassword) {
		errs = append(errs, errors.New("logging in is given both by Options.SASL and by properties"))
	}
	if o.SASL != nil {
		if err := o.SASL.validate(); err != nil {
			errs = append(errs, err)
		}
	}
	pem := s.has(propAuthorities) || s.has(propCertificate) || s.has(propKey)
	switch {
	case pem && o.TLS != nil:
		errs = append(errs, errors.New("certificates are given both by Options.TLS and by properties"))
	case pem:
		var err error
		if o.TLS, err = s.certificates(); err != nil {
			errs = append(errs, err)
		}
	}
	switch protocol := s.text(propSecurity); {
	case protocol == "":
	case strings.HasSuffix(protocol, "SSL") && o.TLS == nil:
		o.TLS = new(tls.Config)
	case strings.HasSuffix(protocol, "PLAINTEXT") && o.TLS != nil:
		errs = append(errs, fmt.Errorf("%s=%s does not encrypt, and something for TLS is given", propSecurity, protocol))
	}
	if protocol := s.text(propSecurity); protocol != "" && strings.HasPrefix(protocol, "SASL") != (o.SASL != nil) {
		errs = append(errs, fmt.Errorf("%s=%s does not agree with whether a user is given", propSecurity, protocol))
	}
	return errors.Join(errs...)
}

// certificates makes what the properties of TLS say.
func (s settings) certificates() (*tls.Config, error) {
	c := new(tls.Config)
	if s.has(propAuthorities) {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(s.text(propAuthorities))) {
			return nil, fmt.Errorf("%s: it has no certificate in PEM", propAuthorities)
		}
	}
	if s.has(propCertificate) != s.has(propKey) {
		return nil, fmt.Errorf("%s and %s need each other", propCertificate, propKey)
	}
	if s.has(propCertificate) {
		own, err := tls.X509KeyPair([]byte(s.text(propCertificate)), []byte(s.text(propKey)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", propCertificate, err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// dial connects as the options say, encrypted when they do.
func (o *Options) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dial := o.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	nc, err := dial(ctx, network, address)
	if err != nil {
		if _, known := errors.AsType[*net.OpError](err); !known {
			err = &net.OpError{Op: "dial", Net: network, Err: err} // as the system's own
		}
		return nil, err
	}
	if o.TLS == nil {
		return nc, nil
	}
	c := o.TLS.Clone()
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(address)
	}
	secured := tls.Client(nc, c)
	if err := secured.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return secured, nil
}
