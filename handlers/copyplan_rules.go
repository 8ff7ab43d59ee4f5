package handlers

import (
	"reflect"
	"sync"
)

const (
	excludeWay = `tag the field powgin:"-"`
	mapKeyRule = `cannot be copied: a map's keys must hold no pointers and no interfaces; ` + excludeWay +
		`, or give the map a type with a method Clone`
)

var lockerType = reflect.TypeFor[sync.Locker]()

// refusal is the rule that values of type t break by themselves, whatever
// they hold; "" where they break none.
func refusal(t reflect.Type) string {
	if pkg := t.PkgPath(); pkg == "sync" || pkg == "sync/atomic" {
		return "cannot be copied: it is a lock or an atomic value; " + excludeWay +
			", or give the struct that holds it a method Clone"
	}
	switch t.Kind() {
	case reflect.Func:
		return "cannot be copied: a function may hold anything; " + waysOut(t)
	case reflect.Chan:
		return "cannot be copied: a channel is shared by its nature; " + waysOut(t)
	case reflect.Interface:
		return "cannot be copied: an interface may hold anything; " + excludeWay +
			", or give it a type that has a method Clone or is in Config.Immutable"
	case reflect.UnsafePointer, reflect.Uintptr:
		return "cannot be copied: nobody knows what such a pointer leads to; " + waysOut(t)
	}
	return ""
}

// lockRule finds the locks of other packages by their methods.
func lockRule(t reflect.Type) string {
	if reflect.PointerTo(t).Implements(lockerType) {
		return "cannot be copied: it has the methods Lock and Unlock, as a lock has; " + waysOut(t)
	}
	return ""
}

func hiddenRule(owner reflect.Type) string {
	return "cannot be copied: it is unexported and refers to memory that only its own package knows; " + waysOut(owner)
}

// waysOut names what the app can do about a type that cannot be copied.
func waysOut(t reflect.Type) string {
	name := t.String()
	if t.Name() == "" {
		return "name " + name + " in Config.Immutable if its values never change, or " + excludeWay
	}
	return "give " + name + " a method Clone() " + name + ", name it in Config.Immutable if its values never change, or " + excludeWay
}
