package handlers

import (
	"reflect"
	"unsafe"
)

// copyFunc replaces the references inside the value at p by copies.
type copyFunc func(p unsafe.Pointer, seen *seenRefs)

// typePlan is how values of one type are copied. It is referred to before it
// is complete where a type leads back to itself, so others look at copy only
// when they run.
type typePlan struct {
	open   bool     // still being compiled
	copy   copyFunc // nil: plain assignment is enough
	shared bool     // an assigned value still shares memory with its original
	cloned bool     // copied by the type's own Clone
	faults []Fault  // Field is the path from a value of this type
}

// mayShare is right for an open plan too: only pointers, slices and maps can
// lead back to a type.
func (plan *typePlan) mayShare() bool { return plan.open || plan.shared }

// planCompiler compiles each type once.
type planCompiler struct {
	immutable map[reflect.Type]bool
	plans     map[reflect.Type]*typePlan
	recursive bool
}

func (c *planCompiler) plan(t reflect.Type) *typePlan {
	if plan, ok := c.plans[t]; ok {
		c.recursive = c.recursive || plan.open
		return plan
	}
	plan := &typePlan{open: true}
	c.plans[t] = plan
	c.compile(t, plan)
	plan.open = false
	return plan
}

func (c *planCompiler) compile(t reflect.Type, plan *typePlan) {
	if c.immutable[t] {
		return
	}
	if clone, ok := cloneOf(t); ok {
		plan.copy, plan.shared, plan.cloned = thenClear(clone, clearings(t, 0)), true, true
		return
	}
	if rule := refusal(t); rule != "" {
		plan.faults = []Fault{{Value: t.String(), Rule: rule}}
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		c.compilePointer(t, plan)
	case reflect.Slice:
		c.compileSlice(t, plan)
	case reflect.Map:
		c.compileMap(t, plan)
	case reflect.Array:
		c.compileArray(t, plan)
	case reflect.Struct:
		c.compileStruct(t, plan)
	}
}

func (c *planCompiler) compilePointer(t reflect.Type, plan *typePlan) {
	elem := c.plan(t.Elem())
	plan.copy, plan.shared = copyPointer(t.Elem(), elem), true
	plan.adopt("", elem)
}

func (c *planCompiler) compileSlice(t reflect.Type, plan *typePlan) {
	elem := c.plan(t.Elem())
	plan.copy, plan.shared = copySlice(t, elem), true
	plan.adopt("[]", elem)
}

func (c *planCompiler) compileMap(t reflect.Type, plan *typePlan) {
	key, elem := c.plan(t.Key()), c.plan(t.Elem())
	plan.copy, plan.shared = copyMap(t, elem), true
	if key.mayShare() || len(key.faults) > 0 {
		plan.faults = []Fault{{Field: "[key]", Value: t.Key().String(), Rule: mapKeyRule}}
	}
	plan.adopt("[]", elem)
}

func (c *planCompiler) compileArray(t reflect.Type, plan *typePlan) {
	elem := c.plan(t.Elem())
	plan.shared = elem.mayShare()
	if (elem.open || elem.copy != nil) && t.Len() > 0 {
		plan.copy = copyArray(t, elem)
	}
	plan.adopt("[]", elem)
}

func (c *planCompiler) compileStruct(t reflect.Type, plan *typePlan) {
	var steps []structStep
	for f := range t.Fields() {
		if excluded(f) {
			continue // cleared, so nothing of it is left to copy
		}
		field := c.plan(f.Type)
		if hidden(f) && field.mayShare() && !field.cloned {
			plan.faults = append(plan.faults, Fault{Field: "." + f.Name, Value: f.Type.String(), Rule: hiddenRule(t)})
			continue
		}
		plan.adopt("."+f.Name, field)
		plan.shared = plan.shared || field.mayShare()
		if field.open || field.copy != nil {
			steps = append(steps, structStep{f.Offset, field})
		}
	}
	if rule := lockRule(t); rule != "" && len(plan.faults) == 0 {
		plan.faults = []Fault{{Value: t.String(), Rule: rule}}
	}
	plan.copy = thenClear(copyStruct(steps), ownClearings(t, 0))
}

// adopt takes over the faults of what a value of this type holds. Those of an
// open plan are reported by whoever is compiling it.
func (plan *typePlan) adopt(path string, inner *typePlan) {
	for _, fault := range inner.faults {
		plan.faults = append(plan.faults, fault.within(path))
	}
}

// hidden tells the fields that only their own package can reach. An embedded
// struct is reached through what it promotes, whatever its name.
func hidden(f reflect.StructField) bool {
	return !f.IsExported() && !(f.Anonymous && f.Type.Kind() == reflect.Struct)
}
