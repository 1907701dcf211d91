package store

import (
	"context"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// idBlockSize is how many producer ids are taken out of the catalog's stock at once, as Kafka does; a stop loses what is left of a block.
const idBlockSize = 1000

// idBlock is ids that are durably taken.
type idBlock struct{ next, end int64 }

// NewProducerID returns an id that no producer of this directory has had.
func (s *Store) NewProducerID(ctx context.Context) (int64, error) {
	var b idBlock
	select {
	case b = <-s.ids:
	case <-ctx.Done():
		return -1, context.Cause(ctx)
	}
	defer func() { s.ids <- b }()
	if b.next == b.end {
		first := int64(0)
		_, err := s.submit(ctx, wal.Normal, func() (catalog.Change, error) {
			var ch catalog.ProducerBlock
			var err error
			first, ch, err = s.catalog.DecideProducerBlock(idBlockSize)
			return ch, err
		})
		if err != nil {
			return -1, err
		}
		b = idBlock{first, first + idBlockSize}
	}
	id := b.next
	b.next++
	return id, nil
}
