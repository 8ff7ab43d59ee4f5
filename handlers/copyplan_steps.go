package handlers

import (
	"maps"
	"reflect"
	"unsafe"
)

// seenRefs remembers what one Detach has copied, so that cycles end and shared
// parts stay shared. It is nil for types that never lead back to themselves,
// and used by one goroutine.
type seenRefs struct{ copies map[seenRef]unsafe.Pointer }

// seenRef is a reference that was met: a pointer and the pointer to a struct's
// first field are equal but for their type.
type seenRef struct {
	typ reflect.Type
	at  unsafe.Pointer
	len int
}

func (s *seenRefs) find(ref seenRef) (unsafe.Pointer, bool) {
	if s == nil {
		return nil, false
	}
	p, ok := s.copies[ref]
	return p, ok
}

func (s *seenRefs) note(ref seenRef, p unsafe.Pointer) {
	if s == nil {
		return
	}
	if s.copies == nil {
		s.copies = map[seenRef]unsafe.Pointer{}
	}
	s.copies[ref] = p
}

// at is the value of type t that p points to. Reflection moves it where it
// holds pointers, since only typed moves are seen by the garbage collector.
func at(t reflect.Type, p unsafe.Pointer) reflect.Value { return reflect.NewAt(t, p).Elem() }

func copyPointer(t reflect.Type, elem *typePlan) copyFunc {
	return func(p unsafe.Pointer, seen *seenRefs) {
		slot := (*unsafe.Pointer)(p)
		if *slot == nil {
			return
		}
		ref := seenRef{typ: t, at: *slot}
		if done, ok := seen.find(ref); ok {
			*slot = done
			return
		}
		fresh := reflect.New(t)
		fresh.Elem().Set(at(t, *slot))
		*slot = fresh.UnsafePointer()
		seen.note(ref, *slot)
		if elem.copy != nil {
			elem.copy(*slot, seen)
		}
	}
}

// copySlice has short ways for the plainest elements, which are most.
func copySlice(t reflect.Type, elem *typePlan) copyFunc {
	if elem.copy == nil && !elem.open {
		switch kind, size := t.Elem().Kind(), t.Elem().Size(); {
		case kind == reflect.String:
			return copyPlainSlice[string]
		case kind < reflect.Bool || kind > reflect.Complex128 || kind == reflect.Uintptr:
			return copyAnySlice(t, elem)
		case size == 1:
			return copyPlainSlice[uint8]
		case size == 8:
			return copyPlainSlice[uint64]
		}
	}
	return copyAnySlice(t, elem)
}

// copyPlainSlice copies slices whose elements are laid out like an E.
func copyPlainSlice[E any](p unsafe.Pointer, _ *seenRefs) {
	slot := (*[]E)(p)
	if *slot == nil {
		return
	}
	fresh := make([]E, len(*slot))
	copy(fresh, *slot)
	*slot = fresh
}

func copyAnySlice(t reflect.Type, elem *typePlan) copyFunc {
	size := t.Elem().Size()
	return func(p unsafe.Pointer, seen *seenRefs) {
		slot := at(t, p)
		if slot.IsNil() {
			return
		}
		n := slot.Len()
		ref := seenRef{typ: t, at: slot.UnsafePointer(), len: n}
		if done, ok := seen.find(ref); ok {
			slot.Set(at(t, done))
			return
		}
		fresh := reflect.MakeSlice(t, n, n)
		reflect.Copy(fresh, slot)
		slot.Set(fresh)
		if seen != nil {
			header := reflect.New(t)
			header.Elem().Set(fresh)
			seen.note(ref, header.UnsafePointer())
		}
		copyEach(slot.UnsafePointer(), n, size, elem, seen)
	}
}

func copyArray(t reflect.Type, elem *typePlan) copyFunc {
	n, size := t.Len(), t.Elem().Size()
	return func(p unsafe.Pointer, seen *seenRefs) { copyEach(p, n, size, elem, seen) }
}

func copyEach(p unsafe.Pointer, n int, size uintptr, elem *typePlan, seen *seenRefs) {
	if elem.copy == nil {
		return
	}
	for i := range n {
		elem.copy(unsafe.Add(p, uintptr(i)*size), seen)
	}
}

// copyMap has short ways for the maps that models hold most.
func copyMap(t reflect.Type, elem *typePlan) copyFunc {
	switch t {
	case reflect.TypeFor[map[string]string]():
		return copyPlainMap[string]
	case reflect.TypeFor[map[string]int]():
		return copyPlainMap[int]
	case reflect.TypeFor[map[string]bool]():
		return copyPlainMap[bool]
	}
	return copyAnyMap(t, elem)
}

func copyPlainMap[V any](p unsafe.Pointer, _ *seenRefs) {
	slot := (*map[string]V)(p)
	*slot = maps.Clone(*slot)
}

func copyAnyMap(t reflect.Type, elem *typePlan) copyFunc {
	return func(p unsafe.Pointer, seen *seenRefs) {
		slot := at(t, p)
		if slot.IsNil() {
			return
		}
		old := slot.UnsafePointer()
		ref := seenRef{typ: t, at: old}
		if done, ok := seen.find(ref); ok {
			*(*unsafe.Pointer)(p) = done
			return
		}
		iter := slot.MapRange()
		fresh := reflect.MakeMapWithSize(t, slot.Len())
		seen.note(ref, fresh.UnsafePointer())
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for iter.Next() {
			key.SetIterKey(iter)
			value.SetIterValue(iter)
			if elem.copy != nil {
				elem.copy(value.Addr().UnsafePointer(), seen)
			}
			fresh.SetMapIndex(key, value)
		}
		slot.Set(fresh)
	}
}

// structStep copies what one field of a struct refers to.
type structStep struct {
	offset uintptr
	plan   *typePlan
}

func copyStruct(steps []structStep) copyFunc {
	if len(steps) == 0 {
		return nil
	}
	return func(p unsafe.Pointer, seen *seenRefs) {
		for i := range steps {
			if inner := steps[i].plan.copy; inner != nil {
				inner(unsafe.Add(p, steps[i].offset), seen)
			}
		}
	}
}
