package handlers

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
)

// RowCodec turns users of one type into bytes and back, for stores outside the
// process. What it writes is the row: every field that copies of a user have,
// whatever tags it carries for encoders, with times to the nanosecond and in UTC.
// Fields tagged powgin:"-" are left out and come back zero. It is compiled once
// and safe for concurrent use.
//
// (encoding/json, CBOR and MessagePack obey tags that an app has put there for
// its API, and lose what they hide, which is most of what decides on rights.)
type RowCodec struct {
	typ   reflect.Type
	root  *rowPlan
	shape [shapeSize]byte
}

const (
	shapeSize = 8 // of what tells two shapes of a type apart
	sumSize   = crc32.Size
	headSize  = shapeSize + sumSize
)

// rowFormat goes with the ways to write a value: rows of another one are of
// another shape.
const rowFormat = "1 "

// errShape means that bytes were written for another shape of the type, or are
// not what was written.
var errShape = errors.New("powgin: a cached user is of another shape, or damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// NewRowCodec compiles the codec of the struct type t. Types that keep their
// values where only their own package finds them are written by their own
// methods: MarshalBinary, GobEncode, Value, MarshalText or MarshalJSON, the first
// whose counterpart is there too. What has none is a fault, and the codec nil.
func NewRowCodec(t reflect.Type) (*RowCodec, []Fault) {
	c := rowCompiler{plans: map[reflect.Type]*rowPlan{}}
	root := c.plan(t)
	if len(root.faults) > 0 {
		faults := make([]Fault, len(root.faults))
		for i, fault := range root.faults {
			faults[i] = fault.within(typeName(t))
		}
		return nil, faults
	}
	sum := sha256.Sum256([]byte(rowFormat + root.shape))
	return &RowCodec{typ: t, root: root, shape: [shapeSize]byte(sum[:])}, nil
}

// Encode returns the bytes of a user, given by value. A user whose pointers
// lead back to where they came from, and one whose own methods fail, is an error.
func (c *RowCodec) Encode(user any) (b []byte, err error) {
	defer recovered(&err)
	v := reflect.ValueOf(user)
	if !v.IsValid() || v.Type() != c.typ {
		return nil, fmt.Errorf("powgin: a %T is no user of this codec", user)
	}
	own := reflect.New(c.typ)
	own.Elem().Set(v)
	w := rowWriter{b: make([]byte, headSize, 256)}
	c.root.write(&w, own.UnsafePointer())
	if w.err != nil {
		return nil, w.err
	}
	return c.sealed(w.b), nil
}

// sealed fills in the head of what was written behind it.
func (c *RowCodec) sealed(b []byte) []byte {
	copy(b, c.shape[:])
	binary.LittleEndian.PutUint32(b[shapeSize:], crc32.Checksum(b[headSize:], castagnoli))
	return b
}

// Decode returns the user, by value, that Encode was given. Bytes of another
// shape of the type, and damaged ones, are an error.
func (c *RowCodec) Decode(b []byte) (user any, err error) {
	defer recovered(&err)
	if len(b) < headSize || [shapeSize]byte(b) != c.shape ||
		binary.LittleEndian.Uint32(b[shapeSize:]) != crc32.Checksum(b[headSize:], castagnoli) {
		return nil, errShape
	}
	fresh := reflect.New(c.typ)
	r := rowReader{b: b[headSize:]}
	c.root.read(&r, fresh.UnsafePointer())
	if r.err == nil && len(r.b) > 0 {
		r.err = errShape
	}
	if r.err != nil {
		return nil, r.err
	}
	return fresh.Elem().Interface(), nil
}

// recovered makes an error of a panic in the app's own methods. What was thrown
// may hold the user, so it is not told.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("powgin: panic with a %T while a user was written or read", p)
	}
}
