package directory

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Who may not make, read or write the directory is told at once which rights are missing; who may not see settings works without them.
func TestMissingRightsAreNamed(t *testing.T) {
	allow := func(name string, ops ...kmsg.ACLOperation) (out []kfake.ACL) {
		for _, op := range ops {
			out = append(out, kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true})
		}
		return out
	}
	describe, read, write := kmsg.ACLOperationDescribe, kmsg.ACLOperationRead, kmsg.ACLOperationWrite
	for _, x := range []struct {
		name  string
		there bool // the directory's topic
		acls  []kfake.ACL
		want  kafka.Kind
	}{
		{"no right to make it", false, allow(Topic, describe), kafka.Unauthorized},
		{"no right to see it", true, nil, kafka.Unauthorized},
		{"no right to read it", true, allow(Topic, describe, write), kafka.Unauthorized},
		{"no right to write it", true, allow(Topic, describe, read), kafka.Unauthorized},
		{"enough", true, allow(Topic, describe, read, write), kafka.Other},
	} {
		t.Run(x.name, func(t *testing.T) {
			fake, err := kfake.NewCluster(
				kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", "a"),
				kfake.User("PLAIN", "ada", "b", append(allow("cars", describe, read, write), x.acls...)...),
			)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(fake.Close)
			admin := open(t, kafka.Options{Brokers: fake.ListenAddrs(), SASL: &kafka.SASL{Mechanism: "PLAIN", User: "admin", Password: "a"}})
			create(t, admin, "cars")
			if x.there {
				if err := admin.CreateTopic(t.Context(), kafka.NewTopic{Name: Topic, Partitions: partitions, Configs: map[string]string{"cleanup.policy": "compact"}}); err != nil {
					t.Fatal(err)
				}
			}
			ada := open(t, kafka.Options{Brokers: fake.ListenAddrs(), SASL: &kafka.SASL{Mechanism: "PLAIN", User: "ada", Password: "b"}})
			d, err := Open(t.Context(), ada, "cars", nil)
			if err == nil {
				place(t, d, "s", 1)
				d.Close()
			}
			if (err == nil) != (x.want == kafka.Other) || kafka.KindOf(err) != x.want {
				t.Fatalf("kind %d: %v", kafka.KindOf(err), err)
			}
			if e, ok := errors.AsType[*kafka.Error](err); ok && !strings.Contains(e.Hint, "DESCRIBE, READ and WRITE") {
				t.Errorf("%v: %s", e, e.Hint)
			}
		})
	}
}
