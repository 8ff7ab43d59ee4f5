package handlers

import (
	"fmt"
	"reflect"
	"strings"
	"time"
	"unsafe"
)

// rowPlan is how values of one type are written and read. It is referred to
// before it is complete where a type leads back to itself, so others look at its
// functions only when they run.
type rowPlan struct {
	open   bool   // still being compiled
	shape  string // another for every other way to write a value
	least  int    // bytes that a value takes at least
	write  func(w *rowWriter, p unsafe.Pointer)
	read   func(r *rowReader, p unsafe.Pointer)
	faults []Fault
}

// rowCompiler compiles each type once.
type rowCompiler struct{ plans map[reflect.Type]*rowPlan }

func (c *rowCompiler) plan(t reflect.Type) *rowPlan {
	if plan, ok := c.plans[t]; ok {
		if plan.open {
			return &rowPlan{
				shape: "^" + t.String(),
				write: func(w *rowWriter, p unsafe.Pointer) { plan.write(w, p) },
				read:  func(r *rowReader, p unsafe.Pointer) { plan.read(r, p) },
			}
		}
		return plan
	}
	plan := &rowPlan{open: true}
	c.plans[t] = plan
	c.compile(t, plan)
	plan.open = false
	return plan
}

// compile takes a value apart where it can, since that loses nothing. Only what
// has something in it that cannot be reached is left to its own methods.
func (c *rowCompiler) compile(t reflect.Type, plan *rowPlan) {
	switch t.Kind() {
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			plan.asTime()
		} else {
			c.compileStruct(t, plan)
		}
	case reflect.Pointer:
		c.compilePointer(t, plan)
	case reflect.Slice:
		c.compileSlice(t, plan)
	case reflect.Array:
		c.compileArray(t, plan)
	case reflect.Map:
		c.compileMap(t, plan)
	default:
		plan.asScalar(t)
	}
	if len(plan.faults) > 0 {
		plan.byMethods(t)
	}
}

const storeRule = `cannot be kept in a store outside the process: tag the field powgin:"-", give the type MarshalBinary and UnmarshalBinary, or set Config.Codec`

func (plan *rowPlan) refuse(t reflect.Type) {
	plan.faults = append(plan.faults, Fault{Value: t.String(), Rule: storeRule})
}

func (plan *rowPlan) adopt(path string, inner *rowPlan) {
	for _, fault := range inner.faults {
		plan.faults = append(plan.faults, fault.within(path))
	}
}

func (c *rowCompiler) compileStruct(t reflect.Type, plan *rowPlan) {
	type step struct {
		offset uintptr
		plan   *rowPlan
	}
	var steps []step
	var shape strings.Builder
	for f := range t.Fields() {
		if excluded(f) || f.Type.Size() == 0 {
			continue
		}
		field := c.plan(f.Type)
		if hidden(f) && refers(f.Type) {
			plan.faults = append(plan.faults, Fault{Field: "." + f.Name, Value: f.Type.String(), Rule: storeRule})
			continue
		}
		plan.adopt("."+f.Name, field)
		steps = append(steps, step{f.Offset, field})
		plan.least += field.least
		fmt.Fprintf(&shape, "%s %s;", f.Name, field.shape)
	}
	plan.shape = "{" + shape.String() + "}"
	plan.write = func(w *rowWriter, p unsafe.Pointer) {
		for _, s := range steps {
			s.plan.write(w, unsafe.Add(p, s.offset))
		}
	}
	plan.read = func(r *rowReader, p unsafe.Pointer) {
		for _, s := range steps {
			s.plan.read(r, unsafe.Add(p, s.offset))
		}
	}
}

// refers reports whether a value of this type refers to memory beside its own.
// What a struct keeps there without showing it may be more than it seems: a
// share in something that others have too.
func refers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return true
	case reflect.Array:
		return refers(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return false
		}
		for f := range t.Fields() {
			if refers(f.Type) {
				return true
			}
		}
	}
	return false
}

func (c *rowCompiler) compilePointer(t reflect.Type, plan *rowPlan) {
	elem := c.plan(t.Elem())
	plan.adopt("", elem)
	plan.shape, plan.least = "*"+elem.shape, 1
	plan.write = func(w *rowWriter, p unsafe.Pointer) {
		to := *(*unsafe.Pointer)(p)
		w.bool(to != nil)
		if to != nil && w.enter() {
			elem.write(w, to)
			w.leave()
		}
	}
	plan.read = func(r *rowReader, p unsafe.Pointer) {
		if !r.bool() {
			return
		}
		fresh := reflect.New(t.Elem())
		elem.read(r, fresh.UnsafePointer())
		at(t, p).Set(fresh.Convert(t))
	}
}

// compileSlice keeps nil and empty apart.
func (c *rowCompiler) compileSlice(t reflect.Type, plan *rowPlan) {
	elem, size := c.plan(t.Elem()), t.Elem().Size()
	plan.adopt("[]", elem)
	plan.shape, plan.least = "[]"+elem.shape, 1
	if t.Elem().Kind() == reflect.Uint8 {
		plan.asBytes(t)
		return
	}
	plan.write = func(w *rowWriter, p unsafe.Pointer) {
		v := at(t, p)
		w.bool(!v.IsNil())
		if v.IsNil() || !w.enter() {
			return
		}
		w.uint(uint64(v.Len()))
		for i := range v.Len() {
			elem.write(w, unsafe.Add(v.UnsafePointer(), uintptr(i)*size))
		}
		w.leave()
	}
	plan.read = func(r *rowReader, p unsafe.Pointer) {
		if !r.bool() {
			return
		}
		n := r.length(elem.least)
		v := reflect.MakeSlice(t, n, n)
		for i := 0; i < n && r.err == nil; i++ {
			elem.read(r, unsafe.Add(v.UnsafePointer(), uintptr(i)*size))
		}
		at(t, p).Set(v)
	}
}

func (c *rowCompiler) compileArray(t reflect.Type, plan *rowPlan) {
	elem, n, size := c.plan(t.Elem()), t.Len(), t.Elem().Size()
	plan.adopt("[]", elem)
	plan.shape, plan.least = fmt.Sprintf("[%d]%s", n, elem.shape), n*elem.least
	plan.write = func(w *rowWriter, p unsafe.Pointer) {
		for i := range n {
			elem.write(w, unsafe.Add(p, uintptr(i)*size))
		}
	}
	plan.read = func(r *rowReader, p unsafe.Pointer) {
		for i := range n {
			elem.read(r, unsafe.Add(p, uintptr(i)*size))
		}
	}
}

func (c *rowCompiler) compileMap(t reflect.Type, plan *rowPlan) {
	key, elem := c.plan(t.Key()), c.plan(t.Elem())
	plan.adopt("[key]", key)
	plan.adopt("[]", elem)
	plan.shape, plan.least = "map["+key.shape+"]"+elem.shape, 1
	plan.write = func(w *rowWriter, p unsafe.Pointer) {
		m := at(t, p)
		w.bool(!m.IsNil())
		if m.IsNil() || !w.enter() {
			return
		}
		w.uint(uint64(m.Len()))
		k, v := reflect.New(t.Key()), reflect.New(t.Elem())
		for entry := m.MapRange(); entry.Next(); {
			k.Elem().Set(entry.Key())
			v.Elem().Set(entry.Value())
			key.write(w, k.UnsafePointer())
			elem.write(w, v.UnsafePointer())
		}
		w.leave()
	}
	plan.read = func(r *rowReader, p unsafe.Pointer) {
		if !r.bool() {
			return
		}
		n := r.length(key.least + elem.least)
		m := reflect.MakeMapWithSize(t, n)
		for i := 0; i < n && r.err == nil; i++ {
			k, v := reflect.New(t.Key()), reflect.New(t.Elem())
			key.read(r, k.UnsafePointer())
			elem.read(r, v.UnsafePointer())
			m.SetMapIndex(k.Elem(), v.Elem())
		}
		at(t, p).Set(m)
	}
}
