package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Topic is the name of the directory's topic.
const Topic = "_bobbin_streams"

const opPrepare = "prepare the stream directory"

// prepare makes the directory's topic when it is missing, and refuses one that would forget places.
func prepare(ctx context.Context, client *kafka.Client, log *slog.Logger) error {
	t, err := client.Topic(ctx, Topic)
	if kafka.KindOf(err) == kafka.NotFound {
		log.Info("making the topic of the stream directory", "topic", Topic)
		err = client.CreateTopic(ctx, kafka.NewTopic{Name: Topic, Partitions: partitions, Configs: map[string]string{"cleanup.policy": "compact"}})
		if err == nil || kafka.KindOf(err) == kafka.Exists {
			t, err = client.Topic(ctx, Topic)
		}
	}
	if err != nil {
		return denied(err)
	}
	if len(t.Partitions) < partitions {
		return &kafka.Error{
			Op: opPrepare, Topic: Topic, Kind: kafka.Invalid, Err: fmt.Errorf("it has %d partitions and needs %d", len(t.Partitions), partitions),
			Hint: fmt.Sprintf("`bobbin topic add-partitions %s --to %d`", Topic, partitions),
		}
	}
	configs, err := client.TopicConfigs(ctx, Topic)
	if err != nil {
		if kafka.KindOf(err) == kafka.Unauthorized {
			log.Warn("whether the stream directory is compacted cannot be seen", "topic", Topic, "err", err)
			return nil
		}
		return err
	}
	if policy, ok := config(configs, "cleanup.policy"); ok && policy != "compact" {
		return &kafka.Error{
			Op: opPrepare, Topic: Topic, Kind: kafka.Invalid, Err: fmt.Errorf("its cleanup.policy is %q: it would forget which partition streams have", policy),
			Hint: fmt.Sprintf("`bobbin topic alter %s --config cleanup.policy=compact`", Topic),
		}
	}
	return nil
}

// denied says which rights are needed when an error is about one that is missing.
func denied(err error) error {
	e, ok := errors.AsType[*kafka.Error](err)
	if !ok || e.Kind != kafka.Unauthorized {
		return err
	}
	return &kafka.Error{
		Op: opPrepare, Topic: Topic, Kind: kafka.Unauthorized, Code: e.Code, Err: err,
		Hint: fmt.Sprintf("whoever writes streams needs the rights to DESCRIBE, READ and WRITE the topic %s, and to CREATE it until it is there; an administrator can make it with %d partitions and cleanup.policy=compact",
			Topic, partitions),
	}
}

// retention returns how long a topic keeps records, in ms; less than 0 when it keeps them for ever, or when it cannot be seen.
func retention(ctx context.Context, client *kafka.Client, topic string, log *slog.Logger) (int64, error) {
	configs, err := client.TopicConfigs(ctx, topic)
	if kafka.KindOf(err) == kafka.Unauthorized {
		log.Warn("how long a topic keeps records cannot be seen: streams keep their partitions for ever", "topic", topic, "err", err)
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	if policy, ok := config(configs, "cleanup.policy"); ok && !strings.Contains(policy, "delete") {
		return -1, nil
	}
	v, _ := config(configs, "retention.ms")
	ms, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return -1, nil
	}
	return ms, nil
}

func config(configs []kafka.Config, name string) (string, bool) {
	for _, c := range configs {
		if c.Name == name && !c.Null {
			return c.Value, true
		}
	}
	return "", false
}
