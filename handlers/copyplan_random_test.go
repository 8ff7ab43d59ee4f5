package handlers

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
	"unsafe"
)

// checkCopy fails the test unless got equals src and shares no memory with it.
func checkCopy[T any](t *testing.T, src, got T) {
	t.Helper()
	if !reflect.DeepEqual(src, got) {
		t.Fatalf("copy = %+v; want %+v", got, src)
	}
	memory := map[unsafe.Pointer]string{}
	walkMemory(reflect.ValueOf(&src).Elem(), "src", map[walked]bool{}, func(p unsafe.Pointer, path string) { memory[p] = path })
	walkMemory(reflect.ValueOf(&got).Elem(), "copy", map[walked]bool{}, func(p unsafe.Pointer, path string) {
		if original, shared := memory[p]; shared {
			t.Errorf("%s shares memory with %s", path, original)
		}
	})
}

type walked struct {
	p unsafe.Pointer
	t reflect.Type
}

// walkMemory visits every piece of memory that v refers to, but for strings
// and times, which are shared, and for empty pieces, which have no address of
// their own.
func walkMemory(v reflect.Value, path string, done map[walked]bool, visit func(unsafe.Pointer, string)) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() || done[walked{v.UnsafePointer(), v.Type()}] {
			return
		}
		done[walked{v.UnsafePointer(), v.Type()}] = true
		if hasAddress(v) {
			visit(v.UnsafePointer(), path)
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		walkMemory(v.Elem(), path, done, visit)
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			walkMemory(iter.Value(), path+"[]", done, visit)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			walkMemory(v.Index(i), path+"[]", done, visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			walkMemory(v.Field(i), path+"."+v.Type().Field(i).Name, done, visit)
		}
	}
}

// hasAddress is false for references to nothing: those all lead to one place.
func hasAddress(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice:
		return v.Len() > 0 && v.Type().Elem().Size() > 0
	case reflect.Pointer:
		return v.Type().Elem().Size() > 0
	default:
		return true
	}
}

// fill gives v random contents, no deeper than depth references.
func fill(r *rand.Rand, v reflect.Value, depth int) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Unix(r.Int64N(1e9), 0)))
		return
	}
	size := r.IntN(4)
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(size > 1)
	case reflect.String:
		v.SetString("text"[:size])
	case reflect.Complex128:
		v.SetComplex(complex(float64(size), 1))
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if depth > 0 && size > 0 {
			fillReference(r, v, depth-1, size-1)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i), depth)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				fill(r, field, depth)
			}
		}
	default:
		v.Set(reflect.ValueOf(r.IntN(100)).Convert(v.Type()))
	}
}

func fillReference(r *rand.Rand, v reflect.Value, depth, size int) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem(), depth)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), size, size+r.IntN(3)))
		for i := range size {
			fill(r, v.Index(i), depth)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range size {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(r, key, depth)
			fill(r, value, depth)
			v.SetMapIndex(key, value)
		}
	}
}

type (
	randomScalars struct {
		A []int8
		B []uint16
		C []float32
		D []complex128
		E []bool
		F [2][]int64
		G []struct{}
		H *struct{ X, Y []byte }
		I [0][]string
		J [][]string
		K []planKind
	}
	randomMaps struct {
		A map[int]map[string]*int
		B map[struct{ A, B string }][]string
		C map[bool][2]*string
		D []map[string]string
		E *map[string][]*time.Time
		F map[string]struct{}
	}
	randomTree struct {
		Name  string
		Left  *randomTree
		Kids  []*randomTree
		Flat  []randomTree
		Index map[string]randomTree
		Other *randomOther
	}
	randomOther struct {
		Back  *randomTree
		Lists [][]*randomOther
	}
	planKind string
)

func checkRandom[T any](t *testing.T, r *rand.Rand) {
	t.Helper()
	var src T
	fill(r, reflect.ValueOf(&src).Elem(), 6)
	checkCopy(t, src, detached(mustPlan[T](t), src))
}

func checkRandomAll(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	checkRandom[randomScalars](t, r)
	checkRandom[randomMaps](t, r)
	checkRandom[randomTree](t, r)
	checkRandom[planFlat](t, r)
	checkRandom[planNested](t, r)
}

func TestDetachOfRandomUsers(t *testing.T) {
	t.Parallel()
	users := uint64(300)
	if testing.Short() {
		users = 30
	}
	for seed := range users {
		checkRandomAll(t, seed)
	}
}

func FuzzDetach(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(checkRandomAll)
}

type benchUser struct {
	ID     uint
	Email  string
	Plan   *string
	Roles  []string
	Scores []int
	Labels map[string]string
	Limits map[string]int
	At     time.Time
}

func BenchmarkDetach(b *testing.B) {
	plan := "pro"
	src := benchUser{
		Plan: &plan, Roles: []string{"admin", "staff"}, Scores: []int{1, 2, 3},
		Labels: map[string]string{"a": "b", "c": "d"}, Limits: map[string]int{"x": 1, "y": 2},
	}
	nested := mustPlan[benchUser](b)
	b.Run("nested", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			detached(nested, src)
		}
	})
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			benchByHand(&src)
		}
	})
	type cleared struct {
		ID   uint
		Hash string `powgin:"-"`
	}
	clears := mustPlan[cleared](b)
	b.Run("one field to clear", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			detached(clears, cleared{ID: 1, Hash: "h"})
		}
	})
}

//go:noinline
func benchByHand(u *benchUser) *benchUser {
	v := *u
	plan := *v.Plan
	v.Plan = &plan
	v.Roles = append([]string(nil), v.Roles...)
	v.Scores = append([]int(nil), v.Scores...)
	labels := make(map[string]string, len(v.Labels))
	maps.Copy(labels, v.Labels)
	limits := make(map[string]int, len(v.Limits))
	maps.Copy(limits, v.Limits)
	v.Labels, v.Limits = labels, limits
	return &v
}
