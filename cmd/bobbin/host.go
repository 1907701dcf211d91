package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/bobbinstream/bobbin/broker"
)

// stopTime is how long the requests that run have at a graceful stop.
const stopTime = 10 * time.Second

// host is a broker with the listeners of this process.
type host struct {
	*broker.Broker
	kafka net.Listener
	http  net.Listener // nil when there is none
	line  string       // says that it is ready

	web   *http.Server // of http
	ended chan error   // one for each listener, when it is not served any more
	count int          // listeners
}

// startHost opens a broker and serves it. An empty address for HTTP is none.
func startHost(ctx context.Context, o broker.Options, kafkaAddr, httpAddr string) (_ *host, err error) {
	// What is unsafe is refused before a directory is made.
	for _, a := range []string{kafkaAddr, httpAddr} {
		if err := checkAddress(a, o.AllowPublic); err != nil {
			return nil, err
		}
	}
	b, err := broker.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	h := &host{Broker: b, ended: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = h.stop(err)
		}
	}()
	if h.kafka, err = broker.Listen(kafkaAddr, o.AllowPublic); err != nil {
		return nil, err
	}
	var httpOn net.Addr
	if httpAddr != "" {
		if h.http, err = broker.Listen(httpAddr, o.AllowPublic); err != nil {
			return nil, errors.Join(err, h.kafka.Close())
		}
		httpOn = h.http.Addr()
		h.web = &http.Server{Handler: b.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
		h.start(func() error { return h.web.Serve(h.http) })
	}
	h.start(func() error { return b.Serve(h.kafka) })
	if h.line, err = b.Announce(h.kafka.Addr(), httpOn); err != nil {
		return nil, err
	}
	return h, nil
}

func checkAddress(address string, allowPublic bool) error {
	if address == "" || allowPublic {
		return nil
	}
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil // Listen says what is wrong with it
	}
	return broker.CheckListener(a)
}

func (h *host) start(serve func() error) {
	h.count++
	go func() { h.ended <- serve() }()
}

// run waits for the end of ctx and then stops gracefully, or for a listener or the disk to fail.
func (h *host) run(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-h.ended:
		h.count--
		if errors.Is(err, broker.ErrClosed) {
			err = nil
		}
	}
	return h.stop(err)
}

// stop ends everything and adds its error to the one that is the reason.
func (h *host) stop(reason error) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	err := h.Shutdown(ctx)
	if h.web != nil {
		err = errors.Join(err, h.web.Close())
	}
	for ; h.count > 0; h.count-- {
		<-h.ended
	}
	if reason != nil {
		return reason // what follows from it says nothing new
	}
	return err
}
