package handlers

import (
	"context"
	"math/big"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

type (
	ruleDecimal struct {
		value *big.Int
		exp   int32
	}
	ruleLock   struct{ held bool }
	ruleHidden struct{ Tags []string }
	ruleTree   struct {
		Left *ruleTree
		Hook func()
	}
	ruleInner struct{ Stop chan int }
	ruleBase  struct{ ID uint }
)

func (l *ruleLock) Lock()   { l.held = true }
func (l *ruleLock) Unlock() { l.held = false }

type ruleUser struct {
	Name    string
	Mu      sync.Mutex
	Once    *sync.Once
	Hits    atomic.Int64
	Own     ruleLock
	Hook    func(context.Context)
	Events  []chan int
	Raw     unsafe.Pointer
	Addr    uintptr
	Extra   any
	Err     map[string]error
	ByPtr   map[*int]string
	ByAny   map[any]string
	ByTime  map[time.Time]string
	Price   ruleDecimal
	Inner   map[string][]ruleInner
	Tree    ruleTree
	tags    []string
	hidden  ruleHidden
	started time.Time
	*ruleBase
	Again ruleInner
}

func TestCopyPlanRefusesWhatCannotBeCopied(t *testing.T) {
	t.Parallel()
	want := []string{
		"ruleUser.Mu (sync.Mutex) cannot be copied: it is a lock or an atomic value; ",
		"ruleUser.Once (sync.Once) cannot be copied: it is a lock or an atomic value; ",
		"ruleUser.Hits (atomic.Int64) cannot be copied: it is a lock or an atomic value; ",
		"ruleUser.Own (handlers.ruleLock) cannot be copied: it has the methods Lock and Unlock, as a lock has; " +
			"give handlers.ruleLock a method Clone() handlers.ruleLock, name it in Config.Immutable if its values never change, " +
			`or tag the field powgin:"-"`,
		"ruleUser.Hook (func(context.Context)) cannot be copied: a function may hold anything; " +
			`name func(context.Context) in Config.Immutable if its values never change, or tag the field powgin:"-"`,
		"ruleUser.Events[] (chan int) cannot be copied: a channel is shared by its nature; ",
		"ruleUser.Raw (unsafe.Pointer) cannot be copied: nobody knows",
		"ruleUser.Addr (uintptr) cannot be copied: nobody knows",
		`ruleUser.Extra (interface {}) cannot be copied: an interface may hold anything; tag the field powgin:"-"`,
		"ruleUser.Err[] (error) cannot be copied: an interface may hold anything; ",
		"ruleUser.ByPtr[key] (*int) cannot be copied: a map's keys must hold no pointers",
		"ruleUser.ByAny[key] (interface {}) cannot be copied: a map's keys must hold no pointers",
		"ruleUser.Price.value (*big.Int) cannot be copied: it is unexported and refers to memory that only its own package knows; " +
			"give handlers.ruleDecimal a method Clone() handlers.ruleDecimal, name it in Config.Immutable",
		"ruleUser.Inner[][].Stop (chan int) cannot be copied",
		"ruleUser.Tree.Hook (func()) cannot be copied",
		"ruleUser.tags ([]string) cannot be copied: it is unexported",
		"ruleUser.hidden (handlers.ruleHidden) cannot be copied: it is unexported",
		"ruleUser.ruleBase (*handlers.ruleBase) cannot be copied: it is unexported",
		"ruleUser.Again.Stop (chan int) cannot be copied",
	}
	plan, faults := NewCopyPlan(reflect.TypeFor[ruleUser](), nil)
	if plan != nil {
		t.Error("NewCopyPlan returned a plan; want none")
	}
	if len(faults) != len(want) {
		t.Fatalf("got %d faults; want %d:\n%v", len(faults), len(want), JoinFaults(faults))
	}
	for i, fault := range faults {
		if got := fault.Error(); !strings.HasPrefix(got, want[i]) || !strings.Contains(got, "powgin:\"-\"") {
			t.Errorf("fault %d = %q; want %q…", i, got, want[i])
		}
	}
}

// Their unexported fields are there to be refused, not to be used.
var (
	_ = ruleDecimal{value: nil, exp: 0}
	_ = ruleUser{tags: nil, hidden: ruleHidden{}, started: time.Time{}}
)

func TestCopyPlanRefusesNoStruct(t *testing.T) {
	t.Parallel()
	for _, typ := range []reflect.Type{reflect.TypeFor[int](), reflect.TypeFor[*ruleBase](), reflect.TypeFor[any]()} {
		if plan, faults := NewCopyPlan(typ, nil); plan != nil || len(faults) != 1 {
			t.Errorf("NewCopyPlan(%v) = %v, %v; want one fault", typ, plan, faults)
		}
	}
}

func TestCopyPlanRefusesAUserThatIsALock(t *testing.T) {
	t.Parallel()
	_, faults := NewCopyPlan(reflect.TypeFor[ruleLock](), nil)
	if len(faults) != 1 || faults[0].Field != "ruleLock" {
		t.Errorf("faults = %v; want one, of ruleLock itself", faults)
	}
}
