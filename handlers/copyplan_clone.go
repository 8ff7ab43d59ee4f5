package handlers

import (
	"reflect"
	"unsafe"
)

// cloneOf finds a method Clone() T of the type T itself, with either kind of
// receiver. One that is promoted from an embedded struct returns that struct,
// and is none.
func cloneOf(t reflect.Type) (copyFunc, bool) {
	receiver := t
	if t.Kind() != reflect.Pointer {
		receiver = reflect.PointerTo(t) // it has the methods of both receivers
	}
	m, ok := receiver.MethodByName("Clone")
	if !ok || t.Kind() == reflect.Interface ||
		m.Type.NumIn() != 1 || m.Type.NumOut() != 1 || m.Type.Out(0) != t {
		return nil, false
	}
	return func(p unsafe.Pointer, _ *seenRefs) {
		v := at(t, p)
		if isNil(v) {
			return
		}
		self := v
		if t.Kind() != reflect.Pointer {
			self = v.Addr()
		}
		v.Set(m.Func.Call([]reflect.Value{self})[0])
	}, true
}

// isNil keeps Clone methods from being called on nothing.
func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return v.IsNil()
	default:
		return false
	}
}

// clearing makes one field zero.
type clearing struct {
	offset uintptr
	typ    reflect.Type
}

// ownClearings are those of the struct t alone, which begins at base.
func ownClearings(t reflect.Type, base uintptr) []clearing {
	var list []clearing
	for f := range t.Fields() {
		if excluded(f) {
			list = append(list, clearing{base + f.Offset, f.Type})
		}
	}
	return list
}

// clearings are those of t and of the structs within it, for what is copied
// by a Clone. They stop at pointers: whose memory is behind them only the
// Clone knows.
func clearings(t reflect.Type, base uintptr) []clearing {
	if t.Kind() != reflect.Struct {
		return nil
	}
	list := ownClearings(t, base)
	for f := range t.Fields() {
		if !excluded(f) {
			list = append(list, clearings(f.Type, base+f.Offset)...)
		}
	}
	return list
}

// thenClear runs copy, which may be nil, and clears what must not be in it.
func thenClear(copy copyFunc, list []clearing) copyFunc {
	if len(list) == 0 {
		return copy
	}
	return func(p unsafe.Pointer, seen *seenRefs) {
		if copy != nil {
			copy(p, seen)
		}
		for i := range list {
			at(list[i].typ, unsafe.Add(p, list[i].offset)).SetZero()
		}
	}
}
