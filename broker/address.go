package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

func (b *Broker) addressFile() string { return filepath.Join(b.dir, "address") }

// Announce returns the line that says where the broker is reached, and writes it to the file address in the data directory, where
// other processes find it until a clean stop. http is nil when nothing serves Handler.
func (b *Broker) Announce(kafka, http net.Addr) (string, error) {
	line := "ready kafka=" + kafka.String()
	if http != nil {
		line += " http=" + http.String()
	}
	line += fmt.Sprintf(" pid=%d cluster=%s", os.Getpid(), b.ClusterID())
	b.mu.Lock()
	b.announced = true
	b.mu.Unlock()
	// Whoever waits for the file must never read a part of it.
	name, part := b.addressFile(), b.addressFile()+".new"
	err := b.write(part, []byte(line+"\n"))
	if err == nil {
		err = b.fs.Rename(part, name)
	}
	if err != nil {
		return "", newError("write "+name, err)
	}
	return line, nil
}

// write makes a file that need not survive a crash.
func (b *Broker) write(name string, data []byte) error {
	f, err := b.fs.Open(name, vfs.Create)
	if err != nil {
		return err
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt(data, 0)
	}
	return errors.Join(err, f.Close())
}

// forgetAddress removes the file that a crash has left: nobody must take it for this process's.
func (b *Broker) forgetAddress() error {
	if err := b.fs.Remove(b.addressFile()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// withdraw removes the file that Announce wrote.
func (b *Broker) withdraw() error {
	b.mu.Lock()
	ours := b.announced
	b.mu.Unlock()
	if !ours {
		return nil
	}
	return b.forgetAddress()
}

func describeRecovery(r store.Recovery) string {
	var s string
	switch {
	case r.New:
		s = "a new directory"
	case r.Clean:
		s = "after a clean stop"
	default:
		s = fmt.Sprintf("after a crash: %d groups (%.1f MiB) replayed in %v", r.Groups, float64(r.Bytes)/(1<<20), r.Took.Round(100*time.Microsecond))
	}
	for _, err := range r.Offline {
		s += "\n  offline: " + strings.ReplaceAll(err.Error(), "\n", " ")
	}
	return s
}
