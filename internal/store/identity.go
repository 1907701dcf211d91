package store

import (
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

const (
	identityFile = "meta.properties"
	formatNumber = 1
	// identityChecksum begins the last line: CRC-32C of all lines before it.
	identityChecksum = "bobbin.crc="
)

// identity is what meta.properties says.
type identity struct {
	clusterID   string
	nodeID      int32
	directoryID string
}

// readIdentity returns nil when there is none.
func readIdentity(fsys vfs.FS, dir string) (*identity, error) {
	name := filepath.Join(dir, identityFile)
	b, err := vfs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	p := parseProperties(string(b))
	text, crc, _ := strings.Cut(string(b), identityChecksum)
	if strings.TrimSpace(crc) != fmt.Sprintf("%08x", crc32.Checksum([]byte(text), castagnoli)) && p["bobbin.format"] == strconv.Itoa(formatNumber) {
		return nil, &DamagedError{File: name, Err: errors.New("its checksum does not match its lines")}
	}
	format, err := strconv.Atoi(p["bobbin.format"])
	if err != nil {
		return nil, &DamagedError{File: name, Err: fmt.Errorf("bobbin.format is %q", p["bobbin.format"])}
	}
	if format > formatNumber {
		return nil, &NewerError{Dir: dir, Detail: fmt.Sprintf("format %d, this one knows %d", format, formatNumber)}
	}
	node, err := strconv.ParseInt(p["node.id"], 10, 32)
	if err != nil || p["cluster.id"] == "" {
		return nil, &DamagedError{File: name, Err: fmt.Errorf("cluster.id is %q and node.id is %q", p["cluster.id"], p["node.id"])}
	}
	return &identity{clusterID: p["cluster.id"], nodeID: int32(node), directoryID: p["directory.id"]}, nil
}

func parseProperties(text string) map[string]string {
	p := make(map[string]string)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if k, v, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			p[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return p
}

func newIdentity(random io.Reader, node int32) (*identity, error) {
	id := &identity{nodeID: node}
	for _, p := range []*string{&id.clusterID, &id.directoryID} {
		var raw [16]byte
		if _, err := io.ReadFull(random, raw[:]); err != nil {
			return nil, fmt.Errorf("draw an id: %w", err)
		}
		*p = base64.RawURLEncoding.EncodeToString(raw[:])
	}
	return id, nil
}

func (id *identity) write(fsys vfs.FS, dir string) error {
	text := fmt.Sprintf("# Identity of this data directory. Without this file it is not opened.\nversion=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\nbobbin.format=%d\n",
		id.clusterID, id.nodeID, id.directoryID, formatNumber)
	text += fmt.Sprintf("%s%08x\n", identityChecksum, crc32.Checksum([]byte(text), castagnoli))
	return vfs.WriteFileSync(fsys, filepath.Join(dir, identityFile), []byte(text))
}
