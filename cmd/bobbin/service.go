package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/bobbinstream/bobbin/broker"
)

// stopTime is how long the requests that run have at a graceful stop.
const stopTime = 10 * time.Second

// service is a broker with the listeners of this process.
type service struct {
	*broker.Broker
	kafka net.Listener
	http  net.Listener // nil when there is none
	line  string       // says that it is ready

	web   *http.Server // of http
	ended chan error   // one for each listener, when it is not served any more
	count int          // listeners
}

// endpoints are where a service is reached.
type endpoints struct {
	kafka string // HOST:PORT
	ports int    // how many ports to try from that of kafka on, until one is free; one when 0
	http  string // nowhere when empty
}

// startService opens a broker and serves it.
func startService(ctx context.Context, o broker.Options, at endpoints) (_ *service, err error) {
	// What is unsafe is refused before a directory is made.
	for _, a := range []string{at.kafka, at.http} {
		if err := checkAddress(a, o.AllowPublic); err != nil {
			return nil, err
		}
	}
	b, err := broker.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &service{Broker: b, ended: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = s.stop(err)
		}
	}()
	if s.kafka, err = listenNear(at.kafka, at.ports, o.AllowPublic); err != nil {
		return nil, err
	}
	var httpOn net.Addr
	if at.http != "" {
		if s.http, err = broker.Listen(at.http, o.AllowPublic); err != nil {
			return nil, errors.Join(err, s.kafka.Close())
		}
		httpOn = s.http.Addr()
		s.web = &http.Server{Handler: b.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
		s.start(func() error { return s.web.Serve(s.http) })
	}
	s.start(func() error { return b.Serve(s.kafka) })
	if s.line, err = b.Announce(s.kafka.Addr(), httpOn); err != nil {
		return nil, err
	}
	return s, nil
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

// listenNear opens a listener at the first free one of some ports.
func listenNear(address string, ports int, allowPublic bool) (net.Listener, error) {
	l, err := broker.Listen(address, allowPublic)
	host, port, _ := net.SplitHostPort(address)
	first, numberErr := strconv.Atoi(port)
	if numberErr != nil {
		return l, err
	}
	for i := 1; i < ports && errors.Is(err, syscall.EADDRINUSE); i++ {
		l, err = broker.Listen(net.JoinHostPort(host, strconv.Itoa(first+i)), allowPublic)
	}
	return l, err
}

func (s *service) start(serve func() error) {
	s.count++
	go func() { s.ended <- serve() }()
}

// run waits for the end of ctx and then stops gracefully, or for a listener or the disk to fail.
func (s *service) run(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.ended:
		s.count--
		if errors.Is(err, broker.ErrClosed) {
			err = nil
		}
	}
	return s.stop(err)
}

// stop ends everything and adds its error to the one that is the reason.
func (s *service) stop(reason error) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	err := s.Shutdown(ctx)
	if s.web != nil {
		err = errors.Join(err, s.web.Close())
	}
	for ; s.count > 0; s.count-- {
		<-s.ended
	}
	if reason != nil {
		return reason // what follows from it says nothing new
	}
	return err
}
