package handlers

import (
	"bytes"
	"reflect"
	"time"
	"unsafe"
)

func (plan *rowPlan) asTime() {
	plan.shape, plan.least = "time", 2
	plan.write = func(w *rowWriter, p unsafe.Pointer) { w.time(*(*time.Time)(p)) }
	plan.read = func(r *rowReader, p unsafe.Pointer) { *(*time.Time)(p) = r.time() }
}

func (plan *rowPlan) asBytes(t reflect.Type) {
	plan.write = func(w *rowWriter, p unsafe.Pointer) {
		b := *(*[]byte)(p)
		w.bool(b != nil)
		if b != nil {
			w.bytes(b)
		}
	}
	plan.read = func(r *rowReader, p unsafe.Pointer) {
		if r.bool() {
			at(t, p).SetBytes(bytes.Clone(r.bytes()))
		}
	}
}

// asScalar is for values that have no parts.
func (plan *rowPlan) asScalar(t reflect.Type) {
	plan.shape, plan.least = t.Kind().String(), 1
	switch t.Kind() {
	case reflect.Bool:
		plan.write = func(w *rowWriter, p unsafe.Pointer) { w.bool(*(*bool)(p)) }
		plan.read = func(r *rowReader, p unsafe.Pointer) { *(*bool)(p) = r.bool() }
	case reflect.String:
		plan.write = func(w *rowWriter, p unsafe.Pointer) { w.text(*(*string)(p)) }
		plan.read = func(r *rowReader, p unsafe.Pointer) { *(*string)(p) = string(r.bytes()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		plan.write = func(w *rowWriter, p unsafe.Pointer) { w.int(at(t, p).Int()) }
		plan.read = func(r *rowReader, p unsafe.Pointer) {
			if v, n := at(t, p), r.int(); v.OverflowInt(n) {
				r.fail(errShape)
			} else {
				v.SetInt(n)
			}
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		plan.write = func(w *rowWriter, p unsafe.Pointer) { w.uint(at(t, p).Uint()) }
		plan.read = func(r *rowReader, p unsafe.Pointer) {
			if v, n := at(t, p), r.uint(); v.OverflowUint(n) {
				r.fail(errShape)
			} else {
				v.SetUint(n)
			}
		}
	case reflect.Float32, reflect.Float64:
		plan.least = 8
		plan.write = func(w *rowWriter, p unsafe.Pointer) { w.float(at(t, p).Float()) }
		plan.read = func(r *rowReader, p unsafe.Pointer) { at(t, p).SetFloat(r.float()) }
	case reflect.Complex64, reflect.Complex128:
		plan.least = 16
		plan.write = func(w *rowWriter, p unsafe.Pointer) {
			z := at(t, p).Complex()
			w.float(real(z))
			w.float(imag(z))
		}
		plan.read = func(r *rowReader, p unsafe.Pointer) {
			re, im := r.float(), r.float()
			at(t, p).SetComplex(complex(re, im))
		}
	default: // an interface, a function, a channel, an address: nobody can tell what is behind it
		plan.refuse(t)
	}
}
