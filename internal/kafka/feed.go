package kafka

import (
	"context"
	"errors"
)

// FeedOptions of a Feed. Topic must be set.
type FeedOptions struct {
	Topic    string
	Group    string // shares the partitions with the group's other members; all partitions are read when empty
	From     Place  // where to start: always without a group; with one, in partitions for which it has committed nothing
	MaxBytes int32  // of one fetch's answer; the client's default when 0

	// Assigned, Revoked and Lost are called one after the other, on a goroutine of the feed, while a Poll waits or when Close is called; never at the
	// same time as another. Each may be nil.
	Assigned func(ctx context.Context, partitions []int32) // before a record of them is returned
	Revoked  func(ctx context.Context, partitions []int32) // before they are given up: their offsets can still be committed, the group waits for the return (up to the rebalance time-out)
	Lost     func(partitions []int32)                      // they are others' already
}

// Feed reads a topic's partitions: those that its group gives it or, without a group, all that there are and all that are added. Poll belongs to one goroutine;
// the other methods are safe for concurrent use.
type Feed struct{}

// PartitionRecords is what one Poll found in one partition.
type PartitionRecords struct {
	Partition int32
	Records   []Record // in order; may be empty when only control records came
	Next      int64    // the offset behind the last record of this batch as the log has it, control records and compacted ones counted
}

// NewFeed starts to read.
func (c *Client) NewFeed(ctx context.Context, opts FeedOptions) (*Feed, error) {
	return nil, errNotYet
}

// Poll waits for records.
func (f *Feed) Poll(ctx context.Context) ([]PartitionRecords, error) { return nil, errNotYet }

// Pause holds partitions back.
func (f *Feed) Pause(partitions ...int32) {}

// Resume goes on with partitions that were paused.
func (f *Feed) Resume(partitions ...int32) {}

// Commit commits offsets of the group.
func (f *Feed) Commit(ctx context.Context, offsets map[int32]int64) error { return errNotYet }

// Read returns the one record at an offset.
func (f *Feed) Read(ctx context.Context, partition int32, offset int64) (Record, error) {
	return Record{}, errNotYet
}

// Partitions returns how many partitions the topic has, as last seen.
func (f *Feed) Partitions() int { return 0 }

// Close leaves the group and ends the feed.
func (f *Feed) Close() {}

var errNotYet = errors.New("feeds come with the next commit")
