package handlers

import (
	"database/sql"
	"database/sql/driver"
	"encoding"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"reflect"
	"time"
	"unsafe"
)

// A rowMethod is a pair of methods by which a type writes and reads its values.
type rowMethod struct {
	name   string
	writes reflect.Type
	reads  reflect.Type
	write  func(w *rowWriter, v any) error
	read   func(r *rowReader, v any) error
}

// rowMethods, the first that a type has counts: those come first that are made
// for bytes.
var rowMethods = []rowMethod{
	{
		"binary", reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler](),
		func(w *rowWriter, v any) error { return w.marshaled(v.(encoding.BinaryMarshaler).MarshalBinary()) },
		func(r *rowReader, v any) error { return v.(encoding.BinaryUnmarshaler).UnmarshalBinary(r.own()) },
	}, {
		"gob", reflect.TypeFor[gob.GobEncoder](), reflect.TypeFor[gob.GobDecoder](),
		func(w *rowWriter, v any) error { return w.marshaled(v.(gob.GobEncoder).GobEncode()) },
		func(r *rowReader, v any) error { return v.(gob.GobDecoder).GobDecode(r.own()) },
	}, {
		"value", reflect.TypeFor[driver.Valuer](), reflect.TypeFor[sql.Scanner](),
		func(w *rowWriter, v any) error {
			value, err := v.(driver.Valuer).Value()
			if err != nil {
				return err
			}
			return w.value(value)
		},
		func(r *rowReader, v any) error {
			value := r.value()
			if r.err != nil {
				return r.err
			}
			return v.(sql.Scanner).Scan(value)
		},
	}, {
		"text", reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
		func(w *rowWriter, v any) error { return w.marshaled(v.(encoding.TextMarshaler).MarshalText()) },
		func(r *rowReader, v any) error { return v.(encoding.TextUnmarshaler).UnmarshalText(r.own()) },
	}, {
		"json", reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](),
		func(w *rowWriter, v any) error { return w.marshaled(v.(json.Marshaler).MarshalJSON()) },
		func(r *rowReader, v any) error { return v.(json.Unmarshaler).UnmarshalJSON(r.own()) },
	},
}

// byMethods has values of t written by their own methods, where there are any.
// A pointer is left to what it points to, which may be nil for the methods.
func (plan *rowPlan) byMethods(t reflect.Type) {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return
	}
	own := reflect.PointerTo(t) // it has the methods of both receivers
	for _, m := range rowMethods {
		if !own.Implements(m.writes) || !own.Implements(m.reads) || embeds(t, m.writes) || embeds(t, m.reads) {
			continue
		}
		plan.faults, plan.shape, plan.least = nil, m.name+" "+t.String(), 1
		plan.write = func(w *rowWriter, p unsafe.Pointer) {
			if w.err != nil {
				return
			}
			if err := m.write(w, reflect.NewAt(t, p).Interface()); err != nil {
				w.fail(fmt.Errorf("powgin: write a %s: %T", t, err)) // its text may hold the value
			}
		}
		plan.read = func(r *rowReader, p unsafe.Pointer) {
			if r.err != nil {
				return
			}
			if err := m.read(r, reflect.NewAt(t, p).Interface()); err != nil {
				r.fail(fmt.Errorf("powgin: read a %s: %T", t, err))
			}
		}
		return
	}
}

// embeds reports whether a struct may have a method only from a field that it
// embeds: then it writes that field alone.
func embeds(t, method reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for f := range t.Fields() {
		if f.Anonymous && (f.Type.Implements(method) || reflect.PointerTo(f.Type).Implements(method)) {
			return true
		}
	}
	return false
}

func (w *rowWriter) marshaled(b []byte, err error) error {
	w.bytes(b)
	return err
}

// own returns the next bytes as memory of the caller's own.
func (r *rowReader) own() []byte { return append([]byte{}, r.bytes()...) }

// The kinds of what driver.Valuer may return.
const (
	valueNil byte = iota
	valueInt
	valueFloat
	valueBool
	valueBytes
	valueText
	valueTime
)

func (w *rowWriter) value(value driver.Value) error {
	switch v := value.(type) {
	case nil:
		w.byte(valueNil)
	case int64:
		w.byte(valueInt)
		w.int(v)
	case float64:
		w.byte(valueFloat)
		w.float(v)
	case bool:
		w.byte(valueBool)
		w.bool(v)
	case []byte:
		w.byte(valueBytes)
		w.bytes(v)
	case string:
		w.byte(valueText)
		w.text(v)
	case time.Time:
		w.byte(valueTime)
		w.time(v)
	default:
		return fmt.Errorf("a %T is no driver.Value", value)
	}
	return nil
}

func (r *rowReader) value() driver.Value {
	switch r.byte() {
	case valueNil:
		return nil
	case valueInt:
		return r.int()
	case valueFloat:
		return r.float()
	case valueBool:
		return r.bool()
	case valueBytes:
		return r.own()
	case valueText:
		return string(r.bytes())
	case valueTime:
		return r.time()
	}
	r.fail(errShape)
	return nil
}
