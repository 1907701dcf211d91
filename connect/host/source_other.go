//go:build !linux

package host

func openSource() (source, error) { return newPortable(), nil }
