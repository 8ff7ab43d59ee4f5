package handlers

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with a set-up: which field, the value it
// has, and the rule it breaks. Rule continues the sentence that Field begins
// ("must be at most 1m", "looks secret: …"); Value may be empty where it would
// tell nothing. A Fault is a plain value, and an error.
type Fault struct {
	Field string
	Value string
	Rule  string
}

// Error gives the fault as one sentence: the field, its value in brackets
// where there is one, and the rule.
func (f Fault) Error() string {
	if f.Value == "" {
		return f.Field + " " + f.Rule
	}
	return f.Field + " (" + f.Value + ") " + f.Rule
}

// String is Error, for those who print a Fault.
func (f Fault) String() string { return f.Error() }

// within gives the fault as seen from the value that holds it, whose path is
// prefix.
func (f Fault) within(prefix string) Fault {
	f.Field = prefix + f.Field
	return f
}

// JoinFaults makes one error of all faults, so that one run shows everything
// that is to be mended. Its message lists each fault on a line of its own;
// errors.As finds the first Fault in it. No faults give nil.
func JoinFaults(faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	return faultsError(faults)
}

type faultsError []Fault

func (e faultsError) Error() string {
	var b strings.Builder
	b.WriteString("powgin: the set-up cannot be used:")
	for _, fault := range e {
		fmt.Fprintf(&b, "\n\t%s", fault)
	}
	return b.String()
}

func (e faultsError) Unwrap() []error {
	errs := make([]error, len(e))
	for i, fault := range e {
		errs[i] = fault
	}
	return errs
}
