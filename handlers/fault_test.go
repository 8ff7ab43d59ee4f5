package handlers

import (
	"errors"
	"testing"
)

func TestFaultReadsAsASentence(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault Fault
		want  string
	}{
		{Fault{"User.Salt", "", "looks secret"}, "User.Salt looks secret"},
		{Fault{"Config.Grace", "2m0s", "must be at most 1m"}, "Config.Grace (2m0s) must be at most 1m"},
	}
	for _, tt := range tests {
		if got := tt.fault.Error(); got != tt.want {
			t.Errorf("Error() = %q; want %q", got, tt.want)
		}
		if got := tt.fault.String(); got != tt.want {
			t.Errorf("String() = %q; want %q", got, tt.want)
		}
	}
}

func TestJoinFaultsListsEveryFault(t *testing.T) {
	t.Parallel()
	if err := JoinFaults(nil); err != nil {
		t.Errorf("JoinFaults(nil) = %v; want nil", err)
	}
	second := Fault{"Config.Keys[0]", "5 bytes", "must have at least 32"}
	err := JoinFaults([]Fault{{"Config.DB", "", "is nil"}, second})
	want := "powgin: the set-up cannot be used:\n\tConfig.DB is nil\n\tConfig.Keys[0] (5 bytes) must have at least 32"
	if err.Error() != want {
		t.Errorf("JoinFaults() = %q; want %q", err, want)
	}
	if !errors.Is(err, second) {
		t.Errorf("errors.Is(%v, second fault) = false; want true", err)
	}
	var first Fault
	if !errors.As(err, &first) || first.Field != "Config.DB" {
		t.Errorf("errors.As gave %v; want the fault of Config.DB", first)
	}
}
