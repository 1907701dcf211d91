package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestEveryErrorHasAKindAndKeepsItsCause(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, c := range []struct {
		err  error
		kind Kind
		code string
	}{
		{kerr.UnknownTopicOrPartition, NotFound, "UNKNOWN_TOPIC_OR_PARTITION"},
		{fmt.Errorf("layer: %w", kerr.TopicAlreadyExists), Exists, "TOPIC_ALREADY_EXISTS"},
		{kerr.TopicAuthorizationFailed, Unauthorized, "TOPIC_AUTHORIZATION_FAILED"},
		{kerr.RequestTimedOut, Timeout, "REQUEST_TIMED_OUT"},
		{kerr.InvalidConfig, Invalid, "INVALID_CONFIG"},
		{kerr.KafkaStorageError, Other, "KAFKA_STORAGE_ERROR"},
		{fmt.Errorf("unable to dial: %w", refused), Unreachable, ""},
		{io.ErrUnexpectedEOF, Unreachable, ""},
		{context.DeadlineExceeded, Timeout, ""},
		{kgo.ErrRecordTimeout, Timeout, ""},
		{context.Canceled, Interrupted, ""},
		{errors.New("anything"), Other, ""},
	} {
		e := newError("list topics", "", "a:1", c.err)
		if e.Kind != c.kind || e.Code != c.code {
			t.Errorf("%v: kind %d, code %q", c.err, e.Kind, e.Code)
		}
		if KindOf(fmt.Errorf("more: %w", e)) != c.kind {
			t.Errorf("%v: KindOf is %d", c.err, KindOf(e))
		}
		if root := errors.Unwrap(c.err); root == nil && !errors.Is(e, c.err) {
			t.Errorf("%v is not in the chain of %v", c.err, e)
		}
		if (c.kind == Unreachable || c.kind == NotFound) && e.Hint == "" {
			t.Errorf("%v: no hint", c.err)
		}
	}
}

func TestTheBrokersSentenceTakesThePlaceOfTheGeneralOne(t *testing.T) {
	e := newError("create topic", "orders", "a:1", kerr.InvalidConfig).withDetail("retention.ms must be at least -1")
	if got, want := e.Error(), "create topic orders: INVALID_CONFIG: retention.ms must be at least -1"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if !errors.Is(e, kerr.InvalidConfig) {
		t.Error("the code is not in the chain")
	}
}

func TestNobodyThereIsFoundAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c, err := Open(Options{Brokers: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	_, err = c.Topics(t.Context())
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != Unreachable || !strings.Contains(e.Hint, address) {
		t.Errorf("%v", err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestDurabilityInWords(t *testing.T) {
	const most = "9223372036854775807"
	for _, c := range []struct{ messages, ms, want string }{
		{"1", most, "sync"}, {most, "100", "interval"}, {most, most, "os"}, {"50", most, "messages"}, {most, "0", "sync"}, {"x", "1", ""},
	} {
		got := Durability([]Config{{Name: "flush.messages", Value: c.messages}, {Name: "flush.ms", Value: c.ms}})
		if word, _, _ := strings.Cut(got, ":"); word != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	if got := Durability(nil); got != "" {
		t.Errorf("%q", got)
	}
}
