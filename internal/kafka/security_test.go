package kafka

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// certificate makes one for a name, vouched for by another or by itself, and returns it with its key, also as PEM.
func certificate(t *testing.T, name string, by *tls.Certificate) (c tls.Certificate, chain, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: by == nil, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := tmpl, any(k)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &k.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	chain = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk}))
	if c, err = tls.X509KeyPair([]byte(chain), []byte(key)); err != nil {
		t.Fatal(err)
	}
	return c, chain, key
}

// behindTLS puts a listener that speaks TLS before a cluster, and returns a dialer to it, whatever the address.
func behindTLS(t *testing.T, c *cluster, conf *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer in.Close()
				if in.(*tls.Conn).Handshake() != nil {
					return
				}
				out, err := c.opts.Dial(context.Background(), "", "")
				if err != nil {
					return
				}
				work.Go(func() { io.Copy(out, in); out.Close() })
				io.Copy(in, out)
			})
		}
	})
	t.Cleanup(func() { l.Close(); work.Wait() })
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}
}

// Connections are encrypted when TLS is given, the broker's name and authority are checked, and the client shows its own certificate.
func TestConnectionsAreEncrypted(t *testing.T) {
	authority, authorityPEM, _ := certificate(t, "authority", nil)
	server, _, _ := certificate(t, "memory", &authority)
	_, clientPEM, clientKey := certificate(t, "me", &authority)
	trusted := x509.NewCertPool()
	trusted.AddCert(authority.Leaf)
	c := embedded(t)
	dial := behindTLS(t, c, &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted})
	own, _ := tls.X509KeyPair([]byte(clientPEM), []byte(clientKey))
	mine := []tls.Certificate{own}
	for _, x := range []struct {
		name string
		tls  *tls.Config
		set  map[string]string
		kind Kind // Other: it works
	}{
		{"options", &tls.Config{RootCAs: trusted, Certificates: mine}, nil, Other},
		{"options and protocol", &tls.Config{RootCAs: trusted, Certificates: mine}, map[string]string{"security.protocol": "SSL"}, Other},
		{"properties", nil, map[string]string{"ssl.ca.pem": authorityPEM, "ssl.keystore.certificate.chain": clientPEM, "ssl.key.pem": clientKey}, Other},
		{"another authority", &tls.Config{RootCAs: x509.NewCertPool(), Certificates: mine}, nil, Unauthorized},
		{"another name", &tls.Config{RootCAs: trusted, Certificates: mine, ServerName: "elsewhere"}, nil, Unauthorized},
		{"the system's authorities", nil, map[string]string{"security.protocol": "SSL"}, Unauthorized},
		{"no certificate of its own", &tls.Config{RootCAs: trusted}, nil, Unreachable},
		{"no TLS", nil, nil, Unreachable},
	} {
		t.Run(x.name, func(t *testing.T) {
			client, err := Open(Options{Brokers: []string{"memory:9092"}, Dial: dial, TLS: x.tls, Properties: x.set, Timeout: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			began := time.Now()
			_, err = client.Topics(t.Context())
			if (err == nil) != (x.kind == Other) || KindOf(err) != x.kind {
				t.Errorf("kind %d: %v", KindOf(err), err)
			}
			if e, ok := errors.AsType[*Error](err); ok && e.Hint == "" {
				t.Errorf("no hint: %v", err)
			}
			if d := time.Since(began); d > 7*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
	d := Diagnose(t.Context(), Options{Brokers: []string{"memory:9092"}, Dial: dial, TLS: &tls.Config{RootCAs: trusted, Certificates: mine}})
	if !d.Reached {
		t.Errorf("%+v", d.Findings)
	}
}

func TestTLSToABrokerWithoutIt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.ReadFull(c, make([]byte, 4))
			io.WriteString(c, "no TLS here")
			c.Close()
		}
	}()
	defer func() { l.Close(); <-done }()
	client, err := Open(Options{Brokers: []string{l.Addr().String()}, TLS: new(tls.Config), Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Ping(t.Context()); KindOf(err) != Invalid || !strings.Contains(err.(*Error).Hint, "does not speak TLS") {
		t.Errorf("kind %d: %v", KindOf(err), err)
	}
}

// All ways of logging in work, by options and by properties; a wrong password is told as what it is, at once.
func TestLoggingIn(t *testing.T) {
	fake, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("PLAIN", "ada", "p"), kfake.Superuser("SCRAM-SHA-256", "bea", "q"), kfake.Superuser("SCRAM-SHA-512", "cyd", "r"),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	for _, x := range []struct {
		name string
		sasl *SASL
		set  map[string]string
		kind Kind
	}{
		{"plain", &SASL{Mechanism: "PLAIN", User: "ada", Password: "p"}, nil, Other},
		{"scram 256", &SASL{Mechanism: "SCRAM-SHA-256", User: "bea", Password: "q"}, nil, Other},
		{"scram 512", &SASL{Mechanism: "SCRAM-SHA-512", User: "cyd", Password: "r"}, map[string]string{"security.protocol": "SASL_PLAINTEXT"}, Other},
		{"properties", nil, map[string]string{"sasl.mechanisms": "scram-sha-256", "sasl.username": "bea", "sasl.password": "q"}, Other},
		{"wrong password", &SASL{Mechanism: "SCRAM-SHA-512", User: "cyd", Password: "x"}, nil, Unauthorized},
		{"wrong plain password", &SASL{Mechanism: "PLAIN", User: "ada", Password: "x"}, nil, Unauthorized},
		{"a mechanism that it does not have", &SASL{Mechanism: "OAUTHBEARER", Token: func(context.Context) (string, error) { return "t", nil }}, nil, Unauthorized},
		{"not at all", nil, nil, Unreachable},
	} {
		t.Run(x.name, func(t *testing.T) {
			if strings.HasPrefix(x.name, "wrong") { // as Kafka answers; the fake only hangs up
				fake.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
					resp := r.ResponseKind().(*kmsg.SASLAuthenticateResponse)
					resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
					return resp, nil, true
				})
			}
			client, err := Open(Options{Brokers: fake.ListenAddrs(), SASL: x.sasl, Properties: x.set, Timeout: 3 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			began := time.Now()
			_, err = client.Topics(t.Context())
			if (err == nil) != (x.kind == Other) || KindOf(err) != x.kind {
				t.Errorf("kind %d: %v", KindOf(err), err)
			}
			if e, ok := errors.AsType[*Error](err); ok && e.Hint == "" {
				t.Errorf("no hint: %v", err)
			}
			if d := time.Since(began); d > 4*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
}

// The token of OAUTHBEARER is asked for each time, and its error is not lost.
func TestTheTokenIsAskedFor(t *testing.T) {
	token, failure := "", errors.New("the identity provider is down")
	m := (&SASL{Mechanism: "OAUTHBEARER", Token: func(context.Context) (string, error) {
		if token == "" {
			return "", failure
		}
		return token, nil
	}}).mechanism()
	if _, _, err := m.Authenticate(t.Context(), "h"); !errors.Is(err, failure) {
		t.Errorf("%v", err)
	}
	token = "abc"
	if _, first, err := m.Authenticate(t.Context(), "h"); err != nil || !bytes.Contains(first, []byte("auth=Bearer abc\x01")) {
		t.Errorf("%q, %v", first, err)
	}
}

func TestSecurityThatContradictsItself(t *testing.T) {
	for _, x := range []struct {
		o    Options
		want string
	}{
		{Options{SASL: &SASL{Mechanism: "PLAIN"}}, "PLAIN needs a user and a password"},
		{Options{SASL: &SASL{Mechanism: "OAUTHBEARER"}}, "needs a function"},
		{Options{SASL: &SASL{Mechanism: "GSSAPI"}}, "is none of"},
		{Options{TLS: new(tls.Config), Properties: map[string]string{"security.protocol": "PLAINTEXT"}}, "does not encrypt"},
		{Options{Properties: map[string]string{"security.protocol": "SASL_SSL"}}, "does not agree with whether a user is given"},
		{Options{SASL: &SASL{Mechanism: "PLAIN", User: "u", Password: "secret"}, Properties: map[string]string{"security.protocol": "SSL"}}, "does not agree"},
		{Options{SASL: &SASL{Mechanism: "PLAIN", User: "u", Password: "secret"}, Properties: map[string]string{"sasl.username": "x"}}, "both by Options.SASL and by properties"},
		{Options{Properties: map[string]string{"sasl.username": "x"}}, "PLAIN needs a user and a password"},
		{Options{Properties: map[string]string{"ssl.ca.pem": "x"}}, "no certificate in PEM"},
		{Options{Properties: map[string]string{"ssl.key.pem": "x"}}, "need each other"},
		{Options{TLS: new(tls.Config), Properties: map[string]string{"ssl.key.pem": "x"}}, "both by Options.TLS and by properties"},
		{Options{Properties: map[string]string{"ssl.ca.location": "/x"}}, "ssl.ca.location is not supported: files are not read here"},
	} {
		_, err := Open(x.o)
		if KindOf(err) != Invalid || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", x.want, err)
		}
	}
}
