package commitlog

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Names of the small files of a partition's directory, as Kafka's.
const (
	metadataFile = "partition.metadata"
	epochsFile   = "leader-epoch-checkpoint"
)

// DirName is the name of a partition's directory.
func DirName(topic string, partition int32) string { return fmt.Sprintf("%s-%d", topic, partition) }

// FormatTopicID is a topic id as Kafka writes it: base64 for URLs, without padding.
func FormatTopicID(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ReadMetadata returns the topic id that a partition's directory says it belongs to. The error is fs.ErrNotExist when it says nothing.
func ReadMetadata(fsys vfs.FS, dir string) (id [16]byte, err error) {
	name := filepath.Join(dir, metadataFile)
	b, err := vfs.ReadFile(fsys, name)
	if err != nil {
		return id, err
	}
	if v, ok := strings.CutPrefix(strings.TrimSuffix(string(b), "\n"), "version: 0\ntopic_id: "); ok {
		if raw, err := base64.RawURLEncoding.DecodeString(v); err == nil && len(raw) == len(id) {
			return [16]byte(raw), nil
		}
	}
	return id, fmt.Errorf("%s %w", name, ErrUnnamed)
}

// ErrUnnamed says that a partition.metadata names no topic id.
var ErrUnnamed = errors.New("names no topic id")

// makeDirectory makes a partition's directory, and says whether it was not there. One that belongs to another topic is not used.
func (e *Engine) makeDirectory(dir string, id ID) (made bool, err error) {
	have, err := ReadMetadata(e.opts.FS, dir)
	switch {
	case err == nil && have == id.TopicID:
		return false, nil
	case err == nil:
		return false, fmt.Errorf("%s belongs to topic id %s, not to %s of %q", dir, FormatTopicID(have), FormatTopicID(id.TopicID), id.Topic)
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrUnnamed): // the latter is what a crash left before the first checkpoint
		return false, err
	}
	if err := e.opts.FS.MkdirAll(dir); err != nil {
		return false, err
	}
	return true, e.writeSmall(filepath.Join(dir, metadataFile), encodeMetadata(id))
}

func encodeMetadata(id ID) []byte {
	return fmt.Appendf(nil, "version: 0\ntopic_id: %s", FormatTopicID(id.TopicID))
}

// writeSmall replaces the content of a small file. The next checkpoint syncs it.
func (e *Engine) writeSmall(name string, data []byte) error {
	h, err := e.opts.Files.Get(name, vfs.Create)
	if err != nil {
		return err
	}
	defer h.Release()
	if err := h.Truncate(0); err != nil {
		return err
	}
	_, err = h.WriteAt(data, 0)
	return err
}

// encodeEpochs is the text of leader-epoch-checkpoint.
func encodeEpochs(epochs []EpochStart) []byte {
	b := fmt.Appendf(nil, "0\n%d\n", len(epochs))
	for _, e := range epochs {
		b = fmt.Appendf(b, "%d %d\n", e.Epoch, e.Start)
	}
	return b
}

func removeIfThere(fsys vfs.FS, name string) error {
	err := fsys.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
