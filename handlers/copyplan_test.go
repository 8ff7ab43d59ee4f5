package handlers

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/netip"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"gorm.io/gorm"
)

// mustPlan fails the test where T cannot be copied.
func mustPlan[T any](t testing.TB, immutable ...reflect.Type) *CopyPlan {
	t.Helper()
	plan, faults := NewCopyPlan(reflect.TypeFor[T](), immutable)
	if err := JoinFaults(faults); err != nil {
		t.Fatalf("NewCopyPlan: %v", err)
	}
	return plan
}

// detached copies v by the plan, as a request does.
func detached[T any](plan *CopyPlan, v T) T {
	fresh := v
	plan.Detach(unsafe.Pointer(&fresh))
	return fresh
}

type planFlat struct {
	gorm.Model
	Email  string
	Nick   sql.NullString
	Age    sql.Null[int]
	UID    testUUID
	Seen   time.Time
	Grid   [3][2]float64
	Addr   netip.Addr
	Nested struct{ A, B string }
	hidden time.Duration
}

func TestFlatPlanHasNothingToDo(t *testing.T) {
	t.Parallel()
	plan := mustPlan[planFlat](t)
	if !plan.Flat() {
		t.Error("Flat() = false; want true")
	}
	user := planFlat{Email: "a", Seen: time.Now(), hidden: 3}
	if got := detached(plan, user); got != user {
		t.Errorf("copy = %+v; want %+v", got, user)
	}
}

type planNested struct {
	ID      uint
	Name    *string
	Roles   []string
	Scores  []int16
	Labels  map[string]string
	Limits  map[string]int
	Raw     json.RawMessage
	Address *planAddress
	Friends []*planAddress
	ByName  map[string]planAddress
	ByCode  map[[2]int][]byte
	Deep    ***int
	Pair    [2][]string
	Header  http.Header
	At      *time.Time
	Seen    map[time.Time]*sql.NullString
	promoted
	*PlanBase
}

type planAddress struct {
	City  string
	Lines []string
	Geo   struct{ Lat, Long *float64 }
}

type promoted struct{ Tags []string }

// PlanBase is embedded by pointer.
type PlanBase struct{ Notes []string }

func TestDetachSharesNothing(t *testing.T) {
	t.Parallel()
	name, n, now, lat := "eve", 3, time.Now(), 1.5
	p1 := &n
	p2 := &p1
	user := planNested{
		Name: &name, Roles: []string{"admin"}, Scores: []int16{1, 2}, Labels: map[string]string{"a": "b"},
		Limits: map[string]int{"x": 1}, Raw: json.RawMessage(`{}`), Address: &planAddress{Lines: []string{"1"}},
		Friends: []*planAddress{nil, {City: "x"}}, ByName: map[string]planAddress{"h": {Lines: []string{"2"}}},
		ByCode: map[[2]int][]byte{{1, 2}: {3}}, Deep: &p2, Pair: [2][]string{{"a"}, nil},
		Header: http.Header{"A": {"b"}}, At: &now, Seen: map[time.Time]*sql.NullString{now: {String: "s"}},
		promoted: promoted{Tags: []string{"t"}}, PlanBase: &PlanBase{Notes: []string{"n"}},
	}
	user.Address.Geo.Lat = &lat
	plan := mustPlan[planNested](t)
	if plan.Flat() {
		t.Error("Flat() = true; want false")
	}
	checkCopy(t, user, detached(plan, user))
	checkCopy(t, planNested{}, detached(plan, planNested{}))
}

func TestDetachKeepsNilAndEmptyApart(t *testing.T) {
	t.Parallel()
	type user struct {
		Bytes, NoBytes   []byte
		Texts, NoTexts   []string
		Times, NoTimes   []time.Time
		Labels, NoLabels map[string]int
	}
	spare := make([]string, 1, 100)
	got := detached(mustPlan[user](t), user{Bytes: []byte{}, Texts: []string{}, Times: []time.Time{}, Labels: map[string]int{}})
	if got.Bytes == nil || got.Texts == nil || got.Times == nil || got.Labels == nil {
		t.Errorf("copy of empty = %#v; want no nil", got)
	}
	if got.NoBytes != nil || got.NoTexts != nil || got.NoTimes != nil || got.NoLabels != nil {
		t.Errorf("copy of nil = %#v; want nil", got)
	}
	got = detached(mustPlan[user](t), user{Texts: spare, Times: make([]time.Time, 2, 50), Bytes: make([]byte, 3, 70)})
	if cap(got.Texts) != 1 || cap(got.Times) != 2 || cap(got.Bytes) != 3 {
		t.Errorf("capacities = %d, %d, %d; want the lengths 1, 2, 3", cap(got.Texts), cap(got.Times), cap(got.Bytes))
	}
}

type planNode struct {
	Name     string
	Next     *planNode
	Children []planNode
	Index    map[string]*planNode
	Any      planMap
	List     planList
	Password string `powgin:"-"`
}

type (
	planMap  map[string]planMap
	planList []planList
)

func TestDetachKeepsCyclesAndSharedParts(t *testing.T) {
	t.Parallel()
	shared := &planNode{Name: "shared", Password: "p"}
	a := &planNode{Name: "a", Next: shared}
	shared.Next = a
	loop := planMap{}
	loop["self"] = loop
	list := planList{nil, {}}
	list[0] = list
	user := planNode{
		Next: a, Children: []planNode{{Next: shared}}, Index: map[string]*planNode{"s": shared, "nil": nil},
		Any: loop, List: list,
	}
	got := detached(mustPlan[planNode](t), user)
	if got.Next == a || got.Next.Next == shared || got.Next.Next.Name != "shared" {
		t.Fatalf("copy leads to the original's nodes")
	}
	if got.Next.Next != got.Index["s"] || got.Children[0].Next != got.Index["s"] {
		t.Error("a shared node has become several")
	}
	if got.Next.Next.Next != got.Next {
		t.Error("a cycle is no longer one")
	}
	if got.Index["s"].Password != "" || shared.Password != "p" {
		t.Errorf("passwords = %q in the copy, %q in the original; want it cleared in the copy alone", got.Index["s"].Password, shared.Password)
	}
	if reflect.ValueOf(got.Any).Pointer() == reflect.ValueOf(loop).Pointer() ||
		reflect.ValueOf(got.Any).Pointer() != reflect.ValueOf(got.Any["self"]).Pointer() {
		t.Error("a map that holds itself is not copied as one")
	}
	if &got.List[0] == &list[0] || &got.List[0][0] != &got.List[0] {
		t.Error("a list that holds itself is not copied as one")
	}
}

func TestDetachClearsExcludedFields(t *testing.T) {
	t.Parallel()
	type creds struct {
		Hash  string `powgin:"-"`
		Level int
	}
	type user struct {
		Name   string
		Hash   string          `powgin:"-"`
		Salt   []byte          `powgin:"-"`
		Hook   func()          `powgin:"-"`
		Extra  any             `powgin:"-"`
		Mu     sync.Mutex      `powgin:"-"`
		hidden map[string]bool `powgin:"-"`
		Creds  creds
		Old    []creds
		Fixed  [2]creds
	}
	plan := mustPlan[user](t)
	got := user{
		Name: "eve", Hash: "h", Salt: []byte("s"), Hook: func() {}, Extra: 1, hidden: map[string]bool{},
		Creds: creds{"h", 1}, Old: []creds{{"h", 2}}, Fixed: [2]creds{{"h", 3}, {"h", 4}},
	}
	old := got.Old
	plan.Detach(unsafe.Pointer(&got))
	want := user{Name: "eve", Creds: creds{"", 1}, Old: []creds{{"", 2}}, Fixed: [2]creds{{"", 3}, {"", 4}}}
	if !reflect.DeepEqual(&got, &want) {
		t.Errorf("copy = %+v; want %+v", &got, &want)
	}
	if old[0].Hash != "h" {
		t.Error("the original lost a field")
	}
	type flat struct {
		Hash string `powgin:"-"`
	}
	if mustPlan[flat](t).Flat() {
		t.Error("Flat() = true for a type with a field to clear; want false")
	}
}

type (
	clonedValue struct {
		hidden []int
		Salt   string `powgin:"-"`
		calls  *atomic.Int32
	}
	clonedPointer struct{ hidden map[string]int }
	clonedSelf    struct{ hidden []int }
	clonedUser    struct {
		ID     uint
		Roles  []string
		Secret string `powgin:"-"`
		Value  clonedValue
		lock   sync.Mutex
	}
)

func (c clonedValue) Clone() clonedValue {
	c.calls.Add(1)
	c.hidden = append([]int(nil), c.hidden...)
	return c
}

func (c *clonedPointer) Clone() clonedPointer {
	return clonedPointer{map[string]int{"cloned": c.hidden["cloned"] + 1}}
}

func (c *clonedSelf) Clone() *clonedSelf { return &clonedSelf{append([]int{-1}, c.hidden...)} }

func (c *clonedUser) Clone() clonedUser {
	return clonedUser{ID: c.ID, Roles: append([]string{"cloned"}, c.Roles...), Secret: c.Secret, Value: c.Value}
}

func TestDetachGoesThroughClone(t *testing.T) {
	t.Parallel()
	type embedsCloned struct {
		clonedValue // its Clone is promoted, and returns another type
		Roles       []string
	}
	type user struct {
		Value  clonedValue
		Ptr    *clonedPointer
		Self   *clonedSelf
		NoSelf *clonedSelf
		hidden clonedPointer
		Outer  embedsCloned
		List   []clonedValue
	}
	calls := &atomic.Int32{}
	v := clonedValue{hidden: []int{1}, Salt: "s", calls: calls}
	src := user{
		Value: v, Ptr: &clonedPointer{map[string]int{"cloned": 1}}, Self: &clonedSelf{[]int{5}},
		hidden: clonedPointer{map[string]int{"cloned": 7}}, Outer: embedsCloned{v, []string{"r"}}, List: []clonedValue{v, v},
	}
	got := detached(mustPlan[user](t), src)
	if got.Value.hidden[0] != 1 || &got.Value.hidden[0] == &v.hidden[0] || &got.Outer.hidden[0] == &v.hidden[0] {
		t.Error("a value with Clone is not copied by it")
	}
	if got.Value.Salt != "" || got.List[1].Salt != "" {
		t.Errorf("Salt = %q, %q; want it cleared after Clone", got.Value.Salt, got.List[1].Salt)
	}
	if n := calls.Load(); n != 4 {
		t.Errorf("Clone ran %d times; want 4", n)
	}
	if got.Ptr == src.Ptr || got.Ptr.hidden["cloned"] != 2 || got.hidden.hidden["cloned"] != 8 {
		t.Errorf("a value with Clone on its pointer = %v, %v; want what Clone made", got.Ptr, got.hidden)
	}
	if got.Self == src.Self || got.Self.hidden[0] != -1 || got.NoSelf != nil {
		t.Errorf("a pointer with Clone = %v, %v; want what Clone made, and nil", got.Self, got.NoSelf)
	}
}

func TestDetachUsesTheUsersOwnClone(t *testing.T) {
	t.Parallel()
	plan := mustPlan[clonedUser](t)
	got := clonedUser{ID: 1, Roles: []string{"r"}, Secret: "s", Value: clonedValue{Salt: "s"}}
	plan.Detach(unsafe.Pointer(&got))
	if got.ID != 1 || len(got.Roles) != 2 || got.Roles[0] != "cloned" {
		t.Errorf("copy = %v %v; want what Clone made", got.ID, got.Roles)
	}
	if got.Secret != "" || got.Value.Salt != "" {
		t.Errorf("secrets = %q, %q; want them cleared", got.Secret, got.Value.Salt)
	}
}

func TestDetachSharesImmutableTypes(t *testing.T) {
	t.Parallel()
	type decimal struct{ value *int }
	type user struct {
		Price decimal
		Loc   *time.Location
		List  []decimal
		Any   map[string]any
	}
	n := 5
	src := user{Price: decimal{&n}, Loc: time.UTC, List: []decimal{{&n}}, Any: map[string]any{"a": 1}}
	plan := mustPlan[user](t, reflect.TypeFor[decimal](), reflect.TypeFor[map[string]any]())
	got := detached(plan, src)
	if got.Price.value != &n || got.Loc != time.UTC || got.List[0].value != &n || &got.List[0] == &src.List[0] {
		t.Errorf("copy = %+v; want immutable values shared and the list copied", got)
	}
	if reflect.ValueOf(got.Any).Pointer() != reflect.ValueOf(src.Any).Pointer() {
		t.Error("an immutable map was copied")
	}
}

func TestDetachInParallel(t *testing.T) {
	t.Parallel()
	name := "eve"
	src := planNested{Name: &name, Roles: []string{"a"}, Labels: map[string]string{"a": "b"}, Friends: []*planAddress{{City: "x"}}}
	plan := mustPlan[planNested](t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				user := detached(plan, src)
				*user.Name, user.Roles[0], user.Labels["a"], user.Friends[0].City = "x", "x", "x", "y"
			}
		})
	}
	wg.Wait()
	if name != "eve" || src.Roles[0] != "a" || src.Labels["a"] != "b" || src.Friends[0].City != "x" {
		t.Errorf("the original = %+v; want it unchanged", src)
	}
}
