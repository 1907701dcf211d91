package directory

import (
	"context"
	"log/slog"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

type Directory struct{}

func Open(ctx context.Context, c *kafka.Client, topic string, log *slog.Logger) (*Directory, error) {
	return &Directory{}, nil
}
func (d *Directory) Place(ctx context.Context, stream string, want int32) (int32, error) {
	return want, nil
}
func (d *Directory) End(ctx context.Context, stream string) error { return nil }
func (d *Directory) Close() error                                 { return nil }
