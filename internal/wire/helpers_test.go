package wire

import (
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// eachVersion calls f for every version of every request that kmsg knows.
func eachVersion(f func(h Header)) {
	for key := range versions {
		for v := int16(0); v <= versions[key].max; v++ {
			f(Header{Key: int16(key), Version: v, CorrelationID: 7, ClientID: "c"})
		}
	}
}

// randomRequest returns a request with something in all its fields.
func randomRequest(rng *rand.Rand, h Header) kmsg.Request {
	req := kmsg.RequestForKey(h.Key)
	fill(rng, reflect.ValueOf(req).Elem())
	req.SetVersion(h.Version)
	return req
}

// fill gives random values to the fields of a kmsg struct: lists of 0 to 2 elements, short texts, tags now and then.
func fill(rng *rand.Rand, v reflect.Value) {
	if t, ok := v.Addr().Interface().(*kmsg.Tags); ok {
		if rng.IntN(4) == 0 {
			t.Set(uint32(100+rng.IntN(1000)), randomBytes(rng, 5))
		}
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(rng.Uint64()))
	case reflect.Uint16:
		v.SetUint(uint64(rng.Uint32() & 0xffff))
	case reflect.Float64:
		v.SetFloat(rng.Float64())
	case reflect.String:
		v.SetString(string(randomBytes(rng, 6)))
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(rng.Uint64() & 0xff)
		}
	case reflect.Pointer:
		if rng.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rng, v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(randomBytes(rng, 9))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), rng.IntN(3), 3))
		for i := range v.Len() {
			fill(rng, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rng, v.Field(i))
		}
	}
}

func randomBytes(rng *rand.Rand, most int) []byte {
	b := make([]byte, rng.IntN(most+1))
	for i := range b {
		b[i] = byte('a' + rng.IntN(26))
	}
	return b
}

// allocated returns how many bytes f takes from the heap.
func allocated(t *testing.T, f func()) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
