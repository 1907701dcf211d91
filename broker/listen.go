package broker

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// CheckListener refuses an address that other machines can reach: there is no authentication. Addresses that are not
// of a network, such as sockets in the file system, are safe.
func CheckListener(a net.Addr) error {
	var ip net.IP
	switch a := a.(type) {
	case *net.TCPAddr:
		ip = a.IP
	default:
		return nil
	}
	if ip.IsLoopback() {
		return nil
	}
	return &Error{
		Kind: Unsafe, Op: "listen on " + a.String(),
		Err:  errors.New("other machines can reach this address, and there is no authentication"),
		Hint: "use 127.0.0.1, or accept the risk with --insecure-public-listener (Options.AllowPublic)",
	}
}

// Listen opens a TCP listener on HOST:PORT; port 0 is a free one.
func Listen(address string, allowPublic bool) (net.Listener, error) {
	op := "listen on " + address
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, &Error{Kind: Unsafe, Op: op, Err: err, Hint: "an address has the form HOST:PORT"}
	}
	if !allowPublic {
		if err := CheckListener(a); err != nil {
			return nil, err
		}
	}
	l, err := net.ListenTCP("tcp", a)
	if err != nil {
		return nil, &Error{Kind: Unsafe, Op: op, Err: err, Hint: "another process may have the port: choose another one, or 0 for any that is free"}
	}
	return l, nil
}

// advertised reads the first address of advertised.listeners: NAME://HOST:PORT or HOST:PORT. The host is empty when there is none.
func advertised(setting string) (host string, port int32, err error) {
	first, _, _ := strings.Cut(setting, ",")
	if first = strings.TrimSpace(first); first == "" {
		return "", 0, nil
	}
	if _, after, ok := strings.Cut(first, "://"); ok {
		first = after
	}
	host, p, err := net.SplitHostPort(first)
	if err == nil {
		var n uint64
		if n, err = strconv.ParseUint(p, 10, 16); err == nil && (host == "" || n == 0) {
			err = errors.New("host or port is missing")
		}
		port = int32(n)
	}
	if err != nil {
		return "", 0, fmt.Errorf("%s: %.100q has not the form PLAINTEXT://HOST:PORT: %w", settingAdvertised, setting, err)
	}
	return host, port, nil
}
