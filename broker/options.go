package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Options of a broker. Dir or Memory must be set.
type Options struct {
	Dir    string // the data directory; made when it is missing
	Memory bool   // keep everything in memory, for tests: it is gone with the Broker; Dir then only shows in texts

	// Durability says when a record is acknowledged: sync (it is on the disk), interval:100ms (written, and synced every 100 ms), os
	// (written). A topic may set its own by flush.messages and flush.ms. As Settings say when empty, and sync when they say nothing.
	Durability string
	Settings   map[string]string // the broker's settings by Kafka's names; defaults for those that are missing

	// ExpectClusterID refuses a directory of another cluster, and one that has none yet. Not checked when empty.
	ExpectClusterID string
	// StayReadonly keeps serving reads after an error of the disk. Else the broker stops, and Serve returns the error.
	StayReadonly bool
	// AllowPublic lets Serve take a listener that other machines can reach. There is no authentication yet.
	AllowPublic bool

	Log *slog.Logger // silent when nil

	fs vfs.FS // the disk when nil; for tests
}

// Names of settings that the options give a value.
const (
	settingDurability = "bobbin.durability"
	settingAdvertised = "advertised.listeners"
	settingDirs       = "log.dirs"
)

// validate returns the broker's settings, and all that is wrong with the options.
func (o Options) validate() (*catalog.Broker, error) {
	var errs []error
	set := maps.Clone(o.Settings)
	if set == nil {
		set = make(map[string]string)
	}
	switch {
	case o.Memory:
	case o.Dir == "":
		errs = append(errs, errors.New("there is no data directory"))
	default:
		if _, given := set[settingDirs]; given {
			errs = append(errs, fmt.Errorf("%s is given by the data directory: leave it out", settingDirs))
		}
		set[settingDirs] = o.Dir
		if abs, err := filepath.Abs(o.Dir); err == nil {
			set[settingDirs] = abs
		}
	}
	if o.Durability != "" {
		set[settingDurability] = o.Durability
	}
	b, err := catalog.NewBroker(set)
	if err != nil {
		errs = append(errs, err)
	} else if _, _, err := advertised(b.Text(settingAdvertised)); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, &Error{Kind: Invalid, Op: "start the broker", Err: errors.Join(errs...)}
	}
	return b, nil
}

// memoryDir is the data directory of a broker in memory.
const memoryDir = "/memory"

// files returns the file system and the directory in it.
func (o Options) files() (vfs.FS, string) {
	switch {
	case o.Memory && o.fs != nil:
		return o.fs, memoryDir
	case o.Memory:
		return vfs.NewMem(), memoryDir
	case o.fs != nil:
		return o.fs, o.Dir
	}
	return vfs.Disk(), o.Dir
}
