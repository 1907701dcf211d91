package streams

import (
	"context"
	"errors"
	"io"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// maxContexts is how many contexts Follow keeps; others are read again when they are needed.
const maxContexts = 10_000

// FollowOptions say what is followed.
type FollowOptions struct {
	Topic    string
	Stream   string // all when empty
	From     kafka.Place
	UntilEnd bool // of what there is now
	Contexts bool // contexts of streams are wanted that began before From; each costs a question
}

// ErrEnough ends Follow without an error.
var ErrEnough = errors.New("that is enough")

// Follow gives packets to fn in the order in which they are read, each with what its stream is, never nil. Both are valid during the call. Packets that cannot be read are given too. It ends when fn
// returns an error, which is returned, with UntilEnd, and with ctx. It returns how many records were no packets.
func Follow(ctx context.Context, c *kafka.Client, o FollowOptions, fn func(*Packet, *codec.Context) error) (foreign int64, err error) {
	r, err := c.NewReader(ctx, kafka.ReaderOptions{Topic: o.Topic, From: o.From, UntilEnd: o.UntilEnd})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	var decoder Decoder
	contexts := make(map[place]*codec.Context)
	for {
		batch, err := r.Poll(ctx, 1000)
		if errors.Is(err, io.EOF) {
			return foreign, nil
		}
		if err != nil {
			return foreign, err
		}
		for i := range batch {
			if o.Stream != "" && string(batch[i].Key) != o.Stream {
				continue
			}
			p, ok := decoder.Decode(&batch[i])
			if !ok {
				foreign++
				continue
			}
			at := place{p.Partition, p.Stream}
			known := contexts[at]
			if len(contexts) >= maxContexts {
				clear(contexts)
			}
			switch {
			case p.Err == nil && p.Context != nil:
				known = p.Context
				contexts[at] = known
			case known == nil && o.Contexts && p.Err == nil:
				x, err := contextAt(ctx, c, o.Topic, p.Stream, p.Partition, p.Header.Context)
				if err != nil {
					return foreign, err
				}
				known = &x
				contexts[at] = known
			case known == nil:
				known = &codec.Context{}
			}
			if p.Err == nil && p.Header.Kind == codec.KindEnd {
				delete(contexts, at)
			}
			if err := fn(&p, known); err != nil {
				if errors.Is(err, ErrEnough) {
					return foreign, nil
				}
				return foreign, err
			}
		}
	}
}
