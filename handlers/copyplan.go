package handlers

import (
	"net/netip"
	"reflect"
	"time"
	"unsafe"
)

// CopyPlan copies users of one type, so that what a handler does to the user
// it was given reaches nobody else. It is compiled once, at set-up, never
// changes, and is safe for concurrent use.
//
// A copy is made in two steps: the user is assigned, and Detach replaces what
// the copy still shares with the original.
type CopyPlan struct {
	typ       reflect.Type
	root      *typePlan
	recursive bool
}

// alwaysImmutable are the types that every plan shares: nothing can change a
// value of them in place.
var alwaysImmutable = []reflect.Type{
	reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Location](),
	reflect.TypeFor[netip.Addr](), reflect.TypeFor[netip.AddrPort](), reflect.TypeFor[netip.Prefix](),
}

// NewCopyPlan compiles the plan for the struct type t. Values of the types in
// immutable are shared between copies, like those of time.Time; it may be nil.
//
// A type with a method Clone that takes nothing and returns that very type is
// copied through it. What can be copied neither so nor field by field, a lock
// or a channel for instance, is a fault, and the plan is nil then.
func NewCopyPlan(t reflect.Type, immutable []reflect.Type) (*CopyPlan, []Fault) {
	if t.Kind() != reflect.Struct {
		return nil, []Fault{{Field: typeName(t), Value: t.Kind().String(), Rule: "is no struct: a user is one"}}
	}
	c := planCompiler{immutable: map[reflect.Type]bool{}, plans: map[reflect.Type]*typePlan{}}
	for _, list := range [][]reflect.Type{alwaysImmutable, immutable} {
		for _, shared := range list {
			c.immutable[shared] = true
		}
	}
	root := c.plan(t)
	if len(root.faults) > 0 {
		faults := make([]Fault, len(root.faults))
		for i, fault := range root.faults {
			faults[i] = fault.within(typeName(t))
		}
		return nil, faults
	}
	return &CopyPlan{typ: t, root: root, recursive: c.recursive}, nil
}

// Flat tells that an assignment is a full copy already: Detach has nothing to
// do, and need not be called.
func (plan *CopyPlan) Flat() bool { return plan.root.copy == nil }

// Shares tells whether a user still shares memory with the one it was assigned
// from. Where it does not, a user that has been detached once, so that nothing
// is left in it to clear, is copied by assignment alone.
func (plan *CopyPlan) Shares() bool { return plan.root.shared }

// Detach makes the user that p points to independent of the user it was
// assigned from: pointers, slices and maps inside it are replaced by copies,
// however deep, and fields tagged powgin:"-" become zero. p must point to a
// value of the plan's type that nobody else uses yet; what it refers to is
// only read, so many goroutines may detach copies of one user at once.
//
// Strings and immutable values stay shared, nil stays nil and empty stays
// empty, and slices get no spare capacity. Where the user's type leads back to
// itself, cycles stay cycles, and what two pointers share they share in the
// copy; a pointer back to the user leads to a second copy of it. A value that
// is copied by its Clone has its own excluded fields cleared, but not those
// behind its pointers. Detach panics where a Clone of the app's does.
func (plan *CopyPlan) Detach(p unsafe.Pointer) {
	if plan.root.copy == nil {
		return
	}
	var seen *seenRefs
	if plan.recursive {
		seen = &seenRefs{}
	}
	plan.root.copy(p, seen)
}
