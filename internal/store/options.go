package store

import (
	"crypto/rand"
	"io"
	"log/slog"
	"time"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Options of a store. Only Dir must be set.
type Options struct {
	FS       vfs.FS          // the disk when nil
	Dir      string          // made when it is missing
	Settings *catalog.Broker // Kafka's defaults when nil
	// ExpectClusterID refuses a directory of another cluster, and one that has none yet. Not checked when empty.
	ExpectClusterID string

	Log    *slog.Logger     // silent when nil
	Now    func() time.Time // time.Now when nil
	Random io.Reader        // of ids and salts; crypto/rand when nil

	// Bounds. The defaults are good for anything from a test to a busy machine.
	OpenFiles       int           // segments and indexes open at one time; a quarter of what the system allows, 64 to 8,192
	TailBytes       int64         // memory of records that are not in their segments yet; 64 MiB
	PieceBytes      int64         // what a partition collects before it is written behind; 1 MiB
	WALFileBytes    int64         // one file of the write-ahead log; 64 MiB
	WALBytes        int64         // all its files; 8 files
	CheckpointBytes int64         // written between two checkpoints; half of WALBytes
	CheckpointEvery time.Duration // between two checkpoints when there is something new; 60 s
	BallastBytes    int64         // kept free for checkpoints on a full disk; 8 MiB, none when less than 0
	SealAfter       time.Duration // as wal.Options.SealAfter
	// CleanEvery is how long compaction waits when there was nothing to do; log.cleaner.backoff.ms when 0, never by itself when less.
	CleanEvery time.Duration
	// RetentionEvery is how often old segments are looked for besides whenever a new one begins; log.retention.check.interval.ms when 0.
	RetentionEvery time.Duration

	repaired     map[logKey]commitlog.Checkpoint // partitions that Repair has shortened: what is left of them
	segmentBytes int64                           // of all topics, whatever they say; for tests
}

func (o Options) withDefaults() (Options, error) {
	if o.FS == nil {
		o.FS = vfs.Disk()
	}
	if o.Settings == nil {
		b, err := catalog.NewBroker(nil)
		if err != nil {
			return o, err
		}
		o.Settings = b
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	setDefault(&o.OpenFiles, min(max(vfs.OpenFileLimit()/4, 64), 8192))
	setDefault(&o.TailBytes, 64<<20)
	setDefault(&o.PieceBytes, 1<<20)
	setDefault(&o.WALFileBytes, 64<<20)
	setDefault(&o.WALBytes, 8*o.WALFileBytes)
	setDefault(&o.CheckpointBytes, o.WALBytes/2)
	setDefault(&o.CheckpointEvery, time.Minute)
	setDefault(&o.RetentionEvery, time.Duration(o.Settings.Int("log.retention.check.interval.ms"))*time.Millisecond)
	if o.BallastBytes == 0 {
		o.BallastBytes = 8 << 20
	}
	return o, nil
}

func setDefault[T ~int | ~int64](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
