package compat

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// names gives what each broker chooses by itself (ids, addresses) a name that is the same on both.
type names struct {
	tag     string              // what makes this run's topic names its own; shown as nothing
	ids     map[[16]byte]string // topic ids
	members map[string]string   // member ids
	cluster string
	host    string
	port    int32
	node    int32
	dir     string // the data directory, once a scene has asked for it
}

// flatten lists the fields of an answer: Topics[a].Partitions[0].ErrorCode → NONE. Elements of lists are named by what identifies them, so that
// their order does not matter. Times to wait that a quota imposes, and unknown tags, are left out.
func (n *names) flatten(out map[string]string, path string, v reflect.Value) {
	field := path[strings.LastIndexByte(path, '.')+1:]
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			out[path] = "null"
			return
		}
		if strings.HasSuffix(field, "ErrorMessage") || field == "Documentation" {
			out[path] = "text"
			if v.Elem().String() == "" {
				out[path] = "empty"
			}
			return
		}
		n.flatten(out, path, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			switch f := v.Type().Field(i); f.Name {
			case "Version", "ThrottleMillis", "UnknownTags":
			default:
				if f.IsExported() {
					n.flatten(out, strings.TrimPrefix(path+"."+f.Name, "."), v.Field(i))
				}
			}
		}
	case reflect.Slice:
		n.list(out, path, field, v)
	case reflect.Array:
		out[path] = n.id(v)
	case reflect.String:
		out[path] = n.text(field, v.String())
	default:
		out[path] = n.number(field, v)
	}
}

func (n *names) list(out map[string]string, path, field string, v reflect.Value) {
	switch {
	case v.Type().Elem().Kind() == reflect.Uint8:
		switch {
		case v.IsNil():
			out[path] = "null"
		case field == "RecordBatches":
			out[path] = "[" + describeBatches(v.Bytes()) + "]"
		default:
			out[path] = fmt.Sprintf("%x", v.Bytes())
		}
	case v.Type().Elem().Kind() != reflect.Struct:
		var all []string
		for i := range v.Len() {
			one := map[string]string{}
			n.flatten(one, path, v.Index(i))
			all = append(all, one[path])
		}
		out[path] = "[" + strings.Join(all, " ") + "]"
	default:
		out[path+".len"] = strconv.Itoa(v.Len())
		seen := map[string]int{}
		for i := range v.Len() {
			key := n.key(v.Index(i), i)
			if seen[key]++; seen[key] > 1 {
				key += "#" + strconv.Itoa(seen[key])
			}
			out[path+"["+key+"]"] = "listed"
			n.flatten(out, path+"["+key+"]", v.Index(i))
		}
	}
}

// key finds what names an element of a list.
func (n *names) key(v reflect.Value, index int) string {
	for _, name := range []string{
		"Topic", "ResourceName", "Name", "TopicID", "Partition", "Group", "MemberID", "InstanceID", "Key", "NodeID", "ReplicaID", "ApiKey", "RelativeOffset", "Dir", "Feature",
	} {
		f := v.FieldByName(name)
		if !f.IsValid() || f.IsZero() && (f.Kind() != reflect.Int32 || name == "NodeID") {
			continue
		}
		one := map[string]string{}
		n.flatten(one, name, f)
		return one[name]
	}
	return strconv.Itoa(index)
}

func (n *names) id(v reflect.Value) string {
	id, ok := v.Interface().([16]byte)
	switch {
	case !ok || id == [16]byte{}:
		return "zero"
	case n.ids[id] != "":
		return "id-of-" + n.ids[id]
	}
	return "some-id"
}

// uuid is the end of a member id that has no name yet.
var uuid = regexp.MustCompile(`-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func (n *names) text(field, s string) string {
	switch {
	case n.members[s] != "":
		return n.members[s]
	case s == n.cluster:
		return "cluster"
	case s == n.host:
		return "host"
	case s == n.dir && s != "":
		return "dir"
	case field == "ResourceName" && s == strconv.Itoa(int(n.node)):
		return "node"
	}
	return uuid.ReplaceAllString(strings.ReplaceAll(s, n.tag, ""), "-uuid")
}

func (n *names) number(field string, v reflect.Value) string {
	if !v.CanInt() {
		return fmt.Sprint(v.Interface())
	}
	i := v.Int()
	switch {
	case strings.HasSuffix(field, "ErrorCode"):
		if i == 0 {
			return "NONE"
		}
		return kerr.TypedErrorForCode(int16(i)).Message
	case field == "SessionID" && i != 0:
		return "session"
	case field == "ProducerID" && i >= 0:
		return "producer"
	case field == "LogAppendTime" && i >= 0:
		return "time"
	case field == "Port" && i == int64(n.port):
		return "port"
	case strings.HasPrefix(field, "Node") || strings.Contains(field, "Leader") && !strings.Contains(field, "Epoch"),
		field == "ControllerID", field == "Replicas", field == "ISR", field == "ReplicaID":
		if i == int64(n.node) {
			return "node"
		}
	case (field == "TotalBytes" || field == "UsableBytes") && i > 0:
		return "bytes"
	case strings.HasSuffix(field, "Timestamp") && i > baseTime+30_000:
		return "time" // no record of a scene is that young, but by the broker's clock
	case strings.HasSuffix(field, "Timestamp") && i > baseTime-1e9:
		return "base+" + strconv.FormatInt(i-baseTime, 10)
	}
	return strconv.FormatInt(i, 10)
}
